from __future__ import annotations

import pickle

import mpmath
import pytest
import sympy

from swimrl.activations import REGISTRY, Formula, Parameter
from swimrl.activations.language.formula import evaluate
from swimrl.activations.language.parser import MAX_LENGTH, parse_expression
from swimrl.activations.language.primitives import X

SWIM = Formula.parse("x*isru_gate(k*x)", (Parameter("k", 0.5),), ("0", "inf"))


def test_derivatives_by_hand():
    """With u = kx: f' = (1 + u(2 + u^2)/(1 + u^2)^(3/2))/2 and df/dk = x^2/2 (1 + u^2)^(-3/2)."""
    (by_k,) = SWIM.parameter_derivatives
    for x in (-7.0, -0.5, 0.0, 1.0, 12.0):
        u = mpmath.mpf(x) / 2
        slope = (1 + u * (2 + u**2) / (1 + u**2) ** 1.5) / 2
        assert mpmath.almosteq(evaluate(SWIM.derivative, x, {"k": 0.5}, 30), slope, abs_eps=1e-14)
        k_slope = mpmath.mpf(x) ** 2 / 2 * (1 + u**2) ** -1.5
        assert mpmath.almosteq(evaluate(by_k, x, {"k": 0.5}, 30), k_slope, abs_eps=1e-14)


def test_evaluate_takes_values_and_decimal_strings():
    assert SWIM.evaluate(-1000.0) == pytest.approx(-9.99997000011e-4, rel=1e-11)
    assert SWIM.evaluate(1.0, {"k": 1.0}) == pytest.approx(0.8535533905932737, rel=1e-15)
    with mpmath.workdps(40):
        tenth = SWIM.evaluate("0.1", digits=40)
        assert mpmath.almosteq(
            tenth, mpmath.mpf("0.1") / 2 * (1 + mpmath.mpf("0.05") / mpmath.sqrt(mpmath.mpf("1.0025")))
        )


def test_equal_text_makes_equal_hashable_formulas():
    twin = Formula.parse("isru_gate(x*k)*x", (Parameter("k", 0.5),), ("0", "inf"))
    assert twin == SWIM
    assert hash(twin) == hash(SWIM)
    assert pickle.loads(pickle.dumps(SWIM)) == SWIM
    assert Formula.parse("x*isru_gate(k*x)", (Parameter("k", 1.0),), ("0", "inf")) != SWIM


@pytest.mark.parametrize("definition", REGISTRY.definitions(), ids=lambda definition: definition.name)
def test_text_of_the_catalogue_reads_back(definition):
    formula = definition.formula
    if formula is None:
        return
    names = [parameter.name for parameter in formula.parameters]
    assert parse_expression(formula.text(), names) == formula.expr
    every_name = "".join(f" + {name}" for name in ["x", *names])  # a derivative need not hold all of them
    for expr in (formula.derivative, *formula.parameter_derivatives):
        text = Formula(expr, formula.parameters).text() + every_name
        if len(text) <= MAX_LENGTH:  # of the catalogue's formulas all are, of their derivatives most
            read = parse_expression(text, names) - parse_expression(every_name, names)
            values = {parameter.name: parameter.default for parameter in formula.parameters}
            for x in (-1.3, 0.7):
                assert mpmath.almosteq(evaluate(read, x, values, 40), evaluate(expr, x, values, 40), 1e-30)


def test_the_catalogue_holds_no_kinked_functions_of_sympy():
    for formula in filter(None, (definition.formula for definition in REGISTRY.definitions())):
        for expr in (formula.expr, formula.derivative.diff(X), *formula.parameter_derivatives):
            assert not expr.has(
                sympy.Max, sympy.Min, sympy.Abs, sympy.Heaviside, sympy.Piecewise, sympy.DiracDelta
            )


def test_latex():
    assert SWIM.latex() == r"x \frac{1}{2}\left(1 + \frac{k x}{\sqrt{1 + \left(k x\right)^{2}}}\right)"
    assert r"\beta" in Formula.parse("x*sigmoid(beta*x)", (Parameter("beta", 1.0),)).latex()
