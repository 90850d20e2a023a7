"""Fused CPU kernels as a function of tensors, differentiable by autograd.

A kernel is used for an ordinary CPU tensor in an ordinary call. Everything that inspects or transforms a
computation (``torch.compile``, ``torch.func``, forward-mode differentiation, tracing, modes, tensor
subclasses) receives the composite of torch operations instead, because a kernel is opaque to it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.utils._python_dispatch import TorchDispatchMode

from swimrl.activations.cpu.kernel import loops, why_unavailable
from swimrl.activations.language.formula import Formula
from swimrl.activations.language.primitives import Absolute, Relu
from swimrl.activations.torch.composite import derivative_function, value_function

_DTYPES = {torch.float32: "float32", torch.float64: "float64"}
_PLAIN = (Tensor, nn.Parameter)


class CpuFunction:
    """A formula computed by its kernels, which also compute the first derivatives.

    Second derivatives are computed by torch operations.

    Args:
        formula: What to compute; each of its parameters is an argument.
        smallest: How many numbers an input must have for `takes` to accept it; ``None`` for as many as
            make a kernel the faster way.
    """

    def __init__(self, formula: Formula, smallest: float | None = None) -> None:
        self.formula = formula
        self.smallest = smallest_input(formula) if smallest is None else smallest

    def takes(self, x: Tensor, parameters: Sequence[Tensor]) -> bool:
        """Return whether the kernels can compute this call, and the input is large enough."""
        return (
            # This is checked first, because a compiler or a tracer would record the checks below.
            not torch.compiler.is_compiling()
            and torch._C._get_tracing_state() is None
            and type(x) in _PLAIN
            and x.numel() >= self.smallest
            and x.dtype in _DTYPES
            and x.device.type == "cpu"
            and x.layout is torch.strided
            and _fit(parameters, x)
            and not _is_watched()
            and why_unavailable() is None
        )

    def __call__(self, x: Tensor, *parameters: Tensor) -> Tensor:
        """Compute the function.

        Args:
            x: Any shape, float32 or float64.
            *parameters: Of the dtype of ``x``; all of shape (), or all [N] along the last axis of ``x``.

        Returns:
            A new tensor like ``x``.
        """
        if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (x, *parameters)):
            result: Tensor = _Kernel.apply(self.formula, x, *parameters)  # type: ignore[no-untyped-call]
            return result
        y = _copy(x, parameters)
        arguments, kernels = _arguments(self.formula, y, parameters)
        kernels.value(*arguments)
        return y


@functools.lru_cache(maxsize=4096)
def smallest_input(formula: Formula) -> float:
    """Return the size of input from which on a kernel is faster than torch operations; it may be infinite.

    Forward and backward together, a kernel costs 35 us per call, and a torch operation 8 us or more. So the
    size depends on the number of operations; it was measured for formulas from one (tanh) to twelve (swim).
    """
    if isinstance(formula.expr, Relu | Absolute):
        return math.inf  # one operation of torch, as fast as memory
    composite = value_function(formula)
    with torch.no_grad(), torch.device("cpu"):
        arguments = [torch.tensor(value) for value in (0.5, *(p.default for p in formula.parameters))]
    with torch.no_grad(), _Count() as count:
        composite(*arguments)
    return {1: 16384, 2: 8192, 3: 8192}.get(count.operations, 1024)


class _Count(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Counts the operations of torch that run inside it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return (
            False  # PyTorch would import its compiler (0.7 s), to exclude the method below from compilation
        )

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.operations += 1
        return func(*args, **(kwargs or {}))


class _Kernel(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, formula: Formula, x: Tensor, *parameters: Tensor) -> Tensor:
        y = _copy(x, parameters)
        slope = torch.empty_like(y)
        theta_slope = y.new_empty((len(parameters), y.numel()))
        arguments, kernels = _arguments(formula, y, parameters)
        rows = arguments[0].shape
        kernels.value_and_slopes(
            *arguments, _in_order_of_memory(slope, rows), theta_slope.numpy().reshape(len(parameters), *rows)
        )
        ctx.formula = formula
        ctx.save_for_backward(x, *parameters, slope, theta_slope)
        ctx.set_materialize_grads(False)
        return y

    @staticmethod
    def backward(ctx: Any, g: Tensor | None) -> tuple[Tensor | None, ...]:
        _, x_is_wanted, *wanted = ctx.needs_input_grad
        if g is None:
            return (None, None, *(None for _ in wanted))
        x, *parameters, slope, theta_slope = ctx.saved_tensors
        if torch.is_grad_enabled():  # the gradient is to be differentiated
            slope, *theta_slopes = derivative_function(ctx.formula)(x, *parameters)
        else:
            theta_slopes = [s.as_strided(slope.shape, slope.stride()) for s in theta_slope.unbind()]
        return (
            None,
            g * slope if x_is_wanted else None,
            *(
                (g * s).sum_to_size(p.shape) if is_wanted else None
                for s, p, is_wanted in zip(theta_slopes, parameters, wanted, strict=True)
            ),
        )


def _is_watched() -> bool:
    """Return whether something inspects or transforms this computation, to which a kernel is opaque."""
    return (
        torch._C._functorch.peek_interpreter_stack() is not None
        or forward_ad._current_level >= 0
        or torch._C._len_torch_dispatch_stack() > 0
        or torch._C._len_torch_function_stack() > 0
    )


def _fit(parameters: Sequence[Tensor], x: Tensor) -> bool:
    """Return whether kernels accept these parameters: plain tensors, one number each or one for each unit."""
    shapes = {tuple(p.shape) for p in parameters}
    return (not shapes or shapes == {()} or shapes == {tuple(x.shape[-1:])}) and all(
        type(p) in _PLAIN and p.dtype == x.dtype and p.device.type == "cpu" for p in parameters
    )


def _copy(x: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """Return a dense copy for a kernel to overwrite, contiguous if there are parameters for each unit."""
    is_per_unit = any(p.dim() for p in parameters)
    return x.detach().clone(memory_format=torch.contiguous_format if is_per_unit else torch.preserve_format)


def _arguments(
    formula: Formula, y: Tensor, parameters: Sequence[Tensor]
) -> tuple[tuple[np.ndarray, ...], Any]:
    """Return z, bias and theta for the kernels of a formula, and the kernels."""
    is_per_unit = any(p.dim() for p in parameters)
    units = y.shape[-1] if is_per_unit else _row_length(y.numel())
    dtype = _DTYPES[y.dtype]
    z = _in_order_of_memory(y, (y.numel() // units, units))
    theta = torch.stack([p.detach() for p in parameters]).numpy() if parameters else np.zeros(0, dtype)
    return (z, _no_bias(units, dtype), theta), loops(formula, dtype, is_per_unit)


def _in_order_of_memory(tensor: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """Return the numbers of a dense tensor, in the order of memory, as an array of another shape."""
    array: np.ndarray = tensor.as_strided((tensor.numel(),), (1,)).numpy()
    return array.reshape(shape)


def _row_length(count: int) -> int:
    """Return the row length for ``count`` numbers: long enough for vectors, short enough for the cache."""
    divisor = math.gcd(count, 4096)
    return divisor if divisor >= 64 else count


@functools.lru_cache(maxsize=16)
def _no_bias(units: int, dtype: str) -> np.ndarray:
    """Return a bias that changes nothing: x + -0 is x, also for x = -0."""
    return np.full(units, -0.0, dtype)
