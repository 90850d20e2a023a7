"""A Chebyshev series of an encrypted vector, in the least possible number of levels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Generic

from swimrl.encrypting.arithmetic import Arithmetic, Number
from swimrl.polynomials.series import Series, split

SQUARE = Series((0.5, 0.0, 0.5), 1.0)
"""t^2 = T_0/2 + T_2/2, which is one product and needs no constant."""

LINE = Series((0.0, 1.0), 1.0)
"""t itself."""


def depth_of(series: Series) -> int:
    """Return the levels that `evaluated` uses."""
    return 1 if series == SQUARE else 0 if series == LINE else series.cost.depth


def evaluated(arithmetic: Arithmetic[Number], t: Number, series: Series, scale: float) -> Number:
    """Return the series at t, `depth_of` levels lower.

    Args:
        arithmetic: What computes.
        t: Numbers in [-1, 1], where the series is meant to be used. Nothing is clipped.
        series: With bound 1.
        scale: That of the result; the scale of a square follows from that of t.
    """
    if series == LINE:
        return t
    if series == SQUARE:
        return arithmetic.rescale(arithmetic.multiply(t, t))
    level = arithmetic.level(t) - depth_of(series)
    powers = _Powers(arithmetic, t)
    if not (series.is_line_and_even and series.degree > 2):
        return _sum(powers, list(series.coefficients), level, scale)
    # T_2k(t) = T_k(u) with u = T_2(t): the even part has half the degree, one level lower.
    even = _sum(_Powers(arithmetic, powers[2]), list(series.in_square), level, scale)
    if not series.coefficients[1]:
        return even
    line = arithmetic.multiply_plain(
        arithmetic.lower(t, level + 1), series.coefficients[1], scale * arithmetic.primes[level + 1]
    )
    return arithmetic.add(even, arithmetic.rescale(line, scale))


class _Powers(Generic[Number]):
    """The T_k(t) that are needed, each computed once."""

    def __init__(self, arithmetic: Arithmetic[Number], t: Number) -> None:
        self.arithmetic, self.known = arithmetic, {1: t}

    def __contains__(self, k: int) -> bool:
        return k in self.known

    def __getitem__(self, k: int) -> Number:
        """Return T_k = 2 T_i T_j - T_(i-j), with i + j = k."""
        if k not in self.known:
            a = self.arithmetic
            i = 1 << (math.ceil(math.log2(k)) - 1)
            j = k - i
            level = min(a.level(self[i]), a.level(self[j]))
            product = a.multiply(a.lower(self[i], level), a.lower(self[j], level))
            twice = a.add(product, product)
            if i == j:
                result = a.add_plain(twice, -1.0)
            else:
                less = a.multiply_plain(a.lower(self[i - j], level), 1.0, a.scale(twice))
                result = a.subtract(twice, less)
            self.known[k] = a.rescale(result)
        return self.known[k]


def _sum(powers: _Powers[Number], coefficients: Sequence[float], level: int, scale: float) -> Number:
    """Return sum_k coefficients[k] T_k at a level and a scale; see `swimrl.polynomials.series.split`."""
    a = powers.arithmetic
    coefficients = _trimmed(coefficients)
    wide = scale * a.primes[level + 1]
    used = [k for k, c in enumerate(coefficients) if c and k]
    if (len(coefficients) <= 2 or all(k in powers for k in used)) and all(
        a.level(powers[k]) > level for k in used
    ):
        first, *others = [
            a.multiply_plain(a.lower(powers[k], level + 1), coefficients[k], wide) for k in used
        ]
        for other in others:
            first = a.add(first, other)
        return a.add_plain(a.rescale(first, scale), coefficients[0])
    g, quotient, rest = split(coefficients)
    high = a.lower(powers[g], level + 1)
    if any(quotient[1:]):
        factor = _sum(powers, quotient, level + 1, wide / a.scale(high))
        result = a.rescale(a.multiply(factor, high), scale)
    else:
        result = a.rescale(a.multiply_plain(high, quotient[0], wide), scale)
    if any(rest[1:]):
        return a.add(result, _sum(powers, rest, level, scale))
    return a.add_plain(result, rest[0])


def _trimmed(coefficients: Sequence[float]) -> list[float]:
    length = len(coefficients)
    while length > 1 and coefficients[length - 1] == 0:
        length -= 1
    return list(coefficients[:length])
