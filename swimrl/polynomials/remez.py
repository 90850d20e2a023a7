"""The best polynomial of a function on [-B, B], by Remez's exchange algorithm, with a proof that it is best.

The proof is de la Vallée Poussin's: if a polynomial misses a function by at least L at d + 2 points, with
signs that alternate, then every polynomial of degree d misses it by at least L somewhere. So each step of the
algorithm gives a lower bound, and the largest error of its polynomial is an upper one. At the optimum they
are equal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from swimrl.errors import InputError, UndeterminedError
from swimrl.polynomials.precision import precision_text
from swimrl.polynomials.series import Series, check_bound
from swimrl.polynomials.symmetry import Array, Function, parity

MAX_DEGREE = 500
"""The largest degree that is fitted."""

TOLERANCE = 1e-3
"""A fit is accepted when its error is at most this much larger, relatively, than the best possible one."""

_ITERATIONS = 60
_ROUNDING = 5e-14  # of the largest value: smaller differences are rounding errors
_GOLDEN = (math.sqrt(5) - 1) / 2
_REFINEMENTS = 30  # each shrinks an interval by 0.618: to 5e-7 of the grid's spacing


@dataclass(frozen=True)
class Fit:
    """A polynomial in place of a function, and how good it is.

    Args:
        series: The polynomial.
        lower: No polynomial of this degree has a smaller largest error than this.
        upper: The largest error of this polynomial on [-bound, bound].
    """

    series: Series
    lower: float
    upper: float


@dataclass(frozen=True)
class _Problem:
    """Approximate ``target`` on [low, 1] by a combination of basis functions without common zeros there.

    Args:
        target: Of the variable of the basis.
        basis: From points [P] to values [P, C].
        size: C, the number of basis functions.
        low: Left end; 0 for odd polynomials, whose common zero at 0 is left out.
    """

    target: Function
    basis: Callable[[Array], np.ndarray[Any, Any]]
    size: int
    low: float = -1.0


def minimax(function: Function, degree: int, bound: float) -> Fit:
    """Return the polynomial with the smallest largest error on [-bound, bound].

    A line plus an even function is approximated in T_k(2 t^2 - 1) with t = x/bound, a constant plus an odd
    one in the odd T_k on (0, 1].

    Args:
        function: What to approximate; continuous on [-bound, bound].
        degree: Largest degree; 0 to `MAX_DEGREE`.
        bound: B.

    Raises:
        InputError: If degree or bound cannot be used, or the function has no finite value somewhere.
        UndeterminedError: If no polynomial could be proven to be within `TOLERANCE` of the best, as where
            the function jumps.

    Example:
        >>> fit = minimax(np.abs, 2, 1.0)
        >>> round(fit.lower, 6), round(fit.upper, 6)
        (0.125, 0.125)
    """
    check_bound(bound)
    if not 0 <= degree <= MAX_DEGREE:
        raise InputError(f"degree {degree} cannot be fitted; expected one from 0 to {MAX_DEGREE}")
    with np.errstate(all="ignore"):
        if not np.all(np.isfinite(function(bound * np.linspace(-1, 1, 2001)))):
            raise InputError(
                f"the function is not finite on all of [-{bound:g}, {bound:g}]; choose a smaller bound"
            )
    symmetry = parity(function, bound)
    coefficients = np.zeros(degree + 1)
    if symmetry.kind == "line + even" and degree >= 1:
        line = symmetry.slope * bound

        def even_part(u: Array) -> Array:
            t = np.sqrt(np.maximum((u + 1) / 2, 0))
            return function(bound * t) - line * t

        half = degree // 2
        problem = _Problem(even_part, lambda u: chebyshev.chebvander(u, half), half + 1)
        coefficients[0 : 2 * half + 1 : 2], lower, upper = _exchanged(problem, degree)
        coefficients[1] = line
    elif symmetry.kind == "constant + odd" and degree >= 1:
        count = (degree + 1) // 2
        problem = _Problem(
            lambda t: function(bound * t) - symmetry.constant,
            lambda t: chebyshev.chebvander(t, 2 * count - 1)[:, 1::2],
            count,
            low=0.0,
        )
        coefficients[1 : 2 * count : 2], lower, upper = _exchanged(problem, degree)
        coefficients[0] = symmetry.constant
    else:
        problem = _Problem(
            lambda t: function(bound * t), lambda t: chebyshev.chebvander(t, degree), degree + 1
        )
        coefficients[:], lower, upper = _exchanged(problem, degree)
    return Fit(Series(tuple(coefficients.tolist()), bound), lower, upper)


def smallest_fit(function: Function, precision: float, bound: float, *, most: int = MAX_DEGREE) -> Fit:
    """Return the best polynomial of the smallest degree whose largest error is at most ``precision``.

    Args:
        function: What to approximate.
        precision: Largest error that is allowed.
        bound: B.
        most: The largest degree to try.

    Raises:
        InputError: If even the largest degree is not precise enough.
    """
    kind = parity(function, bound).kind
    degrees = range(1, most + 1)
    if kind == "line + even":
        degrees = range(2, most + 1, 2)  # an odd degree is no better than the even one below
    elif kind == "constant + odd":
        degrees = range(1, most + 1, 2)
    fits: dict[int, Fit] = {}

    def is_precise(index: int) -> bool:
        fits[index] = minimax(function, degrees[index], bound)
        return fits[index].upper <= precision

    low, high = -1, 0  # the fit at low is not precise enough, that at high is
    while not is_precise(high):
        if high == len(degrees) - 1:
            raise InputError(
                f"degree {degrees[high]} on [-{bound:g}, {bound:g}] has an error of "
                f"{precision_text(fits[high].upper)}, which is above {precision_text(precision)}; allow a "
                f"larger error, or choose a smaller bound or a smoother function"
            )
        low, high = high, min(2 * high + 1, len(degrees) - 1)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_precise(middle) else (middle, high)
    return fits[high]


def _exchanged(problem: _Problem, degree: int) -> tuple[Array, float, float]:
    """Return coefficients [C], lower and upper bound of the largest error."""
    grid = _grid(problem)
    values, basis = problem.target(grid), problem.basis(grid)
    scale = float(np.abs(values).max()) or 1.0
    references = _first_references(problem)
    signs = (-1.0) ** np.arange(problem.size + 1)
    best, lower, upper = np.zeros(problem.size), 0.0, math.inf
    for _ in range(_ITERATIONS):
        system = np.column_stack([problem.basis(references), signs])
        try:
            *coefficients, level = np.linalg.solve(system, problem.target(references))
        except np.linalg.LinAlgError:
            break
        errors = values - basis @ np.array(coefficients)
        points, peaks = _extrema(problem, np.array(coefficients), grid, errors)
        largest = float(np.abs(peaks).max())
        lower = max(lower, abs(float(level)))
        if largest < upper:
            best, upper = np.array(coefficients), largest
        if upper <= lower * (1 + TOLERANCE) + _ROUNDING * scale:
            return best, min(lower, upper), upper
        if len(points) <= problem.size:
            break
        references = _alternating(points, peaks, problem.size + 1)
    raise UndeterminedError(
        f"the best polynomial of degree {degree} was not found: its error lies between {lower:.3g} and "
        f"{upper:.3g}; the function may jump or turn too sharply, so choose another degree or bound"
    )


def _grid(problem: _Problem) -> Array:
    """Return points that are denser at the ends, where the extrema of the error are."""
    count = max(2001, 40 * problem.size) | 1  # odd, so that 0 is among them
    lowest = math.acos(-problem.low) if problem.low > -1 else 0.0
    grid: Array = -np.cos(np.linspace(lowest, np.pi, count))
    return grid


def _first_references(problem: _Problem) -> Array:
    """Return the extrema of a Chebyshev polynomial, [C + 1]; without 0 if the basis vanishes there."""
    first = 0.0 if problem.low <= -1 else 0.5
    lowest = 0.0 if problem.low <= -1 else math.acos(-problem.low)
    steps = (np.arange(problem.size + 1) + first) / (problem.size + first)
    references: Array = -np.cos(lowest + (np.pi - lowest) * steps)
    return references


def _extrema(problem: _Problem, coefficients: Array, grid: Array, errors: Array) -> tuple[Array, Array]:
    """Return the largest error between any two zeros of the error: its places and signed values.

    On the grid each is known to the grid's spacing. A golden-section search between its neighbours finds it
    exactly, also where the function has a kink.
    """
    signs = np.where(errors < 0, -1.0, 1.0)
    cuts = np.flatnonzero(signs[1:] != signs[:-1]) + 1
    starts, ends = np.r_[0, cuts], np.r_[cuts, len(errors)]
    index = np.array([a + int(np.argmax(np.abs(errors[a:b]))) for a, b in zip(starts, ends, strict=True)])
    sign = signs[index]

    def height(points: Array) -> Array:
        heights: Array = sign * (problem.target(points) - problem.basis(points) @ coefficients)
        return heights

    low, high = grid[np.maximum(index - 1, 0)], grid[np.minimum(index + 1, len(grid) - 1)]
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = height(left), height(right)
    for _ in range(_REFINEMENTS):
        goes_left = at_left > at_right
        low, high = np.where(goes_left, low, left), np.where(goes_left, right, high)
        left, right = (
            np.where(goes_left, high - _GOLDEN * (high - low), right),
            np.where(goes_left, left, low + _GOLDEN * (high - low)),
        )
        fresh = height(np.where(goes_left, left, right))
        at_left, at_right = np.where(goes_left, fresh, at_right), np.where(goes_left, at_left, fresh)
    between = (low + high) / 2
    refined, coarse = height(between), sign * errors[index]
    is_better = refined > coarse
    return np.where(is_better, between, grid[index]), sign * np.where(is_better, refined, coarse)


def _alternating(points: Array, peaks: Array, count: int) -> Array:
    """Return ``count`` of the extrema, still alternating in sign, without the smallest ones."""
    while len(points) > count:
        heights = np.abs(peaks)
        smaller_end = 0 if heights[0] < heights[-1] else len(points) - 1
        drop = [smaller_end]
        if len(points) - count > 1:
            pairs = np.maximum(heights[:-1], heights[1:])
            smallest = int(np.argmin(pairs))
            if heights[smaller_end] >= pairs[smallest]:
                drop = [smallest, smallest + 1]
        points, peaks = np.delete(points, drop), np.delete(peaks, drop)
    return points
