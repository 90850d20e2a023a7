"""Generated code, run by Python's own ``math`` functions as an independent backend."""

from __future__ import annotations

import math
import random

import mpmath
import pytest
import sympy

from swimrl.activations.language.formula import Formula, evaluate
from swimrl.activations.language.parameters import Parameter
from swimrl.activations.language.primitives import X
from swimrl.activations.language.source import code, straight_line

NAMESPACE = {
    "_at_least": max,
    "_at_most": min,
    "_constant": lambda value, x: value,
    "_rsqrt": lambda u: 1 / math.sqrt(u),
    "where": lambda condition, a, b: a if condition else b,
    "abs": abs,
    "clip": lambda u, low, high: min(max(u, low), high),
    "sigmoid": lambda u: 1 / (1 + math.exp(-u)),
    "softplus": lambda u: math.log1p(math.exp(u)),
    "sech2": lambda u: 1 / math.cosh(u) ** 2,
    "inf": math.inf,
    **{
        name: getattr(math, name)
        for name in ("exp", "log", "sqrt", "sin", "cos", "tanh", "expm1", "log1p", "erf", "atan")
    },
}

EXPRESSIONS = [
    "x",
    "-x",
    "3 - x",
    "x - 3*k",
    "-(x + k)**2",
    "k*x/(1 + x**2)",
    "x/(k*(1 + x**2)*(2 + x**4))",
    "2/(3*x**2)",
    "-x/7",
    "(1 + x**2)**0.5",
    "(1 + x**2)**(-0.5)",
    "x*(1 + k*x**2)**(-3/2)",
    "(1 + x**2)**2.5",
    "(1 + x**2)**0.3",
    "(1 + x**2)**k",
    "2**x",
    "k**(x/10)",
    "exp(-x**2/2)/sqrt(2*pi)",
    "(x + 1)*(x - 2)*(k - 3)",
    "(-2*x)**3",
    "x**-3",
    "1/(x + k)**2",
    "where(x > 1, x**2, -x)",
    "where(k*x > 1, x**2, where(x <= -1, exp(-x), 2))",
    "where(x < 0, -1, 1) - k",
    "-where(x >= k, 3, x)**2",
    "clip(x, -k, k)*0.1 - 0.3",
    "sigmoid(x)*sigmoid(-x) + tanh(x)*(1 - tanh(x))",
    "x - (x - (1 - k*(2 - x)))*(-3)",
    "-(-x - (-k))",
    "1e-30*x*1e30",
]


def run(text, x, k):
    expr = (
        Formula.parse(f"({text}) + 0*x", (Parameter("k", 1.0),)).expr
        if "k" in text
        else Formula.parse(text).expr
    )
    program = straight_line([expr, expr.diff(X)])
    names = {"x": x, "k": k, **NAMESPACE}
    for line in program.assignments:
        exec(line, names)
    return [eval(result, names) for result in program.results], expr


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_code_means_what_the_expression_means(text):
    draw = random.Random(0)
    for _ in range(20):
        x, k = draw.uniform(-4, 4), draw.uniform(0.2, 4)
        found, expr = run(text, x, k)
        for value, exact in zip(found, (expr, expr.diff(X)), strict=True):
            assert value == pytest.approx(float(evaluate(exact, x, {"k": k}, 40)), rel=1e-12, abs=1e-12)


def test_branches_see_only_their_own_side():
    """Unconfined, exp(100) and log(-1) would be computed on the side where they are not wanted."""
    assert run("where(x > 0, log(x + 2), exp(-1000*(3 + x)))", -3.0, 1.0)[0] == [1.0, -1000.0]
    assert run("where(x > 0, x, exp(1000*x))", 5.0, 1.0)[0] == [5.0, 1.0]
    assert run("where(0 >= x, exp(1000*x), x)", 5.0, 1.0)[0] == [5.0, 1.0]
    assert run("where(x > -1, where(x < 1, sqrt(2 - x**2), 0), 0)", 7.0, 1.0)[0] == [0.0, 0.0]


def test_shared_parts_are_computed_once():
    program = straight_line([sympy.exp(X) + sympy.exp(X) ** 2 * X, sympy.exp(X) - 1])
    assert sum(text.count("exp(") for text in (*program.assignments, *program.results)) <= 2


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("x*(1 + x**2)**(-3/2)", "x*_rsqrt(x**2 + 1.0)**3"),
        ("x/2", "0.5*x"),
        ("-x", "-x"),
        ("2*sqrt(2/pi)*x", "1.5957691216057308*x"),
        ("x - 1", "x - 1.0"),
        ("1/(1 + x**2)", "1.0/(x**2 + 1.0)"),
    ],
)
def test_code_is_short(text, written):
    assert code(Formula.parse(text).expr) == written


def test_literals_are_exact():
    assert float(code(sympy.Float(0.1))) == 0.1
    assert float(code(sympy.Rational(1, 3))) == 1 / 3
    assert float(code(sympy.pi)) == math.pi
    assert mpmath.mpf(code(sympy.exp(1))) == math.e
