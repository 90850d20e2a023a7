"""The eager modules compute the same activations as our formulas."""

from __future__ import annotations

import pytest
import torch

from swimrl.activations import parse_name, value_and_derivatives
from swimrl.bench.eager import eager_module, written_module

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
        ("gelu_tanh", "torch.nn.GELU"),
        ("celu", "torch.nn.CELU"),
        ("hardshrink", "torch.nn.Hardshrink"),
        ("hardsigmoid", "torch.nn.Hardsigmoid"),
        ("hardswish", "torch.nn.Hardswish"),
        ("hardtanh", "torch.nn.Hardtanh"),
        ("logsigmoid", "torch.nn.LogSigmoid"),
        ("relu6", "torch.nn.ReLU6"),
        ("selu", "torch.nn.SELU"),
        ("sigmoid", "torch.nn.Sigmoid"),
        ("softplus", "torch.nn.Softplus"),
        ("softshrink", "torch.nn.Softshrink"),
        ("softsign", "torch.nn.Softsign"),
        ("tanhshrink", "torch.nn.Tanhshrink"),
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
    module, description = eager_module(spec)
    assert description == kind
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
    module, description = eager_module(parse_name("torch.nn:Hardtanh"))
    assert isinstance(module, torch.nn.Hardtanh)
    assert description == "the module itself"


def test_pytorchs_own_prelu_learns_a_parameter_of_another_name() -> None:
    module, description = eager_module(parse_name("prelu"))
    assert description == "torch.nn.PReLU"
    torch.testing.assert_close(module.double()(X), torch.where(X < 0, 0.25 * X, X))


@pytest.mark.parametrize("name", ["swish", "relu", "ulu", "elu"])
def test_elementary_operations_are_to_be_had_for_what_pytorch_has_itself(name: str) -> None:
    spec = parse_name(name)
    module, description = written_module(spec)
    assert description in ("eager code", "composite of the formula")
    torch.testing.assert_close(module(X), eager_module(spec)[0](X))


def test_half_precision_is_computed_in_float32_by_the_composite() -> None:
    module, _ = written_module(parse_name("swish(beta=trainable(2))"))
    x = X.bfloat16()
    expected = (x.float() * torch.sigmoid(2 * x.float())).bfloat16()
    assert torch.equal(module(x), expected)


def test_neurons_have_parameters_of_their_own_where_the_width_is_known() -> None:
    module, _ = written_module(parse_name("swim(k=trainable, granularity=neuron)"), width=241)
    assert module.k.shape == (241,)
    assert module(X.float()).shape == (241,)
