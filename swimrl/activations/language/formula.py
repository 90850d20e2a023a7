"""A SymPy expression with its derivatives, text, LaTeX and exact values."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import mpmath
import sympy
from sympy.printing.str import StrPrinter

from swimrl.activations.language.parameters import REAL, Parameter, ParameterValue
from swimrl.activations.language.parser import parse_expression, parse_limit
from swimrl.activations.language.primitives import Sigmoid, Softplus, X


@dataclass(frozen=True)
class Formula:
    """An elementwise function of ``x`` and its parameters.

    Args:
        expr: The expression, in ``x`` and one symbol per parameter, of our primitives.
        parameters: The parameters, in the order in which generated functions take them.
        limits: The limits at minus and plus infinity, in the parameters; ``None`` if unknown.
    """

    expr: sympy.Expr
    parameters: tuple[Parameter, ...] = ()
    limits: tuple[sympy.Expr, sympy.Expr] | None = None

    @staticmethod
    def parse(
        expression: str, parameters: tuple[Parameter, ...] = (), limits: tuple[str, str] | None = None
    ) -> Formula:
        """Build a formula from text in the expression language.

        Raises:
            FormulaError: The text is outside the language (see ``parser``).
        """
        names = [parameter.name for parameter in parameters]
        ends = None if limits is None else (parse_limit(limits[0], names), parse_limit(limits[1], names))
        return Formula(parse_expression(expression, names), parameters, ends)

    def fix(self, values: Mapping[str, float]) -> Formula:
        """Return the formula with some parameters replaced by numbers."""
        numbers = {sympy.Symbol(name): sympy.Float(value) for name, value in values.items()}
        limits = self.limits and (self.limits[0].subs(numbers), self.limits[1].subs(numbers))
        free = tuple(parameter for parameter in self.parameters if parameter.name not in values)
        return Formula(self.expr.subs(numbers), free, limits)

    @cached_property
    def symbols(self) -> tuple[sympy.Symbol, ...]:
        """The parameters as symbols, in order."""
        return tuple(sympy.Symbol(parameter.name) for parameter in self.parameters)

    @cached_property
    def derivative(self) -> sympy.Expr:
        """The derivative by ``x``; at a kink torch's, or if torch has none, the left one."""
        return self.expr.diff(X)

    @cached_property
    def parameter_derivatives(self) -> tuple[sympy.Expr, ...]:
        """The derivative by each parameter, in order."""
        return tuple(self.expr.diff(symbol) for symbol in self.symbols)

    def text(self) -> str:
        """Return the expression in the language of ``parser``, which parses it to an equal expression."""
        return text_of(self.expr)

    def latex(self) -> str:
        """Return the expression in LaTeX."""
        return str(sympy.latex(self.expr))

    def evaluate(
        self, x: float | str, parameters: Mapping[str, float] | None = None, *, digits: int = 30
    ) -> Any:
        """Return the value at ``x`` as an mpmath number, correct to about ``digits`` digits.

        Args:
            x: A float (taken exactly) or a decimal string.
            parameters: Values that replace the defaults.
            digits: Decimal digits to work with.
        """
        return evaluate(self.expr, x, self._values(parameters), digits)

    def _values(self, parameters: Mapping[str, float] | None) -> dict[str, float]:
        return {parameter.name: parameter.default for parameter in self.parameters} | dict(parameters or {})


def evaluate(expr: sympy.Expr, x: float | str, parameters: Mapping[str, float], digits: int) -> Any:
    """Return the value of any expression in ``x`` and parameters as an mpmath number."""
    values = {
        X: sympy.Float(x, digits),
        **{sympy.Symbol(name): sympy.Float(v, digits) for name, v in parameters.items()},
    }
    with mpmath.workdps(digits):
        return expr.subs(values).evalf(digits)._to_mpmath(mpmath.mp.prec)


def between(low: float, high: float, raw: sympy.Expr) -> sympy.Expr:
    """Return a smooth rising function of ``raw`` with values between two bounds; one may be infinite."""
    if math.isinf(high):
        return sympy.Float(low) + Softplus(raw)
    if math.isinf(low):
        return sympy.Float(high) - Softplus(-raw)
    return sympy.Float(low) + sympy.Float(high - low) * Sigmoid(raw)


@functools.lru_cache(maxsize=1024)
def bounded(formula: Formula, values: tuple[ParameterValue, ...]) -> Formula:
    """Return the formula with each bounded parameter replaced by a function of a raw number.

    Args:
        formula: A formula.
        values: One entry for each of its parameters, in order.
    """
    replaced = {
        symbol: between(value.low, value.high, symbol)
        for symbol, value in zip(formula.symbols, values, strict=True)
        if value.is_bounded
    }
    parameters = tuple(
        replace(parameter, default=value.initial, domain=REAL) if value.is_bounded else parameter
        for parameter, value in zip(formula.parameters, values, strict=True)
    )
    limits = formula.limits
    if limits is not None:
        limits = (limits[0].subs(replaced), limits[1].subs(replaced))
    return Formula(formula.expr.subs(replaced), parameters, limits)


@functools.lru_cache(maxsize=1024)
def settled(formula: Formula, values: tuple[ParameterValue, ...]) -> Formula:
    """Return the formula with its fixed parameters replaced by their values.

    Args:
        formula: A formula.
        values: One entry for each of its parameters, in order.
    """
    return formula.fix({value.name: value.value for value in values if not value.trainable})


class _TextPrinter(StrPrinter):  # type: ignore[misc]  # SymPy ships no types
    """SymPy's text, with floats that read back exactly and no constant named ``E``."""

    def _print_Float(self, expr: Any) -> str:  # noqa: N802  # SymPy dispatches on this name
        return repr(float(expr))

    def _print_Exp1(self, expr: Any) -> str:  # noqa: N802
        return "exp(1)"


def text_of(expr: sympy.Expr) -> str:
    """Return an expression as text in the language of ``parser``."""
    return str(_TextPrinter().doprint(expr))
