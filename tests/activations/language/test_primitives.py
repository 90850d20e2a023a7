"""Each primitive in mpmath, its derivative and its torch form, against textbook formulas at 400 digits."""

from __future__ import annotations

import math

import mpmath
import pytest
import sympy
import torch
from mpmath import mpf

from swimrl.activations.language.formula import Formula, evaluate, text_of
from swimrl.activations.language.primitives import (
    PRIMITIVES,
    Affine,
    Clip,
    TanhSoftplus,
    TanhSoftplusSlope,
    Where,
    X,
)
from swimrl.activations.torch.composite import value_and_derivatives

TEXTBOOK = {
    "sigmoid(x)": lambda x: 1 / (1 + mpmath.exp(-x)),
    "softplus(x)": lambda x: mpmath.log(1 + mpmath.exp(x)),
    "expm1(x)": lambda x: mpmath.exp(x) - 1,
    "log1p(x**2)": lambda x: mpmath.log(1 + x**2),
    "ndtr(x)": lambda x: (1 + mpmath.erf(x / mpmath.sqrt(2))) / 2,
    "normal_pdf(x)": lambda x: mpmath.exp(-(x**2) / 2) / mpmath.sqrt(2 * mpmath.pi),
    "erf(x)": mpmath.erf,
    "tanh(x)": lambda x: (mpmath.exp(2 * x) - 1) / (mpmath.exp(2 * x) + 1),
    "sech2(x)": lambda x: 4 / (mpmath.exp(x) + mpmath.exp(-x)) ** 2,
    "tanh(softplus(x))": lambda x: ((1 + mpmath.exp(x)) ** 2 - 1) / ((1 + mpmath.exp(x)) ** 2 + 1),
    "isru_gate(x)": lambda x: (1 + x / mpmath.sqrt(1 + x**2)) / 2,
    "isru_slope(x)": lambda x: 1 / (2 * (1 + x**2) * mpmath.sqrt(1 + x**2)),
    "atan_gate(x)": lambda x: mpf(1) / 2 + mpmath.atan(x) / mpmath.pi,
    "relu(x)": lambda x: x if x > 0 else mpf(0),
    "step(x)": lambda x: mpf(x > 0),
    "abs(x)": lambda x: x if x > 0 else -x,
    "sign(x)": lambda x: mpf(1 if x > 0 else -1),
    "clip(x, -2, 3)": lambda x: sorted([mpf(-2), x, mpf(3)])[1],
    "affine(x, -1.5, 2)": lambda x: 2 - x * 3 / 2,
    "where(x > 1, x**2, exp(x))": lambda x: x**2 if x > 1 else mpmath.exp(x),
}
POINTS = [-30.0, -9.5, -2.5, -1.0, -0.3, -1e-8, 1e-8, 0.3, 1.5, 2.5, 9.5, 30.0]


def truth(text, x):
    with mpmath.workdps(400):
        return TEXTBOOK[text](mpf(x))


def slope(text, x):
    with mpmath.workdps(100):
        return (
            (truth(text, mpf(x) + mpf(10) ** -40) - truth(text, mpf(x) - mpf(10) ** -40)) * mpf(10) ** 40 / 2
        )


def test_every_primitive_is_here():
    assert {text.partition("(")[0] for text in TEXTBOOK} == {primitive.spelling for primitive in PRIMITIVES}


@pytest.mark.parametrize("text", TEXTBOOK)
@pytest.mark.parametrize("x", POINTS)
def test_exact_value_and_derivatives(text, x):
    formula = Formula.parse(text)
    assert mpmath.almosteq(formula.evaluate(x, digits=50), truth(text, x), rel_eps=mpf(10) ** -45)
    found, expected = evaluate(formula.derivative, x, {}, 50), slope(text, x)
    assert mpmath.almosteq(found, expected, rel_eps=mpf(10) ** -20, abs_eps=mpf(10) ** -50)


@pytest.mark.parametrize("text", TEXTBOOK)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 3e-13), (torch.float32, 1e-4)])
def test_torch_form_keeps_relative_accuracy_in_the_tails(text, dtype, tolerance):
    """Relative, not absolute: in a far tail only a form that does not cancel has any digits."""
    x = torch.tensor([p for p in POINTS if abs(p) < (40 if dtype == torch.float64 else 13)], dtype=dtype)
    value, derivative = value_and_derivatives(Formula.parse(text))(x)
    for point, found, found_slope in zip(x.tolist(), value.tolist(), derivative.tolist(), strict=True):
        assert found == pytest.approx(float(truth(text, point)), rel=tolerance)
        assert found_slope == pytest.approx(float(slope(text, point)), rel=tolerance, abs=1e-300)


def test_second_derivatives_hold_no_distributions():
    """SymPy's own Max, Abs and Heaviside would bring DiracDelta in here."""
    for primitive in PRIMITIVES:
        if primitive in (Where, Clip, Affine):
            continue
        second = primitive(X).diff(X, 2)
        assert not second.atoms(sympy.DiracDelta, sympy.Heaviside, sympy.Derivative, sympy.Subs)


def test_tanh_of_softplus_becomes_one_function_and_reads_back():
    expr = Formula.parse("tanh(softplus(2*x))").expr
    assert isinstance(expr, TanhSoftplus)
    assert expr.diff(X).has(TanhSoftplusSlope)
    assert text_of(expr) == "tanh(softplus(2*x))"
    squared = expr.diff(X) ** 2  # the slope is spelled out as a product, which keeps its parentheses
    assert Formula.parse(text_of(squared)).evaluate(0.5) == pytest.approx(
        evaluate(squared, 0.5, {}, 30), 1e-15
    )


def test_where_differentiates_each_branch_alone():
    derivative = Formula.parse("where(x > 0, x**2, exp(x))").derivative
    assert derivative == Where(X > 0, 2 * X, sympy.exp(X))


def test_where_takes_a_decided_branch():
    k = sympy.Symbol("k")
    assert Where(k > 0, X, -X).subs(k, 1) == X
    assert Where(k > 0, X, -X).subs(k, -1) == -X
    assert Where(k > 0, X, X) == X


def test_clip_by_its_bounds():
    low, high = sympy.symbols("low high")
    by_low, by_high = Clip(X, low, high).diff(low), Clip(X, low, high).diff(high)
    for x, expected in [(-2.0, (1, 0)), (-1.0, (1, 0)), (0.5, (0, 0)), (2.0, (0, 1)), (3.0, (0, 1))]:
        values = {"low": -1.0, "high": 2.0}
        assert (evaluate(by_low, x, values, 15), evaluate(by_high, x, values, 15)) == expected


def test_latex_of_every_primitive():
    for text in TEXTBOOK:
        latex = Formula.parse(text).latex()
        assert latex.count("{") == latex.count("}")
        assert latex.count(r"\left") == latex.count(r"\right")
        squared = Formula.parse(f"({text})**2").latex()
        assert "^{2}" in squared


def test_gates_reach_their_ends():
    x = torch.tensor([-math.inf, math.inf])
    for name in ("sigmoid", "isru_gate", "atan_gate", "ndtr"):
        value, _ = value_and_derivatives(Formula.parse(f"{name}(x)", (), ("0", "1")))(x)
        assert value.tolist() == [0.0, 1.0]
