"""poly(NAME, ...): the best polynomial in place of an activation, as a formula like any other.

    poly(swim, degree=6, bound=8)             the best polynomial of degree 6 on [-8, 8]
    poly(swim, precision=2^-6, bound=8)       the smallest degree whose error is at most 2^-6 there
    poly(relu, precision=2^-7, bound=8)       for relu a composition where one polynomial is not enough
    poly(swim, degree=6, bound=8, outside=exact)

Outside the bound the polynomial goes on (``outside=polynomial``, the only choice for encrypted numbers), or
the activation itself takes over (``exact``), or the value at the bound is held (``clamp``).
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from swimrl.activations.language.definition import POLYNOMIAL, Definition
from swimrl.activations.language.formula import text_of
from swimrl.activations.language.settings import format_number
from swimrl.activations.language.spec import ActivationSpec
from swimrl.activations.polynomial import DEFAULT_BOUND, composite_fit, polynomial_fit
from swimrl.errors import FormulaError, InputError
from swimrl.polynomials import CompositeRelu, Series

__all__ = [
    "DEFAULT_BOUND",
    "MAX_DEGREE",
    "OUTSIDE",
    "Polynomial",
    "bound_of",
    "polynomial_definition",
    "series_text",
]

MAX_DEGREE = 62
"""The largest degree of an activation: six multiplications one after the other."""

OUTSIDE: Final = ("polynomial", "exact", "clamp")
"""What can happen outside the bound; the first is the default."""


_BOUND = re.compile(r", bound=([^,)]+)(?:, outside=\w+)?\)$")


@dataclass(frozen=True)
class Polynomial:
    """The arguments of ``poly(...)``.

    Args:
        inner: The activation to replace.
        degree: Degree; None if a precision is given.
        precision: Largest error; None if a degree is given.
        bound: The polynomial is best on [-bound, bound].
        outside: One of `OUTSIDE`.
    """

    inner: ActivationSpec
    degree: int | None
    precision: float | None
    bound: float
    outside: str = "polynomial"

    @property
    def name(self) -> str:
        """The name, which is read back to an equal polynomial."""
        size = f"degree={self.degree}" if self.precision is None else f"precision={_power(self.precision)}"
        end = "" if self.outside == OUTSIDE[0] else f", outside={self.outside}"
        return f"{POLYNOMIAL}({self.inner.canonical}, {size}, bound={format_number(self.bound)}{end})"


@functools.lru_cache(maxsize=256)
def polynomial_definition(polynomial: Polynomial) -> Definition:
    """Return the definition of a polynomial in place of an activation.

    Raises:
        FormulaError: The activation is a module or learns parameters, or no polynomial can be fitted.
    """
    inner, bound = polynomial.inner, polynomial.bound
    if learned := [value.name for value in inner.values if value.trainable]:
        raise FormulaError(
            f"poly cannot replace {inner.canonical!r}, which learns {', '.join(learned)}; fix each, such as "
            f"{inner.definition.name}({learned[0]}=1)"
        )
    if polynomial.degree is not None and polynomial.degree > MAX_DEGREE:
        raise FormulaError(f"degree={polynomial.degree} is too large; poly takes degrees up to {MAX_DEGREE}")
    try:
        fitted = _fitted(polynomial)
    except InputError as error:
        raise FormulaError(f"{polynomial.name}: {error}") from None
    text: Callable[[Any, str], str] = series_text if isinstance(fitted, Series) else _composition_text
    limits: tuple[str, str] | None
    expression, limits = text(fitted, "x"), None
    if polynomial.outside == "polynomial":
        limits = _limits(fitted)
    elif polynomial.outside == "clamp":
        expression = text(fitted, f"clip(x, {-bound!r}, {bound!r})")
    else:
        formula = inner.settled
        exact = text_of(formula.expr)
        expression = f"where(x > {bound!r}, {exact}, where(x < {-bound!r}, {exact}, {expression}))"
        if formula.limits is not None:
            low, high = (text_of(end).replace("oo", "inf") for end in formula.limits)
            limits = low, high
    return Definition(
        polynomial.name,
        expression,
        limits=limits,
        family="polynomial",
        reference="Remez 1934; Lee et al. 2021, arXiv:2105.10879 for relu",
        summary=f"a polynomial in place of {inner.canonical}, best on [-{bound:g}, {bound:g}]",
        kind="polynomial",
        inner=inner.canonical,
    )


def bound_of(definition: Definition) -> float | None:
    """Return the bound of ``poly(...)``, which its name holds; None for any other activation.

    Example:
        >>> from swimrl.activations.language.names import parse_name
        >>> bound_of(parse_name("poly(swim, degree=6, bound=8)").definition)
        8.0
    """
    if definition.kind != "polynomial":
        return None
    written = _BOUND.search(definition.name)
    assert written is not None  # `Polynomial.name` writes it
    return float(written[1])


def series_text(series: Series, x: str = "x") -> str:
    """Return a polynomial as text in the language of ``parser``.

    Args:
        series: The polynomial.
        x: The text of its argument.
    """
    t = f"({x})/{series.bound!r}"
    if series.is_line_and_even and series.degree >= 2:
        line = f"{series.coefficients[1] / series.bound!r}*({x}) + "
        return f"{line}chebyshev(2*({t})**2 - 1, {_listed(series.in_square)})"
    return f"chebyshev({t}, {_listed(series.coefficients)})"


def _composition_text(composition: CompositeRelu, x: str) -> str:
    sign = f"({x})/{composition.bound!r}"
    for stage in composition.stages:
        sign = f"chebyshev(({sign})/{stage.bound!r}, {_listed(stage.coefficients)})"
    return f"({x})*(1 + {sign})/2"


def _listed(coefficients: Sequence[float]) -> str:
    return ", ".join(format_number(c) for c in coefficients)


def _fitted(polynomial: Polynomial) -> Series | CompositeRelu:
    """Return the polynomial, or for relu with a precision, the composition if it needs less depth.

    Raises:
        InputError: If none can be fitted.
    """
    inner, precision, bound = polynomial.inner, polynomial.precision, polynomial.bound
    composition = None if precision is None else composite_fit(inner, precision, bound)
    try:
        series = polynomial_fit(
            inner, degree=polynomial.degree, precision=precision, bound=bound, most=MAX_DEGREE
        ).series
    except InputError:
        if composition is None:
            raise
        return composition
    shallower = composition is not None and composition.cost.depth < series.cost.depth
    return composition if shallower and composition is not None else series


def _limits(fitted: Series | CompositeRelu) -> tuple[str, str]:
    """Return the values at minus and plus infinity, which the highest power decides."""
    if isinstance(fitted, Series):
        powers = [k for k, c in enumerate(fitted.coefficients) if c]
        if not powers or powers[-1] == 0:
            constant = repr(fitted.coefficients[0])
            return constant, constant
        sign = math.copysign(1, fitted.coefficients[powers[-1]])
        signs = (sign * (-1) ** powers[-1], sign)
    else:  # x times an odd function
        signs = (math.prod(math.copysign(1, stage.coefficients[-1]) for stage in fitted.stages),) * 2
    low, high = ("inf" if sign > 0 else "-inf" for sign in signs)
    return low, high


def _power(precision: float) -> str:
    """Return a precision as ``parse_precision`` reads it back to the same number."""
    exponent = math.log2(precision)
    return f"2^{exponent:.0f}" if exponent.is_integer() else repr(precision)
