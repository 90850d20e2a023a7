"""The progress of a run on the screen: a bar in a terminal or a notebook, elsewhere a line per evaluation."""

from __future__ import annotations

import importlib
import io
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from swimrl.runs.directory import Episode
from swimrl.runs.record import RunRecord

_NOTEBOOK_EVERY_S = 0.5


class SurvivableOutput(io.TextIOBase):
    """Standard output for a run that goes on when its terminal is closed or the reader of its pipe ends.

    Text that cannot be printed is dropped; characters that the terminal does not know become ``?``.
    """

    def __init__(self) -> None:
        # Fixed here: while rich shows a bar, sys.stdout is a proxy that prints through this very object.
        self._stdout = sys.stdout

    def write(self, text: str) -> int:
        """Print ``text`` if that is possible."""
        try:
            self._stdout.write(text)
        except UnicodeEncodeError:
            self._stdout.write(text.encode(self.encoding, "replace").decode(self.encoding))
        except (OSError, ValueError, AttributeError):  # broken, closed, or None
            self._discard()
        return len(text)

    def flush(self) -> None:
        """Flush if that is possible."""
        try:
            self._stdout.flush()
        except (OSError, ValueError, AttributeError):
            self._discard()

    def isatty(self) -> bool:
        """Return whether standard output is a terminal."""
        return self._stdout is not None and self._stdout.isatty()

    def fileno(self) -> int:
        """Return the file descriptor of standard output."""
        return self._stdout.fileno()

    @property
    def encoding(self) -> str:  # type: ignore[override]  # read-only here
        """Encoding of standard output; rich draws bars in ASCII where it is not UTF."""
        return getattr(self._stdout, "encoding", None) or "ascii"

    def _discard(self) -> None:
        """Send standard output to nowhere, so that flushing the rest of its buffer is no error at the end."""
        with suppress(OSError, ValueError, AttributeError):
            descriptor = os.open(os.devnull, os.O_WRONLY)
            os.dup2(descriptor, self._stdout.fileno())
            os.close(descriptor)


class Reporter(Protocol):
    """Receives the progress of a run."""

    def start(self, steps: int) -> None:
        """Training starts and will take ``steps`` environment steps."""

    def step(self, done: int) -> None:
        """``done`` environment steps are done."""

    def evaluation(self, step: int, episodes: list[Episode]) -> None:
        """An evaluation is done."""

    def final(self, done: int, total: int) -> None:
        """``done`` of the ``total`` fresh episodes after training are done."""

    def stop(self) -> None:
        """Training is over or was interrupted."""


class SilentReporter:
    """Shows nothing."""

    def start(self, steps: int) -> None:
        """Do nothing."""

    def step(self, done: int) -> None:
        """Do nothing."""

    def evaluation(self, step: int, episodes: list[Episode]) -> None:
        """Do nothing."""

    def final(self, done: int, total: int) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


class Reporters:
    """Passes the progress of a run on to several reporters.

    Args:
        reporters: Each receives every call, in this order.
    """

    def __init__(self, *reporters: Reporter) -> None:
        self._reporters = reporters

    def start(self, steps: int) -> None:
        """Start all."""
        for reporter in self._reporters:
            reporter.start(steps)

    def step(self, done: int) -> None:
        """Pass the step on."""
        for reporter in self._reporters:
            reporter.step(done)

    def evaluation(self, step: int, episodes: list[Episode]) -> None:
        """Pass the evaluation on."""
        for reporter in self._reporters:
            reporter.evaluation(step, episodes)

    def final(self, done: int, total: int) -> None:
        """Pass the number of fresh episodes on."""
        for reporter in self._reporters:
            reporter.final(done, total)

    def stop(self) -> None:
        """Stop all."""
        for reporter in self._reporters:
            reporter.stop()


class _Rate(ProgressColumn):
    """Environment steps per second, averaged over about the last 20 seconds."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "-/s", style="cyan")


class NotebookBar(Progress):
    """A progress bar in the output of a notebook's cell, replaced in place. It needs no widgets."""

    def __init__(self, *columns: str | ProgressColumn, **options: Any) -> None:
        super().__init__(*columns, **options | {"auto_refresh": False})
        self._drawn = 0.0

    def start(self) -> None:
        """Show the bar."""
        self._handle = importlib.import_module("IPython.display").display(self, display_id=True)

    def update(self, *args: Any, **changes: Any) -> None:
        """Move the bar, and draw it at most twice a second."""
        super().update(*args, **changes)
        if time.monotonic() - self._drawn > _NOTEBOOK_EVERY_S:
            self._draw()

    def stop(self) -> None:
        """Leave the bar at its last position; a transient bar disappears."""
        if self.live.transient:
            self._handle.update({"text/plain": ""}, raw=True)
        else:
            self._draw()

    def _draw(self) -> None:
        self._handle.update(self)
        self._drawn = time.monotonic()


class BarReporter:
    """A progress bar in a terminal or a notebook: steps, steps/s, last evaluation, time left.

    Args:
        console: The terminal, or the notebook.
        title: Lines to print above it when training starts.
    """

    def __init__(self, console: Console, title: Sequence[str]) -> None:
        self._title = title
        self._bar = (NotebookBar if console.is_jupyter else Progress)(
            TextColumn("{task.description}"),
            BarColumn(bar_width=40 if console.is_jupyter else None),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            _Rate(),
            TextColumn("{task.fields[score]}", style="green"),
            TimeRemainingColumn(compact=True),
            console=console,
            expand=not console.is_jupyter,
            speed_estimate_period=20,
        )
        self._last = 0.0
        self._done = 0

    def start(self, steps: int) -> None:
        """Print the title and show the bar."""
        print_lines(self._bar.console, self._title)
        self._task = self._bar.add_task("training", total=steps, score="")
        self._bar.start()

    def step(self, done: int) -> None:
        """Move the bar, at most ten times a second."""
        self._done = done
        now = time.monotonic()
        if now - self._last > 0.1:
            self._last = now
            self._bar.update(self._task, completed=done)

    def evaluation(self, step: int, episodes: list[Episode]) -> None:
        """Show the mean return."""
        self._bar.update(self._task, completed=step, score=f"return {_mean_return(episodes):,.0f}")

    def final(self, done: int, total: int) -> None:
        """Show the fresh episodes as a second bar's progress."""
        if done == 0:
            self._bar.update(self._task, completed=self._done)
            self._task = self._bar.add_task("final episodes", total=total, score="")
        self._done = done
        self._bar.update(self._task, completed=done)

    def stop(self) -> None:
        """Leave the bar at its last position."""
        self._bar.update(self._task, completed=self._done)
        self._bar.stop()


class LineReporter:
    """A line for each evaluation, for logs and pipes.

    Args:
        console: The output.
        title: Lines to print first when training starts.
    """

    def __init__(self, console: Console, title: Sequence[str]) -> None:
        self._console = console
        self._title = title

    def start(self, steps: int) -> None:
        """Print the title and remember when training started."""
        print_lines(self._console, self._title)
        self._steps = steps
        self._started = time.monotonic()

    def step(self, done: int) -> None:
        """Print nothing."""

    def evaluation(self, step: int, episodes: list[Episode]) -> None:
        """Print step, mean return and speed so far."""
        seconds = time.monotonic() - self._started
        length = sum(episode.length for episode in episodes) / len(episodes)
        line = (
            f"step {step:>9,} of {self._steps:,}  return {_mean_return(episodes):>10,.1f}  "
            f"length {length:>6,.0f}  {seconds:,.0f} s"
        )
        print_lines(self._console, [line])

    def final(self, done: int, total: int) -> None:
        """Print nothing; the summary has the mean of the fresh episodes."""

    def stop(self) -> None:
        """Do nothing."""


def reporter_for(console: Console, title: Sequence[str]) -> Reporter:
    """Return the reporter that suits ``console``; it prints ``title`` when training starts."""
    shows_bars = (console.is_terminal or console.is_jupyter) and not console.quiet
    return (BarReporter if shows_bars else LineReporter)(console, title)


def summary(record: RunRecord) -> list[str]:
    """Return the lines that close a run: status, steps, seconds, reason and scores."""
    scores = [f"{name} {value:,.1f}" for name, value in record.metrics.items() if value is not None]
    seconds = record.wall_clock_s["total"]
    return [
        f"{record.status} after {record.steps_done:,} steps in {seconds:,.0f} s",
        *([record.reason] if record.reason else []),
        "  ".join(scores),
    ]


def print_lines(console: Console, lines: Sequence[str]) -> None:
    """Print ``lines`` unchanged: square brackets are not markup, and long lines are not broken."""
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _mean_return(episodes: list[Episode]) -> float:
    return sum(episode.undiscounted_return for episode in episodes) / len(episodes)
