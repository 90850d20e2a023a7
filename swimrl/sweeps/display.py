"""The progress of a sweep for a person: a table in a terminal or a notebook, lines elsewhere. Light."""

from __future__ import annotations

import importlib
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from swimrl.sweeps.status import StatusReader, StudyStatus
from swimrl.sweeps.status_table import name_of, summary_of, table_of

if TYPE_CHECKING:
    from swimrl.sweeps.config import PlannedRun

_LINES_EVERY_S = 60.0
_TABLE_EVERY_S = 0.5
_NOTEBOOK_EVERY_S = 2.0
_REST = 30
"""Drawing takes at most about one part in so many of the time."""


class _Display:
    """Draws from time to time, and once more at the end.

    Args:
        console: Where to print.
        reader: Reads the status of the study.
    """

    every_s: float

    def __init__(self, console: Console, reader: StatusReader) -> None:
        self._console = console
        self._reader = reader
        self._next = 0.0

    def __enter__(self) -> _Display:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.draw(self._reader.read())

    def event(self, run: PlannedRun, text: str) -> None:
        """Print what happened to a run."""
        print_line(self._console, f"{name_of(run)}: {text}")

    def refresh(self) -> None:
        """Draw if it is time."""
        began = time.monotonic()
        if began > self._next:
            self.draw(self._reader.read())
            # Reading the files of thousands of runs takes a while; it must not become the work of the sweep.
            took = time.monotonic() - began
            self._next = began + max(self.every_s, _REST * took)

    def draw(self, status: StudyStatus) -> None:
        """Show the status."""
        raise NotImplementedError


class TableDisplay(_Display):
    """A table of the runs that are going on, redrawn in place. Failures stay above it."""

    every_s = _TABLE_EVERY_S

    def __init__(self, console: Console, reader: StatusReader) -> None:
        super().__init__(console, reader)
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> TableDisplay:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._live.stop()

    def event(self, run: PlannedRun, text: str) -> None:
        """Print what the table does not show."""
        if text not in ("started", "done"):
            super().event(run, text)

    def draw(self, status: StudyStatus) -> None:
        """Draw the runs that are going on, and the summary."""
        self._live.update(Group(*_running(status), Text(summary_of(status))), refresh=True)


class NotebookDisplay(_Display):
    """The table in the output of a notebook's cell, replaced in place; it needs no widgets."""

    every_s = _NOTEBOOK_EVERY_S

    def __init__(self, console: Console, reader: StatusReader) -> None:
        super().__init__(console, reader)
        self._handle: Any = None

    def event(self, run: PlannedRun, text: str) -> None:
        """Print what the table does not show."""
        if text not in ("started", "done"):
            super().event(run, text)

    def draw(self, status: StudyStatus) -> None:
        """Show the table of all runs in the place of the one before."""
        if self._handle is None:
            show = importlib.import_module("IPython.display").display
            self._handle = show(status, display_id=True)
        else:
            self._handle.update(status)


class LineDisplay(_Display):
    """A line for each thing that happens, and a summary each minute."""

    every_s = _LINES_EVERY_S

    def __init__(self, console: Console, reader: StatusReader) -> None:
        super().__init__(console, reader)
        self._next = time.monotonic() + self.every_s

    def draw(self, status: StudyStatus) -> None:
        """Print the summary."""
        print_line(self._console, summary_of(status))


def display_for(console: Console, reader: StatusReader) -> TableDisplay | NotebookDisplay | LineDisplay:
    """Return the display that suits the console."""
    if console.is_jupyter and not console.quiet:
        return NotebookDisplay(console, reader)
    return (TableDisplay if console.is_terminal and not console.quiet else LineDisplay)(console, reader)


def print_line(console: Console, line: str) -> None:
    """Print a line as it is: square brackets are no markup, and a long line is not broken."""
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _running(status: StudyStatus) -> list[Any]:
    running = [run for run in status if run.state == "running"]
    return [table_of(running)] if running else []
