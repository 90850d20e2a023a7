"""Chebyshev series: values, what they cost, and the division that evaluation uses."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
from numpy.polynomial import chebyshev

from swimrl.errors import InputError
from swimrl.polynomials import Cost, Series
from swimrl.polynomials.series import split


def random_series(degree: int, *, even: bool = False) -> Series:
    coefficients = np.random.default_rng(degree).normal(size=degree + 1)
    if even:
        coefficients[3::2] = 0
    return Series(tuple(coefficients.tolist()), 4.0)


def evaluated_by_splitting(coefficients, t):
    """The value and the depth of the evaluation that `split` describes, by recursion.

    A number and what depends on t: multiplication adds a level to the deeper of two factors.
    """
    coefficients = list(coefficients)
    if len(coefficients) <= 2:
        return coefficients[0] + sum(c * t for c in coefficients[1:]), len(coefficients) - 1
    g, quotient, rest = split(coefficients)
    power, power_depth = math.cos(g * math.acos(t)), int(math.log2(g))
    q, q_depth = evaluated_by_splitting(quotient, t)
    r, r_depth = evaluated_by_splitting(rest, t)
    return q * power + r, max(max(q_depth, power_depth) + 1, r_depth)


@pytest.mark.parametrize("degree", [1, 2, 3, 6, 7, 13, 14, 30, 31, 62])
def test_depth_is_that_of_the_evaluation(degree):
    series = random_series(degree)
    value, depth = evaluated_by_splitting(series.coefficients, 0.3)
    assert value == pytest.approx(chebyshev.chebval(0.3, series.coefficients), rel=1e-11)
    assert depth == series.cost.depth == math.ceil(math.log2(degree + 1))


@pytest.mark.parametrize(("degree", "cost"), [(2, (2, 1)), (6, (3, 3)), (14, (4, 6)), (30, (5, 11))])
def test_products_of_a_line_plus_an_even_function(degree, cost):
    assert random_series(degree, even=True).cost == Cost(*cost)


def test_in_square_is_the_even_part():
    series = random_series(14, even=True)
    t = np.linspace(-1, 1, 21)
    in_square = chebyshev.chebval(2 * t**2 - 1, series.in_square) + series.coefficients[1] * t
    np.testing.assert_allclose(in_square, series(4.0 * t), atol=1e-12)


def test_degree_62_in_float32_against_mpmath():
    coefficients = [math.exp(-k / 10) * (-1) ** (k // 2) for k in range(63)]
    series = Series(tuple(coefficients), 8.0)
    x = np.linspace(-8, 8, 41, dtype=np.float32)
    values = series(x)
    assert values.dtype == np.float32
    with mpmath.workdps(40):
        exact = [
            float(
                mpmath.fsum(
                    c * mpmath.chebyt(k, mpmath.mpf(float(t)) / 8) for k, c in enumerate(coefficients)
                )
            )
            for t in x
        ]
    assert np.abs(values - exact).max() < 4e-6 * np.abs(coefficients).sum()


def test_json_round_trip():
    series = random_series(5)
    assert Series.from_json(series.as_json()) == series
    with pytest.raises(InputError, match="monomial"):
        Series.from_json(series.as_json() | {"basis": "monomial"})


@pytest.mark.parametrize(("coefficients", "bound"), [((), 1.0), ((math.nan,), 1.0), ((1.0,), -1.0)])
def test_wrong_input(coefficients, bound):
    with pytest.raises(InputError):
        Series(coefficients, bound)
