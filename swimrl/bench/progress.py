"""The progress bar of a measurement, in a terminal or a notebook."""

from __future__ import annotations

import sys

_WORTH_A_NOTICE_S = 60


class ProgressBar:
    """Shows on standard error what is measured and how long the rest takes; shows nothing in a pipe.

    Use it as a context; it is a `swimrl.timing.measure.Progress`.

    Args:
        quiet: Show nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet

    def __enter__(self) -> ProgressBar:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        from swimrl.training.progress import NotebookBar

        console = Console(stderr=True)
        self._bar = (NotebookBar if console.is_jupyter and not self._quiet else Progress)(
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
            disable=self._quiet or not (console.is_terminal or console.is_jupyter),
        )
        self._task = self._bar.add_task("", total=None)
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, what: str, taken: int, planned: int) -> None:
        """Show what comes next, and how many of the planned readings are taken."""
        self._bar.update(self._task, description=what, completed=taken, total=planned or None)


def announce(what: str, seconds: float, shorter: str) -> None:
    """Print on standard error how long a measurement will take, if it takes long.

    Args:
        what: What is measured.
        seconds: The estimate.
        shorter: The options that make it shorter.
    """
    if seconds > _WORTH_A_NOTICE_S:
        minutes = f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.1f} hours"
        print(f"{what}: about {minutes} on a free machine; shorter with {shorter}", file=sys.stderr)
