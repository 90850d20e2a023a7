"""Parameters of an activation: what may be set, what may be learned, and which values make sense."""

from __future__ import annotations

import keyword
import math
from dataclasses import dataclass

from swimrl.errors import FormulaError


@dataclass(frozen=True)
class Interval:
    """The real numbers between two ends.

    Args:
        low: Lower end.
        high: Upper end.
        low_included: Whether ``low`` itself belongs to the interval.
        high_included: Whether ``high`` itself belongs to the interval.
    """

    low: float = -math.inf
    high: float = math.inf
    low_included: bool = False
    high_included: bool = False

    def __contains__(self, value: float) -> bool:
        above = value > self.low or (self.low_included and value == self.low)
        below = value < self.high or (self.high_included and value == self.high)
        return above and below

    def __str__(self) -> str:
        low = f"{'>=' if self.low_included else '>'} {self.low:g}" if self.low > -math.inf else ""
        high = f"{'<=' if self.high_included else '<'} {self.high:g}" if self.high < math.inf else ""
        return " and ".join(filter(None, (low, high))) or "any number"


@dataclass(frozen=True)
class OneOf:
    """A few numbers. A parameter with such a domain cannot be learned.

    Args:
        values: The numbers.
    """

    values: tuple[float, ...]

    def __contains__(self, value: float) -> bool:
        return value in self.values

    def __str__(self) -> str:
        return f"one of {', '.join(f'{value:g}' for value in self.values)}"


REAL = Interval()
POSITIVE = Interval(low=0.0)
NON_NEGATIVE = Interval(low=0.0, low_included=True)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a formula.

    Args:
        name: A Python identifier without a leading underscore, other than ``x``.
        default: The value it has, or starts from, when the user says nothing.
        trainable: Whether it is learned when the user says nothing.
        domain: The values for which the formula is meant. What the user sets is checked against it;
            what training makes of a trainable parameter is not.
        doc: What it does, and where its default comes from.
        effective: What the formula makes of a raw parameter, as text, such as ``"softplus(a)"``;
            empty where the parameter is used as it is.

    Raises:
        FormulaError: The name cannot be used, or the default lies outside the domain.
    """

    name: str
    default: float
    trainable: bool = False
    domain: Interval | OneOf = REAL
    doc: str = ""
    effective: str = ""

    def __post_init__(self) -> None:
        if (
            not self.name.isidentifier()
            or keyword.iskeyword(self.name)
            or self.name.startswith("_")
            or self.name in ("x", "granularity")
        ):
            raise FormulaError(
                f"{self.name!r} cannot name a parameter ('x' is the input); use letters and digits: 'beta1'"
            )
        self.check(self.default)

    def check(self, value: float) -> None:
        """Refuse a value that is not finite or lies outside the domain.

        Raises:
            FormulaError: Says the value and the domain.
        """
        if not math.isfinite(value):
            raise FormulaError(
                f"{self.name}={value} is not finite; give an ordinary number, such as {self.name}=1"
            )
        if value not in self.domain:
            raise FormulaError(
                f"{self.name}={value:g} is outside the domain of {self.name}; it must be {self.domain}"
            )


@dataclass(frozen=True)
class ParameterValue:
    """What a user's choice of activation makes of one parameter.

    Args:
        name: The parameter.
        value: Its fixed value, or the initial value when it is trained. An exact Python float.
        trainable: Whether training changes it.
        low: What it stays above while it is learned.
        high: What it stays below while it is learned.

    Raises:
        FormulaError: The value does not lie between the bounds.
    """

    name: str
    value: float
    trainable: bool
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        if not self.low < self.value < self.high:
            raise FormulaError(
                f"{self.name}={self.value:g} does not lie between its bounds {self.low:g} and {self.high:g}; "
                f"start inside them"
            )

    @property
    def is_bounded(self) -> bool:
        """Whether what is learned is a raw number that a smooth function maps between the bounds."""
        return math.isfinite(self.low) or math.isfinite(self.high)

    @property
    def initial(self) -> float:
        """What the learned number starts from: the value, or for bounds the raw number that gives it.

        The inverse of ``formula.between``.
        """
        if not self.is_bounded:
            return self.value
        if math.isinf(self.high):
            return _inverse_softplus(self.value - self.low)
        if math.isinf(self.low):
            return -_inverse_softplus(self.high - self.value)
        return math.log((self.value - self.low) / (self.high - self.value))


def _inverse_softplus(value: float) -> float:
    return value + math.log(-math.expm1(-value))
