"""Learned parameters: how many sets there are, and the bounds within which they stay."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch

from swimrl.activations import activation, activation_fn, parse_name
from swimrl.activations.torch.factory import ActivationFactory, output_width
from swimrl.errors import FormulaError

X = torch.linspace(-5, 5, 33, dtype=torch.float64).reshape(11, 3)


def test_a_neuron_has_its_own_parameters():
    module = activation("swim(k=trainable, granularity=neuron)", width=3).double()
    assert module.k.shape == (3,)
    k = torch.tensor([0.3, 1.0, 2.5], dtype=torch.float64)
    with torch.no_grad():
        module.k.copy_(k)
    expected = torch.stack([activation(f"swim(k={k[n].item()!r})")(X[:, n]) for n in range(3)], dim=1)
    torch.testing.assert_close(module(X), expected, rtol=1e-12, atol=1e-15)
    (gradient,) = torch.autograd.grad(module(X).sum(), module.k)
    by_hand = X**2 / 2 * (1 + (k * X) ** 2) ** -1.5
    torch.testing.assert_close(gradient, by_hand.sum(0), rtol=1e-10, atol=1e-12)


def test_a_neuron_set_survives_copy_pickle_and_state_dict():
    module = activation("taaf(prelu, granularity=neuron)", width=3).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.rand(3, generator=torch.Generator().manual_seed(0)))
    other = activation("taaf(prelu, granularity=neuron)", width=3).double()
    other.load_state_dict(module.state_dict())
    for twin in (copy.deepcopy(module), pickle.loads(pickle.dumps(module)), other):
        assert torch.equal(twin(X), module(X))


def test_the_width_must_be_known():
    with pytest.raises(FormulaError, match="needs their number"):
        activation("prelu(granularity=neuron)")
    factory = activation_fn("prelu(granularity=neuron)")
    assert factory(width=7).slope.shape == (7,)
    with pytest.raises(FormulaError, match="width=256"):
        factory()
    assert activation("prelu", width=7).slope.shape == ()
    assert output_width(activation("prelu"), 7) == 7


def test_a_network_shares_one_module():
    factory = activation_fn("pau(granularity=network)")
    assert isinstance(factory, ActivationFactory)
    assert factory.is_shared
    assert not activation_fn("pau").is_shared
    assert parse_name("rational(granularity=network)").canonical == "pau(granularity=network)"
    assert parse_name("pau(granularity=layer)") == parse_name("pau")


@pytest.mark.parametrize(
    ("bounds", "low", "high"),
    [("low=0", 0.0, math.inf), ("high=2", -math.inf, 2.0), ("low=-1, high=2", -1.0, 2.0)],
)
def test_bounds_hold_whatever_is_learned(bounds, low, high):
    module = activation(f"swish(beta=trainable(0.7, {bounds}))").double()
    x = X.clone().requires_grad_()
    assert module.effective()["beta"].item() == pytest.approx(0.7, rel=1e-6)
    torch.testing.assert_close(module(x), x * torch.sigmoid(0.7 * x), rtol=1e-6, atol=1e-6)
    seen = []
    for raw in (-30.0, -3.0, 0.0, 3.0, 30.0):
        with torch.no_grad():
            module.beta.fill_(raw)
        beta = module.effective()["beta"].item()
        torch.testing.assert_close(module(x), x * torch.sigmoid(beta * x), rtol=1e-12, atol=1e-14)
        assert torch.autograd.gradcheck(module, (x,))
        seen.append(beta)
    assert seen == sorted(seen)
    assert low <= seen[0]
    assert seen[-1] <= high
    assert seen[0] < 0.0 if math.isinf(low) else seen[0] == pytest.approx(low, abs=1e-8)
    assert seen[-1] > 2.0 if math.isinf(high) else seen[-1] == pytest.approx(high, abs=1e-8)


@pytest.mark.parametrize("value", [1e-6, 0.5, 3.0, 50.0, 1e4])
def test_raw_numbers_start_where_they_should(value):
    text = f"swim(k=trainable({value!r}, low=0))"
    spec = parse_name(text)
    assert parse_name(spec.canonical) == spec
    raw = spec.values[0].initial
    assert math.log1p(math.exp(-abs(raw))) + max(raw, 0) == pytest.approx(value, rel=1e-9)


def test_raw_parameters_of_the_catalogue_have_effective_values():
    """The published initial values of xIELU: 0.8 for both strengths, and the raw numbers behind them."""
    module = activation("xielu")
    assert module.a_p.item() == pytest.approx(0.2033823, abs=1e-7)
    assert module.a_n.item() == pytest.approx(-1.0502256, abs=1e-7)
    effective = module.effective()
    assert {name: round(value.item(), 6) for name, value in effective.items()} == {"a_p": 0.8, "a_n": 0.8}
