"""The eager modules compute the same activations as our formulas."""

from __future__ import annotations

import pytest
import torch

from swimrl.activations import parse_name, value_and_derivatives
from swimrl.training.eager import eager_module

X = torch.linspace(-6, 6, 241, dtype=torch.float64)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("elu", "torch.nn.ELU"),
        ("gelu", "torch.nn.GELU"),
        ("leaky_relu", "torch.nn.LeakyReLU"),
        ("mish", "torch.nn.Mish"),
        ("relu", "torch.nn.ReLU"),
        ("swish", "torch.nn.SiLU"),
        ("tanh", "torch.nn.Tanh"),
        ("swim", "eager code"),
        ("swim(k=1)", "eager code"),
        ("swim(k=trainable(2))", "eager code"),
        ("ulu", "eager code"),
        ("ulu(alpha1=trainable, alpha2=trainable)", "eager code"),
        ("xielu", "eager code"),
        ("xielu(a_p=0.3, a_n=-1)", "eager code"),
        ("xiprelu", "eager code"),
        ("swish(beta=2)", "composite of the formula"),
        ("swish(beta=trainable)", "composite of the formula"),
        ("expr: a*x*sigmoid(b*x); a=2; b=trainable(3)", "composite of the formula"),
    ],
)
def test_value_and_gradients_are_the_formulas(name: str, kind: str) -> None:
    spec = parse_name(name)
    module, word = eager_module(spec)
    assert word == kind
    module = module.double()
    x = X.clone().requires_grad_()
    y = module(x)
    y.sum().backward()
    assert spec.formula is not None
    values = [
        torch.tensor(value.value, dtype=torch.float32).double() if value.trainable else value.value
        for value in spec.values
    ]
    expected, slope, *by_parameter = value_and_derivatives(spec.formula)(X, *values)
    torch.testing.assert_close(y.detach(), expected, rtol=1e-7, atol=1e-7)
    torch.testing.assert_close(x.grad, slope, rtol=1e-6, atol=1e-6)
    gradients = dict(module.named_parameters())
    assert set(gradients) == {value.name for value in spec.values if value.trainable}
    for value, derivative in zip(spec.values, by_parameter, strict=True):
        if value.trainable:
            torch.testing.assert_close(gradients[value.name].grad, derivative.sum(), rtol=1e-6, atol=1e-6)


def test_layers_share_no_parameters() -> None:
    spec = parse_name("swim(k=trainable)")
    assert eager_module(spec)[0].k is not eager_module(spec)[0].k


def test_anybodys_module_is_taken_as_it_is() -> None:
    module, word = eager_module(parse_name("torch.nn:Hardtanh"))
    assert isinstance(module, torch.nn.Hardtanh)
    assert word == "the module itself"
