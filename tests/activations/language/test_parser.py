from __future__ import annotations

import pytest
import sympy

from swimrl.activations.language.formula import Formula, text_of
from swimrl.activations.language.parameters import Parameter
from swimrl.activations.language.parser import (
    FUNCTIONS,
    MAX_LENGTH,
    parse_declaration,
    parse_expression,
    parse_limit,
)
from swimrl.activations.language.primitives import X
from swimrl.errors import FormulaError

ATTACKS = [
    "__import__('os').system('true')",
    "x.__class__.__base__",
    "x*().__class__",
    "eval('x')",
    "exec('x')",
    "open('/etc/passwd')",
    "getattr(x, 'diff')",
    "lambda x: x",
    "(lambda: x)()",
    "[x for x in (1,)]",
    "x if 1 else x",
    "(x := 2)",
    "f'{x}'",
    "'x'",
    "b'x'",
    "x[0]",
    "{x}",
    "{1: x}",
    "x, x",
    "*x",
    "x; import os",
    "x\nimport os",
    "x @ x",
    "x // 2",
    "x % 2",
    "x << 2",
    "~x",
    "not x",
    "x and x",
    "x == x",
    "x > 0",
    "where(0 < x < 1, x, 1)",
    "where(x == 0, x, 1)",
    "where(x, x, 1)",
    "where(x > 0 and x < 1, x, 1)",
    "await x",
    "yield x",
    "tanh",
    "tanh(x=x)",
    "tanh(*x)",
    "tanh(x, x)",
    "tanh()",
    "tanh(tanh)(x)",
    "True*x",
    "None",
    "...",
    "1j*x",
    "nan*x",
    "inf*x",
    "oo*x",
    "E*x",
    "I*x",
    "S(x)",
    "N(x)",
    "Max(x, 0)",
    "Symbol('x')",
    "",
    " ",
    "x +",
    "(x",
    "x)",
    "3",
    "pi",
    "x - x",
    "X",
    "x\0",
]

TOO_MUCH = [
    "9**9**9*x",
    "x**9**9",
    "x*10**400",
    "x*1" + "0" * 400,
    "x*1e309",
    "x**17",
    "x**-17",
    "x**1e3",
    "x**exp(2)",
    "((((((((x*(9**16)**16)**16)**16)**16)**16)**16)**16)**16)**16",
    "((((((2*x + 2)**16)**16)**16)**16)**16)**16*2**16*x/(((3*x)**16)**16)**16",
    "x*1e300*1e300",
    "(1e30*x)**16",
    "x*(((((1000001/1000000)**16)**16)**16)**16)**16",
    "x*(((((1/3)**16)**16)**16)**16)**16",
    "x*exp(exp(exp(exp(exp(100)))))",
    "x*exp(1000)",
    "x*10**16*" + "*".join(["10**16"] * 30),
    "x*sqrt(-1)",
    "x*(-1)**0.5",
    "(-2)**x",
    "0**x",
    "x*log(0)",
    "x*log(-1)",
    "x/0",
    "x*0**-1",
    "x/(1 - 1)",
    "-" * 500 + "x",
    "tanh(" * 150 + "x" + ")" * 150,
    "+".join(["x"] * 500),
    "x + " + "1" * MAX_LENGTH,
]


@pytest.mark.parametrize("text", ATTACKS)
def test_refuses_what_is_outside_the_language(text):
    with pytest.raises(FormulaError) as caught:
        parse_expression(text, ())
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", TOO_MUCH, ids=lambda text: text[:30])
def test_refuses_long_computations(text):
    with pytest.raises(FormulaError):
        parse_expression(text, ())


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("x^2", "'**'"),
        ("x if x > 0 else 0", "where(condition, a, b)"),
        ("0*(x > 0)", "where(condition, a, b)"),
        ("lambda x: x**2", "without 'lambda x:'"),
        ("np.tanh(x)", "plain names"),
        ("tahn(x)", "'tanh'"),
        ("X*2", "small 'x'"),
        ("beta*x", "; beta=1"),
        ("Max(x, 0)", "'max'"),
    ],
)
def test_says_what_to_write_instead(text, hint):
    with pytest.raises(FormulaError) as caught:
        parse_expression(text, ())
    assert hint in str(caught.value)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("x", "x"),
        ("+x - -x", "2*x"),
        ("0.5*x", "x/2"),
        ("0.044715*x**3", "0.044715*x**3"),
        ("1e-3*x", "x/1000"),
        ("x**0.5 + x**(-3/2) + x**-2", "sqrt(x) + x**(-3/2) + x**(-2)"),
        ("sqrt(x*pi)", "sqrt(pi)*sqrt(x)"),
        ("2**x", "2**x"),
        ("max(x, 0.1*x)", "where(x > x/10, x, x/10)"),
        ("min(x, 6)", "where(x < 6, x, 6)"),
        ("where(x >= 1, x, 1)", "where(x >= 1, x, 1)"),
        ("where(0 < 1, x, 3)", "x"),
        ("exp(1)*x", "exp(1)*x"),
    ],
)
def test_reads_arithmetic(text, meaning):
    expr = parse_expression(text, ())
    assert expr == parse_expression(meaning, ())
    assert parse_expression(text_of(expr), ()) == expr


@pytest.mark.parametrize(
    ("text", "stable"),
    [
        ("log(1 + exp(x))", "softplus(x)"),
        ("log(exp(2*x) + 1)", "softplus(2*x)"),
        ("1/(1 + exp(-x))", "sigmoid(x)"),
        ("x/(1 + exp(-2*x))", "x*sigmoid(2*x)"),
        ("(1 + exp(x))**-2", "sigmoid(-x)**2"),
        ("exp(x) - 1", "expm1(x)"),
        ("2*(exp(x) - 1)", "2*expm1(x)"),
        ("1 - exp(-x)", "-expm1(-x)"),
        ("x + exp(x) - 1", "x + expm1(x)"),
        ("log(1 + x**2)", "log1p(x**2)"),
        ("log(1 - x)", "log1p(-x)"),
        ("log(2 + x)", "log(2 + x)"),
        ("exp(x) + 1", "exp(x) + 1"),
        ("exp(x) - 2", "exp(x) - 2"),
    ],
)
def test_replaces_forms_that_lose_digits(text, stable):
    assert parse_expression(text, ()) == parse_expression(stable, ())


@pytest.mark.parametrize("name", ["beta", "gamma", "S", "N", "I", "E", "Q", "oo", "zoo", "lambda1", "k"])
def test_any_plain_word_can_be_a_parameter(name):
    expr = parse_expression(f"x*{name}", [name])
    assert expr.free_symbols == {X, sympy.Symbol(name)}


@pytest.mark.parametrize("name", ["x", "tanh", "where", "pi", "inf"])
def test_words_with_a_meaning_cannot(name):
    with pytest.raises(FormulaError):
        parse_expression(f"x*{name}", [name])


def test_every_function_parses_and_prints():
    for name, (arity, _) in FUNCTIONS.items():
        arguments = ["x > 0", "x", "0"] if name == "where" else ["x", "-1", "1"][:arity]
        expr = parse_expression(f"x + {name}({', '.join(arguments)})", ())
        assert parse_expression(text_of(expr), ()) == expr


def test_declaration():
    expression, parameters = parse_declaration("x*sigmoid( beta*x )+c ;beta=1.5; c = trainable(-2) ;")
    assert expression == "x * sigmoid(beta * x) + c"
    assert parameters == (Parameter("beta", 1.5), Parameter("c", -2.0, trainable=True))


@pytest.mark.parametrize(
    "text",
    [
        "x*b; b",
        "x*b; b=",
        "x*b; b=c",
        "x*b; b=1, c=2",
        "x*b; b=1; b=2",
        "x*b; b=trainable",
        "x*b; b=trainable()",
        "x*b; b=nan",
        "x*b; b=1e400",
        "x*b; **b",
        "x; b=1",
        "x*b",
        "x*_b; _b=1",
        "x*b; ; b=1",
        "x*b; b=1) + f(c=2",
        "; b=1",
        "",
    ],
)
def test_refuses_a_wrong_declaration(text):
    with pytest.raises(FormulaError) as caught:
        parse_declaration(text)
    assert "\n" not in str(caught.value)


def test_limits_may_be_infinite_and_may_not_depend_on_x():
    assert parse_limit("inf", ()) == sympy.oo
    assert parse_limit("-inf", ()) == -sympy.oo
    assert parse_limit("where(k > 0, 0, -inf)", ["k"]).subs(sympy.Symbol("k"), -1) == -sympy.oo
    for text in ("x", "inf*0", "inf - inf", "nan"):
        with pytest.raises(FormulaError):
            parse_limit(text, ())


def test_a_parameter_must_be_used():
    with pytest.raises(FormulaError, match="'b' has a value but does not occur"):
        Formula.parse("x", (Parameter("b", 1.0),))
