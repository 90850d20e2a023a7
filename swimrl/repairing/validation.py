"""Which of the best candidates of a search is taken, by whole episodes from starts that it did not play.

A window is shorter than an episode, so a candidate can pass every window and fall later.
"""

from __future__ import annotations

from dataclasses import dataclass

FINALISTS = 5
"""Candidates of a search that are compared."""


@dataclass(frozen=True)
class Validation:
    """Failures of the policy and of the finalists on the same starts."""

    starts: int

    fails_before: int
    """Of the policy as it is."""

    fails: tuple[int, ...]
    """Of each finalist, the best of the search first."""

    @property
    def chosen(self) -> int | None:
        """The finalist with the fewest failures; None if none fails on fewer starts than the policy as it is.

        Example:
            >>> Validation(60, 20, (12, 8, 8)).chosen, Validation(60, 5, (12, 8, 5)).chosen
            (1, None)
        """
        least = min(self.fails, default=self.fails_before)
        return self.fails.index(least) if least < self.fails_before else None

    @property
    def in_words(self) -> str:
        """The result in one sentence.

        Example:
            >>> print(Validation(60, 20, (12, 8)).in_words)
            on 60 validation starts it failed on 20, and the best candidates of the search on 12 and 8.
        """
        before = f"on {self.starts} validation starts it failed on {self.fails_before}"
        if not self.fails:
            return f"{before}, and the search found nothing better."
        *others, last = map(str, self.fails)
        fails = f"{', '.join(others)} and {last}" if others else last
        return f"{before}, and the best candidates of the search on {fails}."
