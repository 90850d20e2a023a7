"""What a person sees of a study: a table in a terminal, lines elsewhere. Light."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from swimrl.sweeps.status import RunStatus, StudyStatus, count

if TYPE_CHECKING:
    from swimrl.sweeps.plan import PlannedRun

_LINES_EVERY_S = 60.0
_TABLE_EVERY_S = 0.5


def table_of(statuses: Iterable[RunStatus]) -> Table:
    """Return a table with a row for each run; 80 columns are enough for it."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("environment", no_wrap=True, max_width=14)
    table.add_column("variant", no_wrap=True, overflow="ellipsis", max_width=22)
    table.add_column("seed", justify="right")
    table.add_column("done", justify="right")
    table.add_column("steps/s", justify="right")
    table.add_column("return", justify="right")
    table.add_column("left", justify="right", no_wrap=True)
    for status in statuses:
        left = duration(status.seconds_left) if status.state == "running" else status.state
        table.add_row(
            status.environment,
            status.variant,
            str(status.seed),
            f"{100 * status.step // max(status.steps, 1)} %",
            _number(status.steps_per_s),
            _number(status.last_return),
            left,
        )
    return table


def summary_of(statuses: Sequence[RunStatus]) -> str:
    """Return how many runs are in each state and, if it is known, how long it takes until all are done.

    Example:
        >>> from pathlib import Path
        >>> left = RunStatus(Path("Hopper-v4/swim-1a2b3c4d/seed-0"), steps=1000)
        >>> running = RunStatus(Path("Hopper-v4/relu-1a2b3c4d/seed-0"), 1000, "running", 500, 10.0)
        >>> summary_of([left, running])
        '2 runs: 1 running, 1 left; about 2 min left'
    """
    states = ", ".join(f"{number} {state}" for state, number in count(statuses).items())
    running = [status for status in statuses if status.state == "running"]
    speed = sum(status.steps_per_s or 0.0 for status in running)
    steps = sum(max(status.steps - status.step, 0) for status in statuses if status.state != "failed")
    time_left = f"; about {duration(steps / speed)} left" if speed and steps else ""
    return f"{len(statuses)} run{'s' * (len(statuses) != 1)}: {states}{time_left}"


def name_of(status: RunStatus) -> str:
    """Return a run's name as lines show it."""
    return f"{status.environment} {status.variant} seed {status.seed}"


def duration(seconds: float | None) -> str:
    """Return a length of time in one or two words.

    Example:
        >>> [duration(seconds) for seconds in (4, 200, 9000, 200_000)]
        ['4 s', '3 min', '2.5 h', '2.3 days']
    """
    if seconds is None:
        return ""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


class TableDisplay:
    """A table of the runs that are going on, drawn anew in place; what fails stays above it.

    Args:
        console: A terminal.
        status: Of the study.
    """

    def __init__(self, console: Console, status: StudyStatus) -> None:
        self._status = status
        self._live = Live(console=console, auto_refresh=False)
        self._next = 0.0

    def __enter__(self) -> TableDisplay:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._draw()
        self._live.stop()

    def event(self, run: PlannedRun, text: str) -> None:
        """Print what does not show in the table."""
        if text not in ("started", "done"):
            _print(self._live.console, f"{_name(run)}: {text}")

    def refresh(self) -> None:
        """Draw the table anew, at most twice a second."""
        if time.monotonic() > self._next:
            self._draw()
            self._next = time.monotonic() + _TABLE_EVERY_S

    def _draw(self) -> None:
        statuses = self._status.look()
        running = [status for status in statuses if status.state == "running"]
        parts = [table_of(running)] if running else []
        self._live.update(Group(*parts, Text(summary_of(statuses))), refresh=True)


class LineDisplay:
    """A line for each thing that happens, and one each minute.

    Args:
        console: Where to print.
        status: Of the study.
    """

    def __init__(self, console: Console, status: StudyStatus) -> None:
        self._console = console
        self._status = status
        self._next = time.monotonic() + _LINES_EVERY_S

    def __enter__(self) -> LineDisplay:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _print(self._console, summary_of(self._status.look()))

    def event(self, run: PlannedRun, text: str) -> None:
        """Print it."""
        _print(self._console, f"{_name(run)}: {text}")

    def refresh(self) -> None:
        """Print how far the study is, each minute."""
        if time.monotonic() > self._next:
            _print(self._console, summary_of(self._status.look()))
            self._next = time.monotonic() + _LINES_EVERY_S


def display_for(console: Console, status: StudyStatus) -> TableDisplay | LineDisplay:
    """Return a table for a terminal and lines for anything else."""
    return (TableDisplay if console.is_terminal else LineDisplay)(console, status)


def _name(run: PlannedRun) -> str:
    return name_of(RunStatus(run.directory.path, run.config.steps))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _print(console: Console, line: str) -> None:
    """Print a line as it is: square brackets are no markup, and a long line is not broken."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)
