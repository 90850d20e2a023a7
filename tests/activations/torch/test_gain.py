from __future__ import annotations

import math

import pytest
import torch
from scipy import integrate, special

from swimrl.activations import activation, parse_name, variance_gain
from swimrl.errors import FormulaError


@pytest.mark.parametrize(
    ("name", "gain"),
    [
        ("relu", 2.0),
        ("leaky_relu", 2 / (1 + 0.01**2)),
        ("prelu(slope=0.5)", 2 / (1 + 0.25)),
        ("selu", 1.0),  # made for it
        ("expr: x", 1.0),
        ("expr: x**2", 1 / 3),
        ("expr: sin(x)", 2 / (1 - math.exp(-2))),
        ("expr: where(x > 0.5, x, 0)", None),
    ],
)
def test_known_gains(name, gain):
    if gain is None:  # E[z^2; z > a] = a phi(a) + 1 - Phi(a)
        gain = 1 / (0.5 * math.exp(-0.125) / math.sqrt(2 * math.pi) + special.ndtr(-0.5))
    assert variance_gain(parse_name(name)) == pytest.approx(gain, rel=1e-12)


@pytest.mark.parametrize(
    "name", ["swim", "swim(k=20)", "mish", "gelu", "elu(alpha=3)", "ulu", "softplus(beta=0.1)"]
)
def test_agrees_with_adaptive_quadrature(name):
    module = activation(name)

    def integrand(z):
        value = module(torch.tensor(z, dtype=torch.float64)).item()
        return value**2 * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)

    halves = [integrate.quad(integrand, *ends, epsabs=1e-12)[0] for ends in ((-12, 0), (0, 12))]
    assert variance_gain(parse_name(name)) == pytest.approx(1 / sum(halves), rel=1e-9)


def test_a_module_is_measured_and_left_alone():
    dropout = torch.nn.Sequential(torch.nn.ReLU(), torch.nn.Dropout(0.5)).train()
    assert variance_gain(dropout) == pytest.approx(2.0, rel=1e-12)
    assert dropout.training
    module = activation("prelu")
    assert variance_gain(module) == pytest.approx(2 / (1 + 0.0625), rel=1e-12)
    assert module.slope.dtype == torch.float32
    assert module.slope.requires_grad


@pytest.mark.parametrize("name", ["swim", "relu", "tanh"])
def test_a_layer_keeps_the_mean_square(name):
    generator, width = torch.Generator().manual_seed(0), 256
    std = math.sqrt(variance_gain(parse_name(name)) / width)
    x = torch.randn(1000, width, generator=generator)
    y = activation(name)(x) @ (torch.randn(width, width, generator=generator) * std)
    assert y.square().mean().item() == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("name", ["expr: 0.0*x + exp(x**2)", "expr: 1e200*x*1e-50*1e100", "expr: a*x; a=0"])
def test_no_gain(name):
    with pytest.raises(FormulaError, match="has no gain"):
        variance_gain(parse_name(name))
