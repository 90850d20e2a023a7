"""Properties against brute force: random points, the oracles' neighbours, and what is known by heart."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from swimrl.activations import REGISTRY, activation, parse_name
from swimrl.activations.properties import properties, sharpness_asymmetry
from swimrl.errors import FormulaError

FORMULAS = [definition.name for definition in REGISTRY.definitions() if definition.expression]


def random_curve(name, bound=30.0):
    """Sorted random points, values and slopes; no point of any grid is among them."""
    points = np.sort(np.random.default_rng(0).uniform(-bound, bound, 20_000))
    x = torch.tensor(points, requires_grad=True)
    module = activation(name).double().eval()
    y = module(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    return points, y.detach().numpy(), slope.numpy()


def no_value_leaves_the_range_and_some_come_near_its_ends(name):
    found = properties(parse_name(name))
    _, values, _ = random_curve(name)
    assert values.min() >= found.infimum - 1e-7
    assert values.max() <= found.supremum + 1e-7
    for end, reached in ((found.infimum, values.min()), (found.supremum, values.max())):
        if math.isfinite(end):
            assert abs(end - reached) < 0.07  # algebraic tails are this far from their limit at 30
        else:
            assert abs(reached) > 0.15


def monotone_is_what_sorted_points_say(name):
    _, values, _ = random_curve(name)
    steps = np.diff(values)
    rounding = 1e-13 * np.abs(values[1:]) + 1e-13
    found = properties(parse_name(name)).monotone
    assert found == "rising" if np.all(steps >= -rounding) else found != "rising"
    assert found == "falling" if np.all(steps <= rounding) else found != "falling"


def no_slope_is_steeper_than_the_lipschitz_bound_and_some_come_near(name):
    found = properties(parse_name(name))
    points, values, slopes = random_curve(name)
    if found.smoothness == "discontinuous":
        assert np.max(np.abs(np.diff(values) / np.diff(points))) > 50
        assert found.lipschitz == math.inf
    elif math.isfinite(found.lipschitz):
        steepest = np.max(np.abs(slopes))
        assert steepest <= found.lipschitz * (1 + 1e-7)
        assert steepest > 0.97 * found.lipschitz
    else:
        farther = np.max(np.abs(random_curve(name, bound=100.0)[2]))
        assert farther > 3 * np.max(np.abs(slopes))


def values_at_0_are_the_modules(name):
    found = properties(parse_name(name))
    x = torch.zeros((), dtype=torch.float64, requires_grad=True)
    value = activation(name).double()(x)
    (slope,) = torch.autograd.grad(value, x)
    # Learned parameters of a module are float32 numbers.
    assert found.value_at_0 == pytest.approx(value.item(), rel=1e-6, abs=1e-7)
    assert found.slope_at_0 == pytest.approx(slope.item(), rel=1e-6, abs=1e-7)


def mean_is_that_of_many_draws(name):
    draws = torch.randn(400_000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    values = activation(name).double()(draws).detach()
    error = values.std().item() / math.sqrt(len(draws))
    assert abs(properties(parse_name(name)).mean - values.mean().item()) < 5 * error + 1e-6


@pytest.mark.parametrize("name", FORMULAS)
def test_properties_are_what_brute_force_finds(name):
    no_value_leaves_the_range_and_some_come_near_its_ends(name)
    monotone_is_what_sorted_points_say(name)
    no_slope_is_steeper_than_the_lipschitz_bound_and_some_come_near(name)
    values_at_0_are_the_modules(name)
    mean_is_that_of_many_draws(name)


@pytest.mark.parametrize(
    ("smoothness", "names"),
    [
        ("discontinuous", ["hardshrink", "expr: step(x)", "expr: where(x > 1, x, 0)"]),
        ("C0", ["relu", "prelu", "hardtanh", "selu", "elu(alpha=0.5)", "softshrink", "expr: abs(x)"]),
        ("C1", ["elu", "ulu", "relu2", "sqnl", "celu(alpha=0.5)", "xielu", "symlog", "softsign"]),
        ("C2", ["isrlu", "repu", "expr: relu(x)**3"]),
        ("C3", ["repu(p=4)"]),
        ("smooth", ["swim", "swish", "mish", "gelu", "tgate(nu=4)", "sinc", "squareplus", "srs", "colu"]),
        ("smooth", ["ulu(alpha2=0.5)", "tanhsoft3", "sine", "leaky_relu(slope=1)"]),
    ],
)
def test_smoothness_known_by_heart(smoothness, names):
    assert {name: properties(parse_name(name)).smoothness for name in names} == dict.fromkeys(
        names, smoothness
    )


def test_what_is_known_of_swim():
    """Minimum -0.1501416/k, slopes up to 1.0443311 at sqrt(2)/k."""
    for name, k in (("swim", 0.5), ("swim(k=2)", 2.0), ("swim(k=trainable(2))", 2.0)):
        found = properties(parse_name(name))
        assert found.infimum == pytest.approx(-0.1501416 / k, rel=1e-6)
        assert found.lipschitz == pytest.approx(1.0443311, rel=1e-7)
        assert (found.supremum, found.limits, found.monotone) == (math.inf, (0.0, math.inf), "no")
        assert not found.zero_centred


def test_what_is_known_of_others():
    assert properties(parse_name("silu")).infimum == pytest.approx(-0.278464542761)
    assert properties(parse_name("selu")).zero_centred
    assert properties(parse_name("tanh")).zero_centred
    assert properties(parse_name("relu")).mean == pytest.approx(1 / math.sqrt(2 * math.pi))
    assert properties(parse_name("gaussian")).mean == pytest.approx(1 / math.sqrt(3))
    assert properties(parse_name("expr: -tanh(x)")).monotone == "falling"
    waves = properties(parse_name("sine"))
    assert (waves.infimum, waves.supremum) == pytest.approx((-1.0, 1.0))
    assert all(math.isnan(limit) for limit in waves.limits)


def test_modules_have_none():
    with pytest.raises(FormulaError, match="no computed properties"):
        properties(parse_name("torch.nn:ReLU"))


def test_sharpness_asymmetry():
    assert sharpness_asymmetry(0.7, -0.7) == 0.0
    assert sharpness_asymmetry(0.0, 0.3) == 1.0
    assert sharpness_asymmetry(0.3, 0.0) == -1.0
    assert sharpness_asymmetry(1.0, 2.0) == pytest.approx(0.6)
    assert sharpness_asymmetry(10.0, 20.0) == pytest.approx(0.6)
    assert math.isnan(sharpness_asymmetry(0.0, 0.0))
