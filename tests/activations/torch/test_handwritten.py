"""Activations that are no formula: their values by hand, their shapes, their randomness."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
from torch import nn

from swimrl.activations import REGISTRY, activation, activation_fn, parse_name
from swimrl.activations.torch.factory import output_width
from swimrl.activations.torch.handwritten import Stochastic
from swimrl.errors import FormulaError

NAMES = [definition.name for definition in REGISTRY.definitions() if definition.module]
RANDOM = ["rrelu", "nrelu", "probact", "elastic_relu", "pats", "noisy_hardtanh"]
WIDTH = 12


def make(name, width=WIDTH):
    torch.manual_seed(0)
    return activation(name, width=width).double()


def layer(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def sample(name, rows=5):
    return layer(rows, WIDTH, 4, 4) if name == "funnel_relu" else layer(rows, WIDTH)


@pytest.mark.parametrize("name", NAMES)
def test_contract(name):
    """The width it promises, finite gradients for everything, no change of its input, one row at a time."""
    module, x = make(name).eval(), sample(name).requires_grad_()
    before = x.detach().clone()
    value = module(x)
    assert torch.equal(x, before)
    assert value.shape[1] == output_width(module, WIDTH)
    assert value.dtype == x.dtype
    gradients = torch.autograd.grad(value.square().sum(), [x, *module.parameters()])
    assert all(gradient.isfinite().all() for gradient in gradients)
    assert all(gradient.abs().sum() > 0 for gradient in gradients)
    torch.testing.assert_close(module(x[2:3]), value[2:3])  # a sample does not see the others
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(twin(x), value)
    if name != "funnel_relu":
        assert module(x[0]).shape == value[0].shape


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", NAMES)
def test_extreme_numbers_give_no_nan(name, dtype):
    """Neither in a value nor in a gradient, for rows with a few large numbers and for rows of them alone."""
    if (name, dtype) == ("meta_acon", torch.float16):
        pytest.skip("float16 cannot hold the sums of its inner linear layers")
    largest = torch.finfo(dtype).max
    module = make(name).to(dtype).eval()
    for size in (1e4, 6e4, largest**0.25, largest**0.5, largest / 64):
        x = sample(name).to(dtype)
        x[1, 0], x[2, 1], x[3] = size, -size, -size
        x[4] = size * x[4].sign()
        x.requires_grad_()
        value = module(x)
        assert not value.isnan().any()
        (gradient,) = torch.autograd.grad(value, x, torch.ones_like(value))
        assert not gradient.isnan().any()


@pytest.mark.parametrize("name", NAMES)
def test_factories_make_unshared_modules(name):
    factory = activation_fn(name)
    first, second = factory(WIDTH), factory(WIDTH)
    assert not {id(p) for p in first.parameters()} & {id(p) for p in second.parameters()}
    assert pickle.loads(pickle.dumps(factory)) == factory
    assert parse_name(parse_name(name).canonical) == parse_name(name)


@pytest.mark.parametrize("name", NAMES)
def test_differentiates(name):
    module, x = make(name, 6).eval(), layer(2, 6)
    if name == "funnel_relu":
        x = layer(2, 6, 3, 3)
    assert torch.autograd.gradcheck(module, (x.requires_grad_(),))


@pytest.mark.parametrize("name", RANDOM)
def test_random_in_training_and_deterministic_in_evaluation(name):
    module, x = make(name), layer(50, WIDTH)
    assert isinstance(module, Stochastic)
    module.train()
    assert not torch.equal(module(x), module(x))
    module.eval()
    assert torch.equal(module(x), module(x))


@pytest.mark.parametrize("name", RANDOM)
def test_randomness_comes_from_the_generator(name):
    module, x = make(name).train(), layer(50, WIDTH)
    state = torch.get_rng_state()
    module.generator = torch.Generator().manual_seed(3)
    first, second = module(x), module(x)
    module.generator = torch.Generator().manual_seed(3)
    assert torch.equal(module(x), first)
    assert torch.equal(module(x), second)
    assert torch.equal(torch.get_rng_state(), state)
    assert pickle.loads(pickle.dumps(module)).generator is None
    module.generator = None
    torch.manual_seed(1)
    first = module(x)
    torch.manual_seed(1)
    assert torch.equal(module(x), first)


def mean_of_rectified_normal(mean, deviation):
    """E[max(0, z)] for a normal z."""
    ratio = mean / deviation
    density = torch.exp(-(ratio**2) / 2) / math.sqrt(2 * math.pi)
    return mean * torch.special.ndtr(ratio) + deviation * density


@pytest.mark.parametrize(
    ("name", "training_mean", "evaluation"),
    [
        ("rrelu", lambda x: torch.where(x > 0, x, 11 / 48 * x), lambda x: torch.where(x > 0, x, 11 / 48 * x)),
        ("probact", torch.relu, torch.relu),
        ("elastic_relu", torch.relu, torch.relu),
        (
            "nrelu",
            lambda x: mean_of_rectified_normal(x, torch.sigmoid(x).sqrt()),
            torch.relu,
        ),
        ("pats", None, lambda x: x * torch.atan(math.pi * 5 / 8 * torch.sigmoid(x))),
    ],
)
def test_values_of_the_random_ones(name, training_mean, evaluation):
    module, x = make(name), torch.linspace(-3, 3, 13, dtype=torch.float64)
    torch.testing.assert_close(module.eval()(x), evaluation(x))
    if training_mean is not None:
        draws = module.train()(x.expand(40_000, -1))
        error = draws.std(0) / 200 + 1e-4  # for 200^2 draws; rare events may be missing
        assert ((draws.mean(0) - training_mean(x)).abs() < 5 * error).all()


def test_noisy_hardtanh_by_hand():
    x = torch.tensor([-3.0, -0.5, 0.25, 2.0], dtype=torch.float64)
    noise = 0.5 * (1 / (1 + torch.tensor([math.exp(-2), 1, 1, math.exp(1)], dtype=torch.float64)) - 0.5) ** 2
    back = torch.tensor([-1.15 + 0.45, -0.5, 0.25, 1.15 - 0.3], dtype=torch.float64)
    expected = back + torch.sign(x) * noise * math.sqrt(2 / math.pi)
    torch.testing.assert_close(make("noisy_hardtanh").eval()(x), expected)
    assert torch.equal(make("noisy_hardtanh(alpha=1, c=0)").train()(x), nn.functional.hardtanh(x))


def test_kaf_starts_at_elu_smoothed_over_the_width_of_its_bumps():
    """sqrt(3) times the distance of the bumps is their width, and between them no ripple is left."""
    module = make("kaf", width=1)
    points, width = torch.linspace(-1.2, 1.2, 7, dtype=torch.float64), math.sqrt(3) * 6 / 19
    offsets = torch.linspace(-1.75, 1.75, 3501, dtype=torch.float64)
    density = torch.exp(-((offsets / width) ** 2) / 2)
    smoothed = nn.functional.elu(points[:, None] + offsets) @ density / density.sum()
    torch.testing.assert_close(module(points[:, None])[:, 0], smoothed, rtol=0, atol=0.02)
    assert module(torch.tensor([[8.0]], dtype=torch.float64)).abs().item() < 1e-12


def test_kaf_has_weights_for_each_neuron():
    module = make("kaf", width=2)
    with torch.no_grad():
        module.weight.zero_()
        module.weight[1, 19] = 2.0
    x = torch.tensor([[2.5, 2.5]], dtype=torch.float64)
    bump = 2 * math.exp(-((2.5 - 3) ** 2) / (6 * (6 / 19) ** 2))
    torch.testing.assert_close(module(x), torch.tensor([[0.0, bump]], dtype=torch.float64))


def test_poly_norm_by_hand():
    x = torch.tensor([[1.0, -2.0, 2.0]], dtype=torch.float64)
    module = make("poly_norm")
    with torch.no_grad():
        module.weight.copy_(torch.tensor([1.0, 2.0, 3.0]))
        module.bias.fill_(0.5)
    roots = [((1 + 2 * 4**k) / 3 + 1e-6) ** 0.5 for k in (3, 2, 1)]
    expected = [
        sum(w * v**k / root for w, k, root in zip((1, 2, 3), (3, 2, 1), roots, strict=True)) + 0.5
        for v in (1, -2, 2)
    ]
    torch.testing.assert_close(module(x), torch.tensor([expected], dtype=torch.float64))


def test_rrelu_in_evaluation_is_torchs():
    x = layer(7, 5)
    torch.testing.assert_close(make("rrelu").eval()(x), nn.RReLU().eval()(x))


def test_values_by_hand():
    x = torch.tensor([[1.0, -2.0, 3.0, 0.5]], dtype=torch.float64)
    assert make("crelu")(x).tolist() == [[1.0, 0.0, 3.0, 0.5, 0.0, 2.0, 0.0, 0.0]]
    assert make("maxout")(x).tolist() == [[1.0, 3.0]]
    assert make("maxout(pieces=4)")(x).tolist() == [[3.0]]
    assert make("reglu")(x).tolist() == [[3.0, -1.0]]
    assert make("oplu")(x).tolist() == [[1.0, -2.0, 3.0, 0.5]]
    assert make("oplu")(-x).tolist() == [[2.0, -1.0, -0.5, -3.0]]
    assert make("kwta(share=0.5)")(x).tolist() == [[1.0, 0.0, 3.0, 0.0]]
    assert make("kwta(share=0.01)")(x).tolist() == [[0.0, 0.0, 3.0, 0.0]]
    assert make("abrelu")(x).tolist() == [[0.375, 0.0, 2.375, 0.0]]
    torch.testing.assert_close(make("glu")(x), nn.GLU()(x))
    torch.testing.assert_close(make("swiglu")(x), x[:, :2] * nn.functional.silu(x[:, 2:]))
    torch.testing.assert_close(make("geglu")(x), x[:, :2] * nn.functional.gelu(x[:, 2:]))
    torch.testing.assert_close(make("softmax")(x), x.exp() / x.exp().sum())


def test_lslu():
    x = layer(4, WIDTH)
    module = make("lslu")
    assert torch.equal(module(x), torch.relu(x))
    assert [tuple(p.shape) for p in module.parameters()] == [(3,), (3,)]
    with torch.no_grad():
        module.theta.copy_(torch.tensor([2.0, -1.0, 0.5]))
        module.omega.copy_(torch.tensor([-1.0, 3.0, 0.25]))
    expected = 0.5 * (3 - (2 * x.clamp(min=0) - 1).clamp(min=0)).clamp(min=0) + 0.25
    torch.testing.assert_close(module(x), expected.clamp(min=0))
    assert make("lslu(n=5)", width=2).theta.shape == (5,)  # the original fails where the layer is narrower


def test_lslu_for_images():
    module, image = make("lslu(n=2, spatial=1)", width=3), layer(4, 3, 8, 8)
    assert module(image).shape == image.shape
    convolution = module.spread[0]
    assert convolution.weight.shape == (3, 1, 5, 5)
    assert convolution.weight.std().item() == pytest.approx(0.02, rel=0.3)
    found = module.train()(image)
    assert found.mean((0, 2, 3)).abs().max() < 1e-9


def test_meta_acon_by_hand():
    module, x = make("meta_acon"), layer(3, WIDTH)
    with torch.no_grad():
        module.p1.copy_(layer(WIDTH, seed=1))
        module.p2.copy_(layer(WIDTH, seed=2))
    beta = torch.sigmoid(
        (x @ module.squeeze.weight.T + module.squeeze.bias) @ module.expand.weight.T + module.expand.bias
    )
    difference = module.p1 - module.p2
    expected = difference * x / (1 + torch.exp(-beta * difference * x)) + module.p2 * x
    torch.testing.assert_close(module(x), expected)
    assert module.squeeze.out_features == 16


def test_dynamic_relu_is_relu_without_its_second_layer():
    module, x = make("dynamic_relu"), layer(3, WIDTH)
    with torch.no_grad():
        module.expand.weight.zero_()
        module.expand.bias.zero_()
    torch.testing.assert_close(module(x), torch.relu(x))
    with torch.no_grad():
        # theta = 2 sigmoid(log 3) - 1 = 1/2 for the slope of the second line of every neuron
        module.expand.bias.view(WIDTH, 4)[:, 1] = math.log(3)
    torch.testing.assert_close(module(x), torch.maximum(x, x / 2))


def test_mistakes():
    with pytest.raises(FormulaError, match="cannot divide 5 neurons by 2"):
        make("swiglu")(layer(1, 5))
    with pytest.raises(FormulaError, match="maxout cannot divide 7 neurons by 3"):
        output_width(make("maxout(pieces=3)"), 7)
    with pytest.raises(FormulaError, match="is for images"):
        make("funnel_relu")(layer(2, WIDTH))
    with pytest.raises(FormulaError, match="needs their number"):
        activation("meta_acon")
    with pytest.raises(FormulaError, match="cannot be learned"):
        parse_name("rrelu(lower=trainable)")
    with pytest.raises(FormulaError, match="must be one of"):
        parse_name("maxout(pieces=2.5)")
