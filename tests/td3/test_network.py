"""The perceptrons and their initial weights."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import integrate, stats
from stable_baselines3.common.torch_layers import create_mlp
from torch import nn

from swimrl.activations import activation_fn
from swimrl.td3.config import Initialisation
from swimrl.td3.network import AnyWidth, initialise, layer_gains, linear_layers, mlp

SCHEMES: list[Initialisation] = ["torch", "orthogonal", "variance"]


def drawn(
    scheme: Initialisation,
    hidden: list[int],
    activation: str = "relu",
    *,
    inputs: int = 20,
    output_gain: float = 1.0,
    layer_norm: bool = False,
    dtype: torch.dtype = torch.float32,
) -> nn.Sequential:
    """A perceptron with weights drawn from seed 7."""
    factories = [activation_fn(activation)] * len(hidden)
    network = mlp(inputs, 3, hidden, factories, layer_norm=layer_norm).to(dtype)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        initialise(network, scheme, output_gain=output_gain)
    return network


def linears(network: nn.Sequential) -> list[nn.Linear]:
    return [module for module in network if isinstance(module, nn.Linear)]


@pytest.mark.parametrize("hidden", [[], [5], [6, 5, 4]])
@pytest.mark.parametrize("squash", [False, True])
def test_weights_pass_from_stable_baselines3s_perceptron(hidden: list[int], squash: bool) -> None:
    theirs = nn.Sequential(*create_mlp(3, 2, hidden, nn.ReLU, squash_output=squash))
    ours = mlp(3, 2, hidden, [activation_fn("relu")] * len(hidden), squash=squash)
    ours.load_state_dict(theirs.state_dict())
    x = torch.linspace(-3, 3, 12).view(4, 3)
    assert torch.equal(ours(x), theirs(x))


def test_each_layer_has_the_activation_of_its_own_factory() -> None:
    shared = AnyWidth(nn.Tanh)
    network = mlp(3, 1, [4, 4, 4], [shared, activation_fn("swim(k=trainable)"), shared])
    assert [type(module).__name__ for module in network] == [
        *("Linear", "Tanh", "Linear", "Activation", "Linear", "Tanh", "Linear")
    ]
    assert len({id(module) for module in network}) == 7


def test_layer_norm_stands_between_matrix_and_activation() -> None:
    network = mlp(20, 1, [50, 40], [AnyWidth(nn.Tanh)] * 2, layer_norm=True)
    seen: list[torch.Tensor] = []
    for module in network:
        if isinstance(module, nn.Tanh):
            module.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    network(torch.linspace(-5, 5, 160).view(8, 20))
    assert len(seen) == 2
    for z in seen:
        torch.testing.assert_close(z.mean(1), torch.zeros(8), rtol=0, atol=1e-5)
        torch.testing.assert_close(z.var(1, unbiased=False), torch.ones(8), rtol=1e-2, atol=0)


def test_torchs_scheme_has_the_distribution_of_nn_linear() -> None:
    torch.manual_seed(1)
    reference = nn.Linear(100, 400)
    ours = linears(drawn("torch", [400], inputs=100))[0]
    bound = 1 / math.sqrt(100)
    for mine, theirs in ((ours.weight, reference.weight), (ours.bias, reference.bias)):
        values = mine.detach().flatten().numpy()
        assert abs(values).max() <= bound
        assert stats.kstest(values, stats.uniform(-bound, 2 * bound).cdf).pvalue > 0.01
        assert stats.ks_2samp(values, theirs.detach().flatten().numpy()).pvalue > 0.01


@pytest.mark.parametrize(("activation", "function"), [("relu", lambda z: max(z, 0.0)), ("tanh", math.tanh)])
def test_variance_rescales_the_hidden_matrices_of_torchs_draw(activation: str, function: object) -> None:
    def weighted_square(z: float) -> float:
        return function(z) ** 2 * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)  # type: ignore[operator]

    gain = 1 / (integrate.quad(weighted_square, -12, 0)[0] + integrate.quad(weighted_square, 0, 12)[0])
    hidden = [300, 200, 100]
    variance, torchs = (linears(drawn(scheme, hidden, activation)) for scheme in ("variance", "torch"))
    for position, (rescaled, plain) in enumerate(zip(variance, torchs, strict=True)):
        assert torch.equal(rescaled.bias, plain.bias)
        factor = {0: math.sqrt(3), 3: 1.0}.get(position, math.sqrt(3 * gain))
        torch.testing.assert_close(rescaled.weight, plain.weight * factor)
        if position in (1, 2):
            assert rescaled.weight.var().item() == pytest.approx(gain / rescaled.in_features, rel=0.03)


@pytest.mark.parametrize("activation", ["relu", "swim", "tanh", "gelu", "ulu"])
def test_variance_keeps_the_mean_square_of_the_activations(activation: str) -> None:
    def mean_squares(scheme: Initialisation) -> torch.Tensor:
        network = drawn(scheme, [1000] * 4, activation, inputs=1000)
        x = torch.randn(200, 1000, generator=torch.Generator().manual_seed(2))
        squares = []
        with torch.no_grad():
            for module in network:
                x = module(x)
                if not isinstance(module, nn.Linear):
                    squares.append(x.square().mean())
        return torch.stack(squares) * layer_gains(network)[1]

    torch.testing.assert_close(mean_squares("variance"), torch.ones(4), rtol=0.1, atol=0)
    assert mean_squares("torch")[-1] < 0.3  # torch's own draw lets it fade


def test_gains_of_relu_are_hes() -> None:
    assert layer_gains(drawn("torch", [4, 4])) == pytest.approx([1, 2, 2])
    assert layer_gains(drawn("torch", [4, 4], layer_norm=True)) == pytest.approx([1, 2, 2])


def test_orthogonal_matrices_have_their_gains_and_no_biases() -> None:
    first, second, output = linears(drawn("orthogonal", [20, 9], output_gain=0.01))
    for linear, gain in ((first, math.sqrt(2)), (second, math.sqrt(2)), (output, 0.01)):
        gram = linear.weight @ linear.weight.T
        torch.testing.assert_close(gram, gain**2 * torch.eye(len(gram)), rtol=0, atol=1e-5 * gain)
        assert not linear.bias.any()


@pytest.mark.parametrize("scheme", ["torch", "orthogonal"])
@pytest.mark.parametrize("other", [{"activation": "aulu"}, {"activation": "prelu"}, {"layer_norm": True}])
def test_draws_depend_on_the_sizes_alone(scheme: Initialisation, other: dict[str, object]) -> None:
    for one, two in zip(linears(drawn(scheme, [9, 8])), linears(drawn(scheme, [9, 8], **other)), strict=True):  # type: ignore[arg-type]
        assert torch.equal(one.weight, two.weight)
        assert torch.equal(one.bias, two.bias)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_double_precision_starts_from_the_same_numbers(scheme: Initialisation) -> None:
    single, double = drawn(scheme, [9, 8], "swim"), drawn(scheme, [9, 8], "swim", dtype=torch.float64)
    for one, two in zip(single.parameters(), double.parameters(), strict=True):
        assert torch.equal(one.double(), two)


def test_simba_is_the_papers_network() -> None:
    network = mlp(5, 2, "simba:6x2", [AnyWidth(nn.ReLU)] * 2)
    x = torch.linspace(-2, 2, 20).view(4, 5)
    named = dict(network.named_parameters())

    def linear(name: str, z: torch.Tensor) -> torch.Tensor:
        return z @ named[f"{name}.weight"].T + named[f"{name}.bias"]

    def norm(name: str, z: torch.Tensor) -> torch.Tensor:
        centred = z - z.mean(1, keepdim=True)
        normal = centred / (centred.square().mean(1, keepdim=True) + 1e-5).sqrt()
        return normal * named[f"{name}.weight"] + named[f"{name}.bias"]

    h = linear("0", x)
    for block in ("1", "2"):
        h = h + linear(f"{block}.3", linear(f"{block}.1", norm(f"{block}.0", h)).clamp(min=0))
    torch.testing.assert_close(network(x), linear("4", norm("3", h)))
    assert named["1.1.weight"].shape == (24, 6)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_residual_blocks_are_drawn_by_every_scheme(scheme: Initialisation) -> None:
    torch.manual_seed(0)
    network = mlp(50, 2, "residual:200x2", [activation_fn("relu")] * 2)
    initialise(network, scheme, output_gain=0.01)
    first, inner, outer, *_, output = linear_layers(network)
    if scheme == "orthogonal":
        torch.testing.assert_close(inner.weight @ inner.weight.T, 2 * torch.eye(200), rtol=0, atol=1e-4)
        assert output.weight.norm() < 0.1
    else:
        # No activation feeds the block's first layer; relu with gain 2 feeds its second one.
        for linear, gain in ((first, 1), (inner, 1), (outer, 2)):
            expected = (gain if scheme == "variance" else 1 / 3) / linear.in_features
            assert linear.weight.var().item() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("activation", ["crelu", "maxout"])
def test_blocks_keep_their_width_around_an_activation_that_changes_it(activation: str) -> None:
    network = mlp(5, 3, "simba:8x2", [activation_fn(activation)] * 2)
    assert network(torch.zeros(4, 5)).shape == (4, 3)
