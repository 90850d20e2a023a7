"""Range, monotonicity and smoothness of an activation, computed from its formula.

The limits are those of the formula. The points where branches meet are read from the formula, and one-sided
differences in 80 digits decide whether a derivative jumps there. Extremes are searched on a dense grid, then
refined.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
import sympy
import torch

from swimrl.activations.language.formula import Formula, evaluate
from swimrl.activations.language.primitives import Absolute, Clip, Relu, Sign, Step, Where, X
from swimrl.activations.language.spec import ActivationSpec
from swimrl.activations.torch.composite import value_and_derivatives
from swimrl.activations.torch.gain import normal_quadrature
from swimrl.errors import FormulaError

_FAR = 1e6  # values and slopes that still grow here are taken to grow without bound
_NEAR = 60.0
_ORDERS = 4  # the derivatives that are checked; a function without a jump in these is called smooth
_Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Properties:
    """Properties of an activation with its parameters settled.

    Args:
        infimum: Greatest lower bound of the values.
        supremum: Least upper bound of the values.
        limits: Values at minus and plus infinity; NaN where there is none, as for waves.
        monotone: ``"rising"``, ``"falling"`` or ``"no"``; both allow flat parts.
        smoothness: ``"discontinuous"``, ``"C0"`` (continuous), ``"C1"`` to ``"C3"`` (as many
            continuous derivatives), or ``"smooth"``.
        value_at_0: f(0).
        slope_at_0: f'(0); at a kink torch's, else the left one.
        lipschitz: Supremum of |f'|, infinity if there is none.
        mean: E[f(z)] for a standard normal z; NaN if it is not finite.
    """

    infimum: float
    supremum: float
    limits: tuple[float, float]
    monotone: str
    smoothness: str
    value_at_0: float
    slope_at_0: float
    lipschitz: float
    mean: float

    @property
    def zero_centred(self) -> bool:
        """Whether the mean output is 0, to nine digits, for a standard normal input."""
        return abs(self.mean) < 1e-9


def properties(spec: ActivationSpec) -> Properties:
    """Return the properties of an activation; trainable parameters have their initial values.

    Raises:
        FormulaError: The activation is a module, not a formula.
    """
    if spec.formula is None:
        raise FormulaError(
            f"{spec.canonical!r} is a module, not a formula, and has no computed properties; choose a formula"
        )
    return _properties(spec.formula, tuple(value.value for value in spec.values))


@functools.lru_cache(maxsize=1024)
def _properties(formula: Formula, values: tuple[float, ...]) -> Properties:
    compute = value_and_derivatives(formula)

    def curve(x: _Array) -> tuple[_Array, _Array]:
        results = compute(torch.from_numpy(np.atleast_1d(x)), *values)
        return results[0].numpy(), results[1].numpy()

    parameters = dict(zip((p.name for p in formula.parameters), values, strict=True))
    seams = sorted(set(_seams(formula, parameters)))
    smoothness = _smoothness(formula, parameters, seams)
    x = _grid(seams)
    with np.errstate(over="ignore"):
        y, slope = curve(x)
    limits = _limits(formula, parameters)
    (value_at_0,), (slope_at_0,) = curve(np.zeros(1))
    points, weights = (tensor.numpy() for tensor in normal_quadrature())
    mean = float(np.sum(weights * curve(points)[0]))
    return Properties(
        infimum=-_supremum(lambda at: -curve(at)[0], x, -y, (-limits[0], -limits[1])),
        supremum=_supremum(lambda at: curve(at)[0], x, y, limits),
        limits=limits,
        monotone=_monotone(x, y),
        smoothness=smoothness,
        value_at_0=float(value_at_0),
        slope_at_0=float(slope_at_0) + 0.0,  # no -0
        lipschitz=math.inf
        if smoothness == "discontinuous"
        else _supremum(lambda at: np.abs(curve(at)[1]), x, np.abs(slope), (math.nan, math.nan)),
        mean=mean if math.isfinite(mean) else math.nan,
    )


def _grid(seams: list[float]) -> _Array:
    """Return points close together near 0 and next to seams, and ever farther apart out to 1e6."""
    near = np.linspace(-_NEAR, _NEAR, 24_001)
    far = np.geomspace(_NEAR, _FAR, 2_000)
    beside = [np.nextafter(seam, side) for seam in seams for side in (-np.inf, np.inf)]
    return np.unique(np.concatenate([-far, near, far, np.array(seams), np.array(beside)]))


def _limits(formula: Formula, parameters: dict[str, float]) -> tuple[float, float]:
    if formula.limits is None:
        return math.nan, math.nan
    values = {sympy.Symbol(name): sympy.Float(value) for name, value in parameters.items()}
    low, high = (float(limit.subs(values)) for limit in formula.limits)
    return low, high


def _supremum(
    function: Callable[[_Array], _Array], x: _Array, y: _Array, limits: tuple[float, float]
) -> float:
    """Return the least upper bound of a function, from its values ``y`` on the grid ``x`` and its limits."""
    if math.inf in limits:
        return math.inf
    y = np.where(np.isnan(y), math.inf, y)  # inf - inf, of a function that has outgrown float64
    best = int(np.argmax(y))
    middle = float(np.max(y[np.abs(x) <= _NEAR]))
    if y[best] == math.inf or y[best] > max(10 * abs(middle), middle + 1e3):
        return math.inf
    # Zoom in: the grid's best point and its neighbours enclose the maximum.
    low, high = x[max(best - 1, 0)], x[min(best + 1, len(x) - 1)]
    largest = float(y[best])
    for _ in range(8):
        finer = np.linspace(low, high, 101)
        values = function(finer)
        top = int(np.nanargmax(values))
        largest = max(largest, float(values[top]))
        low, high = finer[max(top - 1, 0)], finer[min(top + 1, 100)]
    ends = [limit for limit in limits if not math.isnan(limit)]
    # A function may approach a bound without reaching it; the grid then ends a little short of the bound.
    return next(
        (end for end in ends if math.isclose(end, largest, rel_tol=1e-5, abs_tol=1e-5)),
        max(largest, *ends, -math.inf),
    )


def _monotone(x: _Array, y: _Array) -> str:
    """Return "rising", "falling" or "no", from the differences between grid points above rounding error."""
    finite = np.isfinite(y)
    steps = np.diff(y[finite])
    rounding = 1e-13 * np.maximum(np.abs(y[finite][1:]), np.minimum(1.0, np.abs(x[finite][1:])))
    if np.all(steps >= -rounding):
        return "rising"
    return "falling" if np.all(steps <= rounding) else "no"


def _seams(formula: Formula, parameters: dict[str, float]) -> Iterator[float]:
    """Yield the finite points where branches of the formula meet."""
    values = {sympy.Symbol(name): sympy.Float(value, 30) for name, value in parameters.items()}
    expr = formula.expr.subs(values)
    for part in expr.atoms(Relu, Absolute, Step, Sign):
        yield from _roots(part.args[0])
    for part in expr.atoms(Clip):
        u, low, high = part.args
        yield from _roots(u - low)
        yield from _roots(u - high)
    for part in expr.atoms(Where):
        yield from _roots(part.args[0].lhs - part.args[0].rhs)


def _roots(expr: Any) -> Iterator[float]:
    """Yield where an expression in ``x`` changes sign, between -60 and 60; exactly, if it is a + b*x."""
    if X not in expr.free_symbols:
        return
    slope = expr.diff(X)
    if X not in slope.free_symbols:
        yield float(-expr.subs(X, 0) / slope)
        return
    points = np.linspace(-_NEAR, _NEAR, 200)  # 0 is not among them
    signs = [float(evaluate(expr, float(point), {}, 20)) > 0 for point in points]
    for low, high, before, after in zip(points, points[1:], signs, signs[1:], strict=False):
        if before != after:
            for _ in range(60):
                middle = (low + high) / 2
                side = float(evaluate(expr, float(middle), {}, 20)) > 0
                low, high = (middle, high) if side == before else (low, middle)
            yield float((low + high) / 2)


def _smoothness(formula: Formula, parameters: dict[str, float], seams: list[float]) -> str:
    order = min((_first_jump(formula, parameters, seam) for seam in seams), default=_ORDERS + 1)
    if order > _ORDERS:
        return "smooth"
    return f"C{order - 1}" if order else "discontinuous"


def _first_jump(formula: Formula, parameters: dict[str, float], seam: float) -> int:
    """Return the order of the first derivative that differs on the two sides of a point."""
    digits, step = 80, mpmath.mpf("1e-12")
    with mpmath.workdps(digits):
        left, right = (
            [
                formula.evaluate(mpmath.nstr(seam + side * j * step, digits), parameters, digits=digits)
                for j in range(1, _ORDERS + 3)
            ]
            for side in (-1, 1)
        )
        for order in range(_ORDERS + 1):
            # Finite differences; on the left the step is negative, which changes the sign of odd orders.
            weights = [(-1) ** (order - j) * math.comb(order, j) for j in range(order + 1)]
            below, above = (mpmath.fdot(weights, side[: order + 1]) / step**order for side in (left, right))
            if abs(above - (-1) ** order * below) > 1e-7 * (1 + abs(above)):
                return order
    return _ORDERS + 1


def sharpness_asymmetry(beta1: float, beta2: float) -> float:
    """Return how different the two sides of AULU are, from its parameters.

    Ours: (beta2^2 - beta1^2)/(beta2^2 + beta1^2), the difference of the sharpness for x > 0 and for x < 0
    over their sum. 0 is Swish, 1 a gate that is sharp on the right alone, -1 on the left alone; scaling
    both sides changes nothing, nor do the signs of the parameters. The paper's own measure (LIB) is not
    public, and this is not it.

    Args:
        beta1: AULU's parameter for x < 0.
        beta2: AULU's parameter for x > 0.

    Returns:
        Between -1 and 1; NaN if both are 0.

    Example:
        >>> round(sharpness_asymmetry(1.0, 3.0**0.5), 12)
        0.5
    """
    left, right = beta1**2, beta2**2
    return (right - left) / (right + left) if left + right else math.nan
