"""What a repair changed on starts that the search did not use, beside changes of equal size, in words.

Letters in shapes: N starts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from swimrl.errors import UndeterminedError
from swimrl.repairing.rates import Counts
from swimrl.repairing.validation import Validation
from swimrl.stats.interval import Interval, mean_student

LEVEL = 0.05
"""A p-value below this is established."""

LEAST_DRAWS = 20
"""Random changes without which no p-value beside the null can be below `LEVEL`."""


@dataclass(frozen=True)
class Played:
    """Episodes from some starts, by the policy before and after the repair."""

    failed_before: np.ndarray
    """bool [N]."""

    failed_after: np.ndarray
    """bool [N]."""

    returns_before: np.ndarray
    """float64 [N]."""

    returns_after: np.ndarray
    """float64 [N]."""

    lengths_before: np.ndarray
    """Environment steps, int [N]."""

    lengths_after: np.ndarray
    """Environment steps, int [N]."""

    @property
    def counts(self) -> Counts:
        """How many starts were repaired and broken."""
        return Counts.of(self.failed_before, self.failed_after)

    @property
    def return_change(self) -> Interval | None:
        """Mean change of the return with its interval; None if it is undetermined."""
        try:
            return mean_student(self.returns_after - self.returns_before)
        except UndeterminedError:
            return None


@dataclass(frozen=True)
class Assessment:
    """A repair on the starts of the search, on fresh starts, and beside the null."""

    seen: Played
    """Whole episodes from the starts of the search."""

    fresh: Played
    """Whole episodes from starts that nothing used before."""

    null: tuple[Counts, ...]
    """Counts of each random change, on the first fresh starts."""

    null_starts: int
    """How many fresh starts the null was played on."""

    validation: Validation | None = None
    """How the patch was chosen; None if the best candidate of the search was taken."""

    @property
    def same_starts(self) -> Counts:
        """The repair's counts on the starts of the null."""
        part = slice(self.null_starts)
        return Counts.of(self.fresh.failed_before[part], self.fresh.failed_after[part])

    @property
    def null_p_value(self) -> float:
        """The share of the null, with the repair itself among it, that fails on as few starts or fewer."""
        as_good = sum(counts.fails_after <= self.same_starts.fails_after for counts in self.null)
        return (1 + as_good) / (1 + len(self.null))

    @property
    def is_established(self) -> bool:
        """Whether fewer fresh starts fail, beyond chance and beyond the null."""
        counts = self.fresh.counts
        return counts.change < 0 and counts.p_value < LEVEL and self.null_p_value < LEVEL

    @property
    def verdict(self) -> str:
        """What can be concluded, in a few sentences."""
        counts = self.fresh.counts
        low, high = counts.interval
        facts = (
            f"On {counts.starts} fresh starts the policy failed on "
            f"{_share(counts.fails_before, counts.starts)} before and on "
            f"{_share(counts.fails_after, counts.starts)} after: {100 * counts.change:+.1f} "
            f"points [{100 * low:+.1f}, {100 * high:+.1f}], exact McNemar {p_words(counts.p_value)}."
        )
        as_good = sum(one.fails_after <= self.same_starts.fails_after for one in self.null)
        beside = (
            f"{as_good or 'None'} of {len(self.null)} random changes of equal size failed on as few of the "
            f"first {self.null_starts} of these starts."
        )
        if self.validation is not None and self.validation.chosen is None:
            return (
                f"The policy is as it was: {self.validation.in_words} On {counts.starts} fresh starts it "
                f"fails on {_share(counts.fails_before, counts.starts)}."
            )
        if self.is_established:
            first = "The repair is established: fewer starts fail, beyond chance and beyond the null."
        elif counts.change > 0 and counts.p_value < LEVEL:
            first = "The patch does harm: more fresh starts fail than before. Keep the policy as it was."
        elif counts.change < 0 and counts.p_value < LEVEL:
            why = (
                f"a comparison with random changes needs {LEAST_DRAWS} of them"
                if len(self.null) < LEAST_DRAWS
                else "random changes of equal size can do as well"
            )
            first = f"Nothing is established: fewer starts fail, but {why}."
        else:
            first = "Nothing is established: the difference on fresh starts can be chance."
        return f"{first} {facts} {beside}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def p_words(value: float) -> str:
    """Return a p-value in words.

    Example:
        >>> p_words(0.0123), p_words(1e-9)
        ('p = 0.0123', 'p < 0.0001')
    """
    return "p < 0.0001" if value < 0.0001 else "p = " + f"{value:.4f}".rstrip("0").rstrip(".")
