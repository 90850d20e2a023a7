"""Numbers and intervals as the cells of a table show them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from swimrl.reporting.findings import Undetermined
from swimrl.reporting.tables.table import Estimate
from swimrl.stats.interval import Interval


def number(digits: int = 1, *, sign: bool = False) -> Callable[[float], str]:
    """Return what prints a number with this many digits after the point.

    Example:
        >>> number(1)(1234.56), number(2, sign=True)(3.0)
        ('1,234.6', '+3.00')
    """
    return f"{{:{'+' if sign else ''},.{digits}f}}".format


def percent(share: float) -> str:
    """Return a share in percent.

    Example:
        >>> percent(0.125)
        '12%'
    """
    return f"{share:.0%}"


def ends(low_and_high: tuple[float, float]) -> str:
    """Return the two ends of an interval as text.

    Example:
        >>> ends((-1.0, 1234.56))
        '[-1.0, 1,234.6]'
    """
    return "[{:,.1f}, {:,.1f}]".format(*low_and_high)


def with_ends(digits: int) -> Callable[[Estimate], str]:
    """Return what prints a number with its interval, if that is known.

    Example:
        >>> with_ends(1)(Estimate(2, 1, 3)), with_ends(0)(Estimate(2))
        ('2.0 [1.0, 3.0]', '2')
    """

    def text(estimate: Estimate) -> str:
        value = f"{estimate.value:,.{digits}f}"
        if estimate.low is None:
            return value
        return f"{value} [{estimate.low:,.{digits}f}, {estimate.high:,.{digits}f}]"

    return text


def value_of(interval: Interval | Undetermined) -> float | Undetermined:
    """Return the number that an interval is of, as a cell."""
    return interval.estimate if isinstance(interval, Interval) else interval


def ends_of(interval: Interval | Undetermined) -> tuple[float, float] | Undetermined:
    """Return the ends of an interval, as a cell."""
    return (interval.low, interval.high) if isinstance(interval, Interval) else interval


def estimate_of(interval: Interval | Undetermined) -> Estimate | Undetermined:
    """Return a number with its interval, as a cell."""
    if isinstance(interval, Undetermined):
        return interval
    return Estimate(interval.estimate, interval.low, interval.high)


def seed_ranges(seeds: Iterable[int]) -> str:
    """Return seeds as text.

    Example:
        >>> seed_ranges([0, 1, 2, 3, 7])
        '0-3, 7'
    """
    parts: list[list[int]] = []
    for seed in sorted(seeds):
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    return ", ".join(str(p[0]) if len(p) == 1 else f"{p[0]}-{p[-1]}" for p in parts)
