"""TAAF: what it computes, and the activations of the literature that are special cases of it."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional as F

from swimrl.activations import activation, parse_name
from swimrl.activations.language.taaf import taaf

X = torch.linspace(-12, 12, 481, dtype=torch.float64)


def relu(x):
    return x.clamp(min=0)


SPECIAL_CASES = {
    # name: (inner activation, alpha, beta, gamma, delta, formula), as in arXiv:2402.09249, tables 1 and 2
    "scaled tanh": ("tanh", 1.7159, 2 / 3, 0, 0, lambda x: 1.7159 * torch.tanh(2 * x / 3)),
    "shifted and scaled sigmoid": ("sigmoid", 1, 2, -0.6, 0, lambda x: torch.sigmoid(2 * (x - 0.3))),
    "flexible ReLU": ("relu", 1, 1, 0.5, -0.4, lambda x: relu(x + 0.5) - 0.4),
    "scaled sigmoid": ("sigmoid", 4, 1, 0, -2, lambda x: 4 * torch.sigmoid(x) - 2),
    "variant sigmoid": ("sigmoid", 1.5, 0.7, 0, -0.2, lambda x: 1.5 * torch.sigmoid(0.7 * x) - 0.2),
    "parametric sigmoid": ("sigmoid", 1.5, 0.7, 0, 0, lambda x: 1.5 * torch.sigmoid(0.7 * x)),
    "adaptive-slope sigmoid": ("sigmoid", 1, 0.7, 0, 0, lambda x: torch.sigmoid(0.7 * x)),
    "adaptive-slope tanh": ("tanh", 1, 0.7, 0, 0, lambda x: torch.tanh(0.7 * x)),
    "generalised tanh": (
        *("tanh", 1.3, 0.4, 0, 0),
        lambda x: 1.3 * (1 - torch.exp(-0.8 * x)) / (1 + torch.exp(-0.8 * x)),
    ),
    "trainable amplitude": ("gelu", 1.3, 1, 0, 0.2, lambda x: 1.3 * F.gelu(x) + 0.2),
    "layer-wise adaptive": ("mish", 1, 5 * 0.3, 0, 0, lambda x: F.mish(1.5 * x)),
    "sloped ReLU": ("relu", 2, 1, 0, 0, lambda x: 2 * relu(x)),
    "ShiLU": ("relu", 2, 1, 0, -0.3, lambda x: 2 * relu(x) - 0.3),
    "shifted ReLU": ("relu", 1, 1, 1, -1, lambda x: x.clamp(min=-1)),
    "displaced ReLU": ("relu", 1, 1, 0.6, -0.6, lambda x: x.clamp(min=-0.6)),
    "delay ReLU": ("relu", 1, 1, -0.6, 0, lambda x: relu(x - 0.6)),
    "StarReLU": ("relu2", 0.8944, 1, 0, -0.4472, lambda x: 0.8944 * relu(x) ** 2 - 0.4472),
    "Elliott": ("softsign", 0.5, 1, 0, 0.5, lambda x: 0.5 * x / (1 + x.abs()) + 0.5),
    "scaled softsign": ("softsign", 1.4, 1 / 3, 0, 0, lambda x: 1.4 * x / (3 + x.abs())),
    "parametric softplus": (
        *("softplus", 1.5, 1, 0, -1.5 * 0.7),
        lambda x: 1.5 * (torch.logaddexp(x, torch.zeros_like(x)) - 0.7),
    ),
    "softplus to linear": (
        *("softplus", 1, 1, 0, -math.log(2)),
        lambda x: torch.logaddexp(x, torch.zeros_like(x)) - math.log(2),
    ),
    "Swish": ("silu", 1 / 1.7, 1.7, 0, 0, lambda x: x * torch.sigmoid(1.7 * x)),
    "E-Swish": ("silu", 1.5, 1, 0, 0, lambda x: 1.5 * x * torch.sigmoid(x)),
    "AHAF": ("silu", 1.5 / 0.8, 0.8, 0, 0, lambda x: 1.5 * x * torch.sigmoid(0.8 * x)),
    "PGELU": ("gelu", 2.0, 1 / 2.0, 0, 0, lambda x: x * torch.special.ndtr(x / 2)),
    "PELU": (
        *("elu", 1.5, 1 / 0.6, 0, 0),
        lambda x: torch.where(x > 0, 1.5 / 0.6 * x, 1.5 * torch.expm1(x / 0.6)),
    ),
    "CELU": ("elu", 1.5, 1 / 1.5, 0, 0, lambda x: F.celu(x, 1.5)),
    "scaled exponential": ("expr: exp(x)", 1.5, 0.4, 0, -1.5, lambda x: 1.5 * torch.expm1(0.4 * x)),
    "flatten-T swish": ("fts(t=0)", 1, 1, 0, -0.2, lambda x: relu(x) * torch.sigmoid(x) - 0.2),
    "Swim": ("pflu", 2, 0.5, 0, 0, lambda x: x / 2 * (1 + 0.5 * x / torch.sqrt(1 + 0.25 * x**2))),
    "squareplus": (
        *("squareplus(b=1)", 3.0, 1 / 3, 0, 0),
        lambda x: (x + torch.sqrt(x**2 + 9)) / 2,
    ),
    "flexible ReLU of the catalogue": ("relu", 1, 1, 0, -0.398, activation("flexible_relu(b=-0.398)")),
    "swim of the catalogue": ("pflu", 1 / 0.8, 0.8, 0, 0, activation("swim(k=0.8)")),
    "fts of the catalogue": ("fts(t=0)", 1, 1, 0, -0.2, activation("fts")),
    "tgate of the catalogue": ("atlu", 4 / math.pi, math.pi / 4, 0, 0, activation("tgate(nu=1)")),
}


def wrapped(inner, alpha, beta, gamma, delta):
    """The module of a wrapped activation with fixed parameters."""
    from swimrl.activations.language.parameters import ParameterValue
    from swimrl.activations.language.spec import ActivationSpec
    from swimrl.activations.torch.factory import build

    definition = taaf(parse_name(inner))
    given = {"alpha": alpha, "beta": beta, "gamma": gamma, "delta": delta}
    values = tuple(
        ParameterValue(p.name, float(given.get(p.name, p.default)), trainable=False)
        for p in definition.parameters
    )
    return build(ActivationSpec(definition, values))


def test_there_are_at_least_31():
    assert len(SPECIAL_CASES) >= 31


@pytest.mark.parametrize("case", SPECIAL_CASES)
def test_special_cases(case):
    inner, alpha, beta, gamma, delta, formula = SPECIAL_CASES[case]
    found = wrapped(inner, alpha, beta, gamma, delta)(X)
    torch.testing.assert_close(found, formula(X), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("inner", ["swim", "elu", "hardswish", "xielu", "pau", "sqlu", "swim(k=trainable)"])
def test_starts_as_the_identity_around_its_inner_activation(inner):
    module = activation(f"taaf({inner})").double()
    torch.testing.assert_close(module(X), activation(inner).double()(X), rtol=1e-15, atol=0)
    names = {name for name, _ in module.named_parameters()}
    assert names >= {"alpha", "beta", "delta"}
    assert "gamma" not in names  # the layer's bias does its work


def test_learns_what_the_inner_activation_learns():
    module = activation("taaf(prelu(slope=trainable(0.3)), gamma=trainable)")
    assert {name for name, _ in module.named_parameters()} == {"alpha", "beta", "gamma", "delta", "f_slope"}
    assert module.f_slope.item() == pytest.approx(0.3)
    assert not list(activation("taaf(relu, alpha=2, beta=1, delta=0)").parameters())


@pytest.mark.parametrize("inner", ["elu", "xielu", "symexp", "tanhsoft3", "srs", "colu", "selu"])
def test_branches_stay_guarded(inner):
    """The branch not taken overflows at 1e4, and 0 times its infinite slope would be NaN."""
    module = activation(f"taaf({inner}, beta=trainable(0.003), gamma=0.5)")
    x = torch.tensor([-1e4, -1.0, 0.0, 1.0, 1e4], requires_grad=True)
    gradients = torch.autograd.grad(module(x).sum(), [x, *module.parameters()])
    assert all(gradient.isfinite().all() for gradient in gradients)


def test_derivatives_are_those_of_differences():
    module = activation("taaf(swim(k=trainable), alpha=trainable(1.4), gamma=trainable(0.3))").double()
    x = torch.tensor([-2.0, -0.3, 0.4, 3.0], dtype=torch.float64, requires_grad=True)

    def call(x, *parameters):
        names = [name for name, _ in module.named_parameters()]
        return torch.func.functional_call(module, dict(zip(names, parameters, strict=True)), (x,))

    assert torch.autograd.gradcheck(call, (x, *module.parameters()))
    assert torch.autograd.gradgradcheck(call, (x, *module.parameters()))


@pytest.mark.parametrize(
    ("text", "canonical", "slug"),
    [
        ("taaf( swim )", "taaf(swim)", "taaf-swim"),
        ("taaf(silu, alpha=1)", "taaf(swish, alpha=1)", "taaf-swish-alpha1"),
        ("taaf(swim(k=1), granularity=neuron)", "taaf(swim(k=1), granularity=neuron)", None),
        ("taaf(taaf(relu), beta=2)", "taaf(taaf(relu), beta=2)", None),
        ("taaf(swim, f_k=trainable(0.5, low=0))", "taaf(swim, f_k=trainable(0.5, low=0))", None),
    ],
)
def test_names(text, canonical, slug):
    spec = parse_name(text)
    assert spec.canonical == canonical
    assert parse_name(canonical) == spec
    assert slug in (None, spec.slug)
    assert spec.definition.family == "adaptive"
