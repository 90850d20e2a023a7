"""Parameters of an activation: defaults, domains, and whether they are learned."""

from __future__ import annotations

import keyword
import math
from dataclasses import dataclass, field

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
        default: The value, or the initial value if it is learned, unless the user sets another.
        trainable: Whether it is learned by default.
        domain: The values for which the formula is meant. A value that the user sets is checked; a
            value that training reaches is not.
        doc: Its meaning, and the source of its default; two parameters may be equal with different texts.
        effective: The function of a raw parameter that the formula computes with, as text, such as
            ``"softplus(a)"``; empty if the formula uses the parameter itself.

    Raises:
        FormulaError: The name cannot be used, or the default lies outside the domain.
    """

    name: str
    default: float
    trainable: bool = False
    domain: Interval | OneOf = REAL
    doc: str = field(default="", compare=False)
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
        """Check that a value is finite and in the domain.

        Raises:
            FormulaError: It is not; the message gives value and domain.
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
    """The settled value of one parameter.

    Args:
        name: The parameter.
        value: Its fixed value, or its initial value if it is trained.
        trainable: Whether training changes it.
        low: Lower bound while it is learned.
        high: Upper bound while it is learned.

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
        """Whether a raw number is learned, which a smooth function maps between the bounds."""
        return math.isfinite(self.low) or math.isfinite(self.high)

    @property
    def initial(self) -> float:
        """The initial value of the number that is learned: the value, or if bounded, the raw number for it.

        It is the inverse of ``formula.between``.
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
