"""SymPy expressions to straight-line Python text.

The text calls functions by the spellings of ``primitives``, so every target that has functions of these
names can use it. Common subexpressions are computed once; constants are folded into decimal literals.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from swimrl.activations.language.primitives import Affine, Chebyshev, Primitive, Where, X

_ADD, _MUL, _NEGATIVE, _POW, _ATOM = range(5)  # binding strength, weakest first


class AtLeast(Primitive):
    """max(u, bound) with slope 1 at the bound. Only in generated code, after differentiation."""

    nargs = 2
    spelling = "_at_least"


class AtMost(Primitive):
    """min(u, bound) with slope 1 at the bound. Only in generated code, after differentiation."""

    nargs = 2
    spelling = "_at_most"


@dataclass(frozen=True)
class Program:
    """Straight-line code.

    Args:
        assignments: Lines ``name = expression``, in order.
        results: One expression for each output.
    """

    assignments: tuple[str, ...]
    results: tuple[str, ...]


def straight_line(outputs: Sequence[sympy.Expr], *, confined: bool = True) -> Program:
    """Write expressions in ``x`` and parameters as code.

    In ``where(x > c, a, b)`` both branches are computed for every ``x``. So each branch receives ``x``
    clipped to its own side of ``c``. Otherwise ``exp`` could overflow in the branch that is not selected,
    and its gradient would be 0 * inf, which is NaN.

    Args:
        outputs: The expressions; common subexpressions are computed once.
        confined: Whether to clip ``x`` in the branches. Code that is not differentiated does not need it.
    """
    names = (sympy.Symbol(f"_{index}") for index in itertools.count())
    prepared = [
        _fold(_confine(expr, {X: X}) if confined else expr.replace(Affine, _affine_sum)) for expr in outputs
    ]
    shared, results = sympy.cse(prepared, symbols=names, order="none")
    lines: list[str] = []
    for name, expr in shared:
        text = code(_unrolled(expr, names, lines))
        lines.append(f"{name} = {text}")
    outcomes = [code(_unrolled(expr, names, lines)) for expr in results]
    return Program(tuple(lines), tuple(outcomes))


def _unrolled(expr: Any, names: Iterator[sympy.Symbol], lines: list[str]) -> Any:
    """Return ``expr`` with each Chebyshev series as Clenshaw's recurrence, written into ``lines``."""
    if not expr.has(Chebyshev):
        return expr
    if not isinstance(expr, Chebyshev):
        return expr.func(*(_unrolled(argument, names, lines) for argument in expr.args))

    def assigned(value: Any) -> Any:
        if value.is_Symbol or value.is_number:
            return value
        name = next(names)
        lines.append(f"{name} = {code(value)}")
        return name

    argument, *coefficients = expr.args
    u = assigned(_unrolled(argument, names, lines))
    twice = assigned(2 * u)
    later, latest = sympy.S.Zero, coefficients[-1]
    for coefficient in reversed(coefficients[1:-1]):
        later, latest = latest, assigned(coefficient + twice * latest - later)
    return coefficients[0] + u * latest - later


def _affine_sum(u: Any, scale: Any, shift: Any) -> Any:
    return scale * u + shift


def _fold(expr: Any) -> Any:
    """Evaluate constants such as sqrt(2), so that each is one literal and no common subexpression."""
    if not expr.args:
        return expr
    if expr.is_number:
        return expr if expr.is_Rational else expr.evalf(20)
    if expr.is_Pow:
        return sympy.Pow(_fold(expr.base), expr.exp)
    return expr.func(*map(_fold, expr.args))


def _confine(expr: Any, here: Mapping[Any, Any]) -> Any:
    """Return ``expr`` with the arguments in each branch clipped to its side of the condition.

    Args:
        expr: Part of an output.
        here: From ``x``, and each `Affine` of it that an enclosing condition bounds, to its replacement.
    """
    if expr in here:
        return here[expr]
    if not expr.args or X not in expr.free_symbols:
        return expr
    if isinstance(expr, Affine):
        return _confine(expr.expanded(), here)
    if not isinstance(expr, Where):
        return expr.func(*(_confine(argument, here) for argument in expr.args))
    condition, a, b = expr.args
    narrowed = [
        _confine(branch, here if side is None or _is_affine(branch) else {**here, **side})
        for branch, side in zip((a, b), _sides(condition, here), strict=True)
    ]
    return Where(_confine(condition, here), *narrowed)


def _sides(condition: Any, here: Mapping[Any, Any]) -> tuple[Any, Any]:
    """Return the replacement of the bounded argument in each branch; ``None`` if none is bounded."""
    if not condition.args:
        return None, None
    if condition.rhs == X or isinstance(condition.rhs, Affine):
        condition = condition.reversed
    argument, bound = condition.args
    if (argument != X and not isinstance(argument, Affine)) or X in bound.free_symbols:
        return None, None
    value = _confine(argument, here)
    above, below = {argument: AtLeast(value, bound)}, {argument: AtMost(value, bound)}
    is_lower_bound = isinstance(condition, sympy.StrictGreaterThan | sympy.GreaterThan)
    return (above, below) if is_lower_bound else (below, above)


def _is_affine(branch: Any) -> bool:
    """Return whether a branch has the form a + b*x, which is never NaN for a finite x."""
    return not branch.has(Where) and X not in branch.diff(X).free_symbols


def code(expr: Any) -> str:
    """Return one expression as Python text."""
    return _write(expr)[0]


def _write(expr: Any) -> tuple[str, int]:
    """Return the text of an expression and how strongly it binds."""
    if isinstance(expr, sympy.Symbol):
        return expr.name, _ATOM
    if expr is sympy.oo or expr is -sympy.oo:
        return ("inf", _ATOM) if expr is sympy.oo else ("-inf", _NEGATIVE)
    if expr.is_number:
        return _literal(expr)
    if expr.is_Relational:
        return f"{_inside(expr.lhs, _ADD)} {expr.rel_op} {_inside(expr.rhs, _ADD)}", -1
    if expr.is_Add:
        return _sum(expr.as_ordered_terms()), _ADD
    if expr.is_Mul:
        return _product(expr)
    if expr.is_Pow:
        return _power(expr.base, expr.exp)
    if isinstance(expr, Where):
        return _where(*expr.args), _ATOM
    name = expr.spelling if isinstance(expr, Primitive) else expr.func.__name__
    return f"{name}({', '.join(code(argument) for argument in expr.args)})", _ATOM


def _inside(expr: Any, strength: int) -> str:
    """Return the text of an operand, in parentheses if it binds more weakly than ``strength``."""
    text, own = _write(expr)
    return text if own >= strength else f"({text})"


def _literal(expr: Any) -> tuple[str, int]:
    value = float(expr.evalf(20))
    return repr(value), _ATOM if value >= 0 else _NEGATIVE


def _where(condition: Any, a: Any, b: Any) -> str:
    """Write a choice; between two numbers, ``_constant(number, x)`` gives it the dtype of ``x``."""
    first = f"_constant({code(a)}, x)" if _is_literal(a) and _is_literal(b) else code(a)
    return f"where({code(condition)}, {first}, {code(b)})"


def _is_literal(expr: Any) -> bool:
    return expr.is_number or expr in (sympy.oo, -sympy.oo)


def _sum(terms: Iterable[Any]) -> str:
    text = ""
    for term in terms:
        if text and term.could_extract_minus_sign() and (term.is_Mul or term.is_number):
            text += f" - {_inside(-term, _MUL)}"
        else:
            text += (" + " if text else "") + _inside(term, _ADD)
    return text


def _product(expr: Any) -> tuple[str, int]:
    """Write a product as one fraction, with all constants in one literal."""
    constants, factors = sympy.sift(expr.args, lambda factor: factor.is_number, binary=True)
    over = [factor for factor in factors if factor.is_Pow and factor.exp.is_Integer and factor.exp < 0]
    above = [_inside(factor, _POW) for factor in factors if factor not in over]
    below = [_inside(1 / factor, _POW) for factor in over]
    constant = float(sympy.Mul(*constants).evalf(20))
    sign = "-" if constant == -1 and above else ""
    if abs(constant) != 1 or not above:
        above.insert(0, repr(constant))
    text = sign + "*".join(above)
    if below:
        text += f"/({'*'.join(below)})" if len(below) > 1 else f"/{below[0]}"
    return text, _NEGATIVE if text.startswith("-") else _MUL


def _power(base: Any, exponent: Any) -> tuple[str, int]:
    """Write integer powers as ``**``, half-integer ones with ``sqrt`` and ``_rsqrt``, which are fast."""
    if exponent.is_Float and float(exponent * 2).is_integer():
        exponent = sympy.Rational(float(exponent))
    if exponent.is_Integer and exponent < 0:
        return f"1.0/{_inside(base**-exponent, _POW)}", _MUL
    if exponent == 1:
        return _write(base)
    if exponent.is_Integer:
        return f"{_inside(base, _ATOM)}**{exponent}", _POW
    if exponent.is_Rational and exponent.q == 2:
        root = f"{'sqrt' if exponent > 0 else '_rsqrt'}({code(base)})"
        return (root, _ATOM) if abs(exponent.p) == 1 else (f"{root}**{abs(exponent.p)}", _POW)
    return f"{_inside(base, _ATOM)}**{_inside(exponent, _ATOM)}", _POW
