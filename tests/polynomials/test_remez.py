"""The best polynomial: known optima, the proof, and independent oracles."""

from __future__ import annotations

import time

import mpmath
import numpy as np
import pytest
from numpy.polynomial import chebyshev
from scipy.optimize import linprog

from swimrl.activations import REGISTRY, parse_name
from swimrl.activations.numpy.function import numpy_function
from swimrl.errors import InputError, UndeterminedError
from swimrl.polynomials import minimax, smallest_fit
from swimrl.polynomials.remez import TOLERANCE

CATALOGUE = [definition.name for definition in REGISTRY.definitions() if definition.expression is not None]
JUMPS = {"hardshrink"}
BOUND, DEGREE = 5.0, 7


def alternations(function, fit, count=40_001):
    """How often the error comes within 1 % of its largest value with the other sign than before, plus 1."""
    x = -fit.series.bound * np.cos(np.linspace(0, np.pi, count))
    error = fit.series(x) - function(x)
    signs = np.sign(error[np.abs(error) > 0.99 * fit.lower])
    return 1 + int(np.count_nonzero(signs[1:] != signs[:-1]))


@pytest.mark.parametrize("n", [2, 5, 10])
def test_a_power_by_the_degree_below(n):
    fit = minimax(lambda x: x**n, n - 1, 1.0)
    assert fit.upper == pytest.approx(2.0 ** (1 - n), rel=1e-6)


@pytest.mark.parametrize(
    ("function", "degree", "error"),
    [(np.abs, 2, 1 / 8), (np.abs, 4, 0.067620926), (np.exp, 3, 0.00552834)],
    ids=["|x| by degree 2", "|x| by degree 4", "exp by degree 3"],
)
def test_known_optima(function, degree, error):
    fit = minimax(function, degree, 1.0)
    assert fit.lower == pytest.approx(error, rel=1e-3)
    assert fit.upper == pytest.approx(error, rel=1e-3)


def test_bernstein_constant():
    """n E_n(|x|) converges to 0.280169 from below (Varga & Carpenter 1985)."""
    assert 60 * minimax(np.abs, 60, 1.0).upper == pytest.approx(0.280169, rel=2e-3)


@pytest.mark.parametrize("name", CATALOGUE)
def test_every_formula_has_a_certified_polynomial(name):
    function = numpy_function(parse_name(name))
    if name in JUMPS:
        with pytest.raises(UndeterminedError, match="may jump"):
            minimax(function, DEGREE, BOUND)
        return
    fit = minimax(function, DEGREE, BOUND)
    x = np.random.default_rng(0).uniform(-BOUND, BOUND, 20_000)
    scale = np.abs(function(x)).max()
    assert fit.lower <= fit.upper <= fit.lower * (1 + TOLERANCE) + 1e-13 * scale
    assert np.abs(fit.series(x) - function(x)).max() <= fit.upper * (1 + 1e-9) + 1e-14 * scale
    if fit.upper > 1e-9 * scale:
        assert alternations(function, fit) >= DEGREE + 2


@pytest.mark.parametrize("name", ["swim", "relu", "tanh", "ulu"])
@pytest.mark.parametrize("degree", [6, 9])
def test_mpmath_measures_the_same_error(name, degree):
    spec = parse_name(name)
    fit = minimax(numpy_function(spec), degree, BOUND)
    with mpmath.workdps(30):
        coefficients = [mpmath.mpf(c) for c in fit.series.coefficients]
        errors = []
        for x in [*np.linspace(-BOUND, BOUND, 83).tolist(), *np.linspace(-0.5, 0.5, 9).tolist()]:
            t = mpmath.mpf(x) / BOUND
            value = mpmath.fsum(c * mpmath.chebyt(k, t) for k, c in enumerate(coefficients))
            errors.append(abs(value - spec.formula.evaluate(x)))
    assert 0.8 * fit.lower < float(max(errors)) <= fit.upper * (1 + 1e-9)


@pytest.mark.parametrize("name", ["swim", "relu", "tanh", "ulu", "hardtanh", "elu"])
def test_a_linear_program_finds_the_same_optimum(name):
    """On a grid: minimise e subject to -e <= p(t) - f(t) <= e."""
    function, degree = numpy_function(parse_name(name)), 9
    t = -np.cos(np.linspace(0, np.pi, 1501))
    basis, values = chebyshev.chebvander(t, degree), function(BOUND * t)
    ones = np.ones((len(t), 1))
    result = linprog(
        np.r_[np.zeros(degree + 1), 1.0],
        A_ub=np.vstack([np.hstack([basis, -ones]), np.hstack([-basis, -ones])]),
        b_ub=np.r_[values, -values],
        bounds=[(None, None)] * (degree + 1) + [(0, None)],
    )
    assert result.fun == pytest.approx(minimax(function, degree, BOUND).upper, rel=3e-3)


@pytest.mark.parametrize(
    ("name", "bound", "precision", "degree"),
    [("swim", 10, 9, 24), ("swish", 10, 9, 20), ("gelu", 5, 14, 20), ("tanh", 5, 14, 31), ("ulu", 5, 6, 10)],
)
def test_smallest_degree(name, bound, precision, degree):
    function = numpy_function(parse_name(name))
    fit = smallest_fit(function, 2.0**-precision, bound)
    assert fit.series.degree == degree
    below = degree - 2 if fit.series.is_line_and_even or name == "tanh" else degree - 1
    assert minimax(function, below, bound).lower > 2.0**-precision


def test_a_polynomial_is_reproduced():
    fit = minimax(lambda x: 0.5 * x + 0.125 * x**2, 4, 8.0)
    x = np.linspace(-8, 8, 101)
    np.testing.assert_allclose(fit.series(x), 0.5 * x + 0.125 * x**2, atol=1e-13)


def test_degree_30_takes_less_than_a_fifth_of_a_second():
    function = numpy_function(parse_name("swim"))
    minimax(function, 2, 10.0)
    start = time.process_time()
    minimax(function, 30, 10.0)
    assert time.process_time() - start < 0.2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.abs, -1, 1.0), "degree -1"),
        ((np.abs, 10_000, 1.0), "0 to 500"),
        ((np.abs, 2, 0.0), "positive number"),
        ((np.exp, 2, 1e4), "not finite"),
    ],
)
def test_wrong_input(arguments, message):
    with pytest.raises(InputError, match=message):
        minimax(*arguments)


def test_a_precision_out_of_reach():
    with pytest.raises(InputError, match=r"degree 20 on .* above 2\^-20"):
        smallest_fit(np.abs, 2.0**-20, 1.0, most=20)
