"""The progress bar of a measurement."""

from __future__ import annotations

import sys

_WORTH_SAYING_S = 60


class Bar:
    """On standard error, if that is a terminal; says what is measured and how long the rest takes."""

    def __enter__(self) -> Bar:
        from tqdm import tqdm

        self._bar = tqdm(disable=None, leave=False, unit="reading", dynamic_ncols=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def __call__(self, what: str, taken: int, planned: int) -> None:
        """Show what comes next, of how many readings how many are taken."""
        self._bar.total = planned or None
        self._bar.set_description(what, refresh=False)
        self._bar.update(taken - self._bar.n)
        self._bar.refresh()


def announce(what: str, seconds: float, shorter: str) -> None:
    """Say on standard error about how long a measurement takes, if it is long.

    Args:
        what: What is measured.
        seconds: The estimate.
        shorter: What makes it shorter.
    """
    if seconds > _WORTH_SAYING_S:
        minutes = f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
        print(f"{what}: about {minutes} on a free machine; shorter with {shorter}", file=sys.stderr)
