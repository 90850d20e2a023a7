"""The expression language: text to SymPy through a whitelisted syntax tree.

    x*sigmoid(beta*x); beta=1
    where(x > 0, x, a*expm1(x)); a=trainable(0.5)

The language has numbers, ``x``, parameters, ``pi``, ``+ - * / **``, one comparison as the first
argument of ``where``, and the functions of ``FUNCTIONS``. Neither Python nor SymPy evaluates the text,
because both would execute code. The limits below prevent a long computation from a short text, such as
``9**9**9``.

Forms that lose digits are replaced by primitives that do not: ``log(1 + exp(u))``, ``1/(1 +
exp(-u))``, ``exp(u) - 1``, ``log(1 + u)``.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import sympy

from swimrl.activations.language.parameters import Parameter
from swimrl.activations.language.primitives import (
    PRIMITIVES,
    Chebyshev,
    Expm1,
    Log1p,
    Sigmoid,
    Softplus,
    Where,
    X,
)
from swimrl.activations.language.settings import parse_call, settings_of, shorten
from swimrl.errors import FormulaError, closest

MAX_LENGTH = 3000
MAX_DEPTH = 100
MAX_EXPONENT = 16
_MAX_BITS = 1024  # bits of an exact numerator or denominator; a double holds no more
_LARGEST = 1.7e308
_MAX_DENOMINATOR = 1000  # 0.25 is read as 1/4; longer decimals stay decimals, so that they print as written

_Arguments = list[Any]


def _maximum(a: Any, b: Any) -> Any:
    return Where(sympy.Gt(a, b), a, b)


def _minimum(a: Any, b: Any) -> Any:
    return Where(sympy.Lt(a, b), a, b)


def _log(u: Any) -> Any:
    """``log``, with 1 + exp(v) and 1 + v recognised in its argument."""
    if u.is_Add and u.args[0] == 1:
        rest = u - 1
        return Softplus(rest.args[0]) if isinstance(rest, sympy.exp) else Log1p(rest)
    return sympy.log(u)


ANY_NUMBER = -1
"""The number of arguments of a function that takes two or more."""

FUNCTIONS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    **{primitive.spelling: (int(max(primitive.nargs)), primitive) for primitive in PRIMITIVES},
    "atan": (1, sympy.atan),
    Chebyshev.spelling: (ANY_NUMBER, Chebyshev),
    "cos": (1, sympy.cos),
    "exp": (1, sympy.exp),
    "log": (1, _log),
    "max": (2, _maximum),
    "min": (2, _minimum),
    "sin": (1, sympy.sin),
    "sqrt": (1, sympy.sqrt),
}
"""Name to number of arguments and what builds the SymPy expression."""

_COMPARISONS: Mapping[type[ast.cmpop], Any] = {
    ast.Gt: sympy.Gt,
    ast.GtE: sympy.Ge,
    ast.Lt: sympy.Lt,
    ast.LtE: sympy.Le,
}

_HINTS: Mapping[type[ast.AST], str] = {
    ast.IfExp: "write where(condition, a, b) instead of 'a if condition else b'",
    ast.Compare: "a comparison may stand only as the first argument of where(condition, a, b)",
    ast.BoolOp: "nest where(...) instead of 'and' and 'or'",
    ast.Lambda: "write the expression itself, without 'lambda x:'",
    ast.Attribute: "write the plain function name, such as tanh(x)",
}


def parse_declaration(text: str) -> tuple[str, tuple[Parameter, ...]]:
    """Read ``EXPRESSION; a=1; b=trainable(2)``.

    Args:
        text: The text after ``expr:``.

    Returns:
        The expression with uniform spacing, and its parameters in the order given.

    Raises:
        FormulaError: Anything outside the language; an undeclared, unused or repeated parameter; no
        ``x``.
    """
    expression, *declared = (part.strip() for part in text.split(";"))
    if declared and not declared[-1]:
        declared.pop()
    parameters: list[Parameter] = []
    for part in declared:
        call = parse_call(f"({part})", text)
        settings = list(settings_of(call, text))
        if call.args or len(settings) != 1:
            raise FormulaError(f"cannot read {shorten(part)}; declare each parameter as '; NAME=NUMBER'")
        (setting,) = settings
        if setting.value is None:
            raise FormulaError(
                f"{setting.name}=trainable has no initial value; write '{setting.name}=trainable(NUMBER)'"
            )
        if math.isfinite(setting.low) or math.isfinite(setting.high):
            raise FormulaError(
                f"{setting.name} in {shorten(text)} cannot have bounds here; "
                f"write the function into the expression, such as softplus({setting.name})"
            )
        if setting.name in {parameter.name for parameter in parameters}:
            raise FormulaError(f"{setting.name!r} is set twice in {shorten(text)}; set it once")
        parameters.append(Parameter(setting.name, setting.value, setting.trainable))
    parse_expression(expression, [parameter.name for parameter in parameters])
    return ast.unparse(_tree(expression)), tuple(parameters)


def parse_expression(text: str, parameters: Collection[str]) -> sympy.Expr:
    """Read a function of ``x``.

    Args:
        text: The expression.
        parameters: The names of the parameters; each must occur.

    Raises:
        FormulaError: Anything outside the language, a name not declared or not used, or no ``x``.
    """
    expr = _Reader(text, parameters).read()
    if X not in expr.free_symbols:
        raise FormulaError(f"{shorten(text)} is not a function of x; write one, such as 'x*sigmoid(x)'")
    if unused := set(parameters) - {symbol.name for symbol in expr.free_symbols}:
        raise FormulaError(
            f"{min(unused)!r} has a value but does not occur in {shorten(text)}; use it or leave it out"
        )
    return expr


def parse_limit(text: str, parameters: Collection[str]) -> sympy.Expr:
    """Read a limit: an expression in parameters; ``inf`` may be all of it, negated, or a branch of ``where``.

    Raises:
        FormulaError: Anything outside the language, or an ``x``.
    """
    expr = _Reader(text, parameters, infinity=True).read()
    if X in expr.free_symbols:
        raise FormulaError(f"the limit {shorten(text)} depends on x; give its value at infinity")
    return expr


def _tree(text: str) -> ast.expr:
    if len(text) > MAX_LENGTH:
        raise FormulaError(
            f"an expression of {len(text)} characters is too long; at most {MAX_LENGTH} are read"
        )
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise FormulaError(
            f"cannot read {shorten(text)} as an expression; write it like 'x*sigmoid(beta*x)'"
        ) from error


class _Reader:
    """Turns one syntax tree into one SymPy expression."""

    def __init__(self, text: str, parameters: Collection[str], *, infinity: bool = False) -> None:
        self.text = text
        self.names: dict[str, Any] = {name: sympy.Symbol(name) for name in parameters}
        if taken := set(self.names) & (FUNCTIONS.keys() | {"x", "pi", "inf"}):
            raise FormulaError(
                f"{min(taken)!r} has a meaning of its own and cannot name a parameter; rename it"
            )
        self.names |= {"x": X, "pi": sympy.pi}
        if infinity:
            self.names["inf"] = sympy.oo
        self.infinity = infinity

    def read(self) -> Any:
        return self.expression(_tree(self.text), 0)

    def refuse(self, reason: str) -> FormulaError:
        return FormulaError(f"cannot use {shorten(self.text)}: {reason}")

    def expression(self, node: ast.expr, depth: int) -> Any:
        if depth > MAX_DEPTH:
            raise self.refuse(f"it is nested more than {MAX_DEPTH} levels deep; simplify it")
        match node:
            case ast.Constant():
                result = self.number(node.value)
            case ast.Name():
                result = self.name(node.id)
            case ast.UnaryOp(op=ast.USub()):
                result = -self.expression(node.operand, depth + 1)
            case ast.UnaryOp(op=ast.UAdd()):
                result = self.expression(node.operand, depth + 1)
            case ast.BinOp():
                left, right = self.expression(node.left, depth + 1), self.expression(node.right, depth + 1)
                result = self.binary(node.op, left, right)
            case ast.Call():
                result = self.call(node, depth)
            case _:
                hint = _HINTS.get(
                    type(node), "only numbers, names, + - * / ** and the known functions are allowed"
                )
                raise self.refuse(hint)
        return self.checked(result)

    def checked(self, expr: Any) -> Any:
        """Check each number as it arises: it must be real, finite and not too long."""
        if any(_size(coefficient) > _MAX_BITS for coefficient in _coefficients(expr)):
            raise self.refuse("a constant in it is too large or too long; write it as a decimal")
        if not expr.is_number:
            return expr
        if self.infinity and expr in (sympy.oo, -sympy.oo):
            return expr
        if expr.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo) or expr.is_real is False:
            raise self.refuse("a constant in it is not a real number")
        value = expr.evalf(17)
        if not value.is_Number or abs(value) > _LARGEST:
            raise self.refuse("a constant in it is larger than a double can be")
        return expr

    def number(self, value: object) -> Any:
        if type(value) is int and abs(value).bit_length() <= _MAX_BITS:
            return sympy.Integer(value)
        if type(value) is float and math.isfinite(value):
            exact = sympy.Rational(repr(value))
            return exact if exact.q <= _MAX_DENOMINATOR and abs(exact.p) < 10**9 else sympy.Float(value)
        raise self.refuse(f"{shorten(str(value)[:80])} is not a finite real number")

    def name(self, name: str) -> Any:
        if name in self.names:
            return self.names[name]
        if name in FUNCTIONS:
            raise self.refuse(f"the function {name!r} needs arguments, such as {name}(x)")
        if name in ("inf", "nan"):
            raise self.refuse(f"{name!r} is not a number to compute with")
        if name.casefold() == "x":
            raise self.refuse("the input is written as a small 'x'")
        raise self.refuse(f"{name!r} has no value; declare it at the end, such as '; {name}=1'")

    def binary(self, op: ast.operator, left: Any, right: Any) -> Any:
        match op:
            case ast.Add():
                return _expm1_in(left + right)
            case ast.Sub():
                return _expm1_in(left - right)
            case ast.Mult():
                return left * right
            case ast.Div():
                return left * self.power(right, sympy.S.NegativeOne)
            case ast.Pow():
                return self.power(left, right)
            case ast.BitXor():
                raise self.refuse("write powers with '**', not '^'")
            case _:
                raise self.refuse("of the operators only + - * / ** are allowed")

    def power(self, base: Any, exponent: Any) -> Any:
        if exponent.is_number:
            if not exponent.is_Rational and not exponent.is_Float:
                raise self.refuse("a constant exponent must be a plain number")
            if abs(exponent) > MAX_EXPONENT:
                raise self.refuse(f"a constant exponent may be at most {MAX_EXPONENT}")
            if base == 0 and exponent < 0:
                raise self.refuse("it divides by zero")
            # SymPy takes powers of rational factors at once, also out of (2*x)**16.
            if max(map(_size, _coefficients(base))) * abs(exponent) > _MAX_BITS:
                raise self.refuse("a constant in it is too large or too long; write it as a decimal")
        elif base.is_number and not base.is_positive:
            raise self.refuse("a constant raised to a variable power must be positive")
        if exponent.is_Integer and exponent < 0 and base.is_Add and base.args[0] == 1:
            rest = base - 1
            if isinstance(rest, sympy.exp):
                return Sigmoid(-rest.args[0]) ** -exponent
        return base**exponent

    def call(self, node: ast.Call, depth: int) -> Any:
        if not isinstance(node.func, ast.Name):
            raise self.refuse("only the known functions can be called, by their plain names")
        name = node.func.id
        if name not in FUNCTIONS:
            guess = (
                "; did you mean " + " or ".join(map(repr, near)) + "?"
                if (near := closest(name, FUNCTIONS))
                else ""
            )
            known = "" if guess else f"; the functions are {', '.join(sorted(FUNCTIONS))}"
            raise self.refuse(f"there is no function {name!r}{guess}{known}")
        arity, build = FUNCTIONS[name]
        if arity == ANY_NUMBER and (node.keywords or len(node.args) < 2):
            raise self.refuse(f"{name} takes a value and one or more coefficients, without names")
        if arity != ANY_NUMBER and (node.keywords or len(node.args) != arity):
            raise self.refuse(f"{name} takes {arity} argument{'s' * (arity > 1)} without names")
        if name != Where.spelling:
            return build(*(self.expression(argument, depth + 1) for argument in node.args))
        condition, *branches = node.args
        return build(
            self.condition(condition, depth + 1), *(self.expression(branch, depth + 1) for branch in branches)
        )

    def condition(self, node: ast.expr, depth: int) -> Any:
        if not isinstance(node, ast.Compare) or len(node.ops) != 1 or type(node.ops[0]) not in _COMPARISONS:
            raise self.refuse("the first argument of where must be one comparison with >, >=, < or <=")
        left, right = (self.expression(side, depth) for side in (node.left, node.comparators[0]))
        return _COMPARISONS[type(node.ops[0])](left, right)


def _coefficients(expr: Any) -> list[Any]:
    """Return the numeric factor of an expression, or of each term of a sum."""
    terms = expr.args if expr.is_Add else (expr,)
    return [term.as_coeff_Mul()[0] for term in terms]


def _size(number: Any) -> int:
    """Return the bits of an exact number; a decimal has always as many, so it counts only when too large."""
    if number.is_Rational:
        return int(max(abs(number.p).bit_length(), number.q.bit_length()))
    return _MAX_BITS + 1 if number.is_Float and abs(number) > _LARGEST else 0


def _expm1_in(total: Any) -> Any:
    """Replace ``c*exp(u) - c`` in a sum by ``c*expm1(u)``."""
    constant, terms = total.as_coeff_add()
    if constant == 0:
        return total
    for term in terms:
        coefficient, rest = term.as_coeff_Mul()
        if coefficient == -constant and isinstance(rest, sympy.exp):
            return total - constant - term + coefficient * Expm1(rest.args[0])
    return total
