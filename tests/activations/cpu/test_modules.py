"""The loops of hand-written modules compute what PyTorch computes, gradients too."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from swimrl.activations import REGISTRY, activation, parse_name
from swimrl.activations.cpu.modules import KERNELS, kernel_of, why_not_fused
from swimrl.activations.torch.factory import output_width
from swimrl.activations.torch.handwritten import Stochastic

WIDTH = 12
NAMES = [d.name for d in REGISTRY.definitions() if str(d.module).rpartition(":")[2] in KERNELS]


def inputs(dtype: torch.dtype) -> torch.Tensor:
    """[40, WIDTH], with ties, zeros and far points."""
    x = 3 * torch.randn(40, WIDTH, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x[0], x[1, :6], x[2, ::2], x[3] = 0, 1.5, 0, 30 * x[3]
    return x.to(dtype)


def test_every_kernel_belongs_to_an_activation() -> None:
    assert len(NAMES) == len(KERNELS)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("name", [*NAMES, "maxout(pieces=3)", "lslu(n=5)"])
def test_value_and_gradients_are_pytorchs(name: str, dtype: torch.dtype) -> None:
    module = activation(name, width=WIDTH).to(dtype)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2))
    x = inputs(dtype).requires_grad_()
    y = module(x)
    g = torch.randn(y.shape, generator=torch.Generator().manual_seed(3)).to(dtype)
    y.backward(g)
    kernel = kernel_of(module)
    assert kernel is not None
    parameters = [parameter.detach().numpy() for parameter in module.parameters()]
    gradients = [np.full_like(parameter, np.nan) for parameter in parameters]
    out, below = np.full(y.shape, np.nan, g.numpy().dtype), np.full(x.shape, np.nan, g.numpy().dtype)
    seen, by_output = x.detach().numpy(), g.numpy()
    assert output_width(module, WIDTH) == out.shape[1]
    kernel.bind_value(module, seen, out, parameters)()
    kernel.bind_input_gradient(module, seen, by_output, below, parameters)()
    if parameters:
        kernel.bind_parameter_gradients(module, seen, by_output, parameters, gradients)()
    tolerance = {"rtol": 2e-5, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 1e-11, "atol": 1e-12}
    np.testing.assert_allclose(out, y.detach().numpy(), **tolerance)
    np.testing.assert_allclose(below, x.grad.numpy(), **tolerance)
    for ours, parameter in zip(gradients, module.parameters(), strict=True):
        np.testing.assert_allclose(ours, parameter.grad.numpy(), **tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_nan_stays_visible(name: str) -> None:
    module = activation(name, width=WIDTH)
    x = np.zeros((1, WIDTH), np.float32)
    x[0, 7] = np.nan
    out = np.zeros((1, output_width(module, WIDTH)), np.float32)
    kernel = kernel_of(module)
    assert kernel is not None
    kernel.bind_value(module, x, out, [p.detach().numpy() for p in module.parameters()])()
    expected = module(torch.from_numpy(x)).detach().numpy()
    assert np.isnan(out).any()
    np.testing.assert_array_equal(np.isnan(out), np.isnan(expected))


def test_what_has_no_loops_says_so() -> None:
    for name in ("kwta", "rrelu", "lslu(spatial=1)", "torch.nn:GELU"):
        assert "without compiled loops" in str(why_not_fused(parse_name(name)))
    for definition in REGISTRY.definitions():
        reason = str(why_not_fused(parse_name(definition.name)))
        module = activation(definition.name, width=WIDTH)
        assert ("random" in reason) == isinstance(module, Stochastic)
        assert ("images" in reason) == (definition.name == "funnel_relu")
    assert why_not_fused(parse_name("maxout")) is None
    assert why_not_fused(parse_name("swim(k=trainable, granularity=network)")) is None
    assert kernel_of(activation("lslu(spatial=1)", width=WIDTH)) is None
