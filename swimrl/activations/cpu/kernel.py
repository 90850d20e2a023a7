"""Fused CPU kernels: bias, value, slope and parameter slopes of an activation in one compiled loop.

The loop is generated from the formula (``kernel_source``), calls elementary functions that are vectorised
(``math``), and is compiled by numba once for each formula and dtype and kept on disk (``cache``). Nothing
here imports numba before a kernel is used.

Letters in shapes: B batch, N units, P trainable parameters.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import numpy as np

from swimrl.activations.cpu.gradient import (
    gradient_source,
    times_slope,
    times_slope_and_all_sums,
    times_slope_and_sums,
)
from swimrl.activations.cpu.kernel_source import kernel_source
from swimrl.activations.language.formula import Formula

Call = Callable[[], object]
Kernel = Callable[..., None]


@functools.cache
def why_unavailable() -> str | None:
    """Return why kernels cannot be compiled here, or None if they can."""
    try:
        from numba.core import config
    except ImportError as error:
        return f"numba cannot be imported ({error})"
    return "NUMBA_DISABLE_JIT is set" if vars(config)["DISABLE_JIT"] else None


class CpuKernel:
    """The kernels of one formula in one dtype.

    Args:
        formula: What to compute, such as `ActivationSpec.settled`; its parameters are the P parameters.
        dtype: float32 or float64.

    Attributes:
        parameters: P.
    """

    def __init__(self, formula: Formula, dtype: np.dtype[Any]) -> None:
        self._formula = formula
        self._dtype = np.dtype(dtype)
        self.parameters = len(self._formula.parameters)

    def bind_value(self, z: np.ndarray, bias: np.ndarray, theta: np.ndarray | None) -> Call:
        """Return the call that replaces ``z`` by f(z + bias).

        Args:
            z: [B, N], C-contiguous.
            bias: [N].
            theta: The trainable parameters: [P], or [P N] with one set of them for each unit, each
                parameter's N numbers together; None if there are none.
        """
        theta, per_unit = self._arranged(theta, z.shape[1])
        return partial(loops(self._formula, self._dtype.name, per_unit).value, z, bias, theta)

    def bind_value_and_slopes(
        self,
        z: np.ndarray,
        bias: np.ndarray,
        theta: np.ndarray | None,
        slope: np.ndarray,
        theta_slope: np.ndarray,
    ) -> Call:
        """Return the call that replaces ``z`` by f(z + bias) and writes the slopes.

        Args:
            z: [B, N], C-contiguous.
            bias: [N].
            theta: The trainable parameters, as for `bind_value`.
            slope: df/dz, [B, N].
            theta_slope: df/dtheta, [P, B, N], or [0, B, N] if they are not needed.
        """
        theta, per_unit = self._arranged(theta, z.shape[1])
        kernels = loops(self._formula, self._dtype.name, per_unit)
        if len(theta_slope) < self.parameters:
            return partial(kernels.value_and_slope, z, bias, theta, slope)
        return partial(kernels.value_and_slopes, z, bias, theta, slope, theta_slope)

    def _arranged(self, theta: np.ndarray | None, units: int) -> tuple[np.ndarray, bool]:
        """Return theta in the shape for a kernel, and whether each unit has its own parameters."""
        if theta is None:
            theta = np.zeros(0, self._dtype)
        assert theta.flags.c_contiguous  # so that reshaping makes a view, which follows the parameters
        if theta.size == self.parameters:
            return theta, False
        return theta.reshape(self.parameters, units), True


class Loops:
    """Compiled loops of one formula; each is compiled, or loaded, on first use.

    Args:
        formula: What to compute; each of its parameters is an element of theta.
        dtype: ``"float32"`` or ``"float64"``.
        per_unit: Whether theta is [P, N] instead of [P].
    """

    def __init__(self, formula: Formula, dtype: str, per_unit: bool) -> None:
        self._formula = formula
        self._dtype = dtype
        self._per_unit = per_unit

    @cached_property
    def value(self) -> Kernel:
        """(z [B, N], bias [N], theta [P]) -> None; replaces z by f(z + bias)."""
        return self._compiled(slopes=False)

    @cached_property
    def value_and_slope(self) -> Kernel:
        """(z [B, N], bias [N], theta [P], slope [B, N]) -> None; writes the slope df/dz too."""
        return self._compiled(slopes=True, theta_slopes=False)

    @cached_property
    def value_and_slopes(self) -> Kernel:
        """(z [B, N], bias [N], theta [P], slope [B, N], theta_slope [P, B, N]) -> None; writes slopes too."""
        return self._compiled(slopes=True)

    def _compiled(self, *, slopes: bool, theta_slopes: bool = True) -> Kernel:
        return _load(
            kernel_source(
                self._formula,
                self._dtype,
                slopes=slopes,
                theta_slopes=theta_slopes,
                per_unit=self._per_unit,
            )
        )


@functools.cache
def loops(formula: Formula, dtype: str, per_unit: bool = False) -> Loops:
    """Return the loops of ``formula``, the same object each time.

    NaN in gives NaN out, in the value and in each slope. At an infinite input the value is the recorded
    limit, and slopes are those at the largest finite number.
    """
    return Loops(formula, dtype, per_unit)


def multiply_by_slope(
    g: np.ndarray,
    slope: np.ndarray,
    theta_slope: np.ndarray,
    bias_gradient: np.ndarray | None,
    theta_gradient: np.ndarray | None,
) -> Call:
    """Return the call that backpropagates through an activation; all arrays are C-contiguous.

    Args:
        g: Gradient by the activation's value, [B, N]; replaced by that by its input.
        slope: df/dz, [B, N].
        theta_slope: df/dtheta, [P, B, N].
        bias_gradient: Gradient by the bias, [N], written; None if it is not needed.
        theta_gradient: Gradient by theta, [P] or [P N] like theta, written; None if it is not needed.
    """
    dtype = g.dtype.name
    if bias_gradient is None:
        return partial(_gradient_loop(times_slope, dtype), g, slope)
    if theta_gradient is None or not len(theta_slope):
        return partial(_gradient_loop(times_slope_and_sums, dtype), g, slope, bias_gradient)
    assert theta_gradient.flags.c_contiguous  # so that reshaping makes a view, which the caller sees
    by_parameter = theta_gradient.reshape(len(theta_slope), -1)
    loop = _gradient_loop(times_slope_and_all_sums, dtype)
    return partial(loop, g, slope, bias_gradient, theta_slope, by_parameter)


@functools.cache
def _gradient_loop(loop: Kernel, dtype: str) -> Kernel:
    return _load(gradient_source(loop, dtype))


def _load(source: str) -> Kernel:
    from swimrl.activations.cpu.cache import load  # imports numba, which takes half a second

    return load(source)
