"""One scheduler for every executor: which run comes next, and what happens after it ends. Light.

An executor only starts runs, reports those that ended, and stops them:

    with local_or_ray_executor as executor:
        do_runs(executor, runs, display)

`do_runs` does the rest, the same way everywhere: it skips runs that are done, waits for runs on which another
process works, tries again what failed or was lost, and stops everything after Ctrl-C.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Protocol

from swimrl.errors import DamagedFileError, RunExistsError, SwimrlError
from swimrl.runs.record import read_record
from swimrl.sweeps.config import PlannedRun
from swimrl.training.interruption import Interruption
from swimrl.training.resume import is_finished

LOG_FOLDER = "logs"

_RETRIES = 1
"""A run that failed is tried this often again, from its last checkpoint."""

_MOST_LOSSES = 3
"""A run whose node or process was lost goes on this often."""

_LOOK_ELSEWHERE_S = 1.0


class Display(Protocol):
    """Receives the progress of a sweep."""

    def event(self, run: PlannedRun, text: str) -> None:
        """Something happened to a run."""

    def refresh(self) -> None:
        """Some time has passed."""


Ending = Literal["done", "stopped", "failed", "lost", "busy"]
"""``done``: all steps are done; ``stopped``: a callback ended the run; ``failed``: the run raised an error;
``lost``: its node or process is gone; ``busy``: another process works in its directory."""


@dataclass(frozen=True)
class Ended:
    """A run that an executor no longer does."""

    run: PlannedRun
    ending: Ending
    reason: str = ""
    """Why it did not end as ``done``."""


class Executor(Protocol):
    """Starts runs in processes, here or elsewhere. It knows nothing of their order and of retries."""

    @property
    def has_room(self) -> bool:
        """Whether another run can start now."""

    def start(self, run: PlannedRun) -> str:
        """Start what is left of a run; return the line that the display shows, empty for none."""

    def poll(self) -> list[Ended]:
        """Wait some tenths of a second; return the runs that ended."""

    def stop(self) -> None:
        """Stop all runs at a checkpoint; return when none is left, or when they take too long."""


@dataclass
class Attempts:
    """Counts how often a run went wrong, and how."""

    failures: int = 0
    losses: int = 0

    def count(self, ending: Ending) -> None:
        """Count an ending that is not ``done``."""
        self.failures += ending == "failed"
        self.losses += ending == "lost"

    @property
    def are_used_up(self) -> bool:
        """Whether the run is not tried again."""
        return self.failures > _RETRIES or self.losses > _MOST_LOSSES


@dataclass
class Outcome:
    """The result of a sweep."""

    failed: dict[Path, str] = field(default_factory=dict)
    """Reasons by the directory of the run."""

    stopped: dict[Path, str] = field(default_factory=dict)
    """Runs that a callback ended, with its reason, by the directory of the run."""

    was_interrupted: bool = False
    """Whether Ctrl-C or SIGTERM ended the sweep before all runs were done."""


def do_runs(executor: Executor, runs: Sequence[PlannedRun], display: Display) -> Outcome:
    """Do what is left of the runs.

    Args:
        executor: Does the runs.
        runs: In the order in which they should start.
        display: Receives the progress.
    """
    return _Scheduler(executor, runs, display).go()


class _Scheduler:
    def __init__(self, executor: Executor, runs: Sequence[PlannedRun], display: Display) -> None:
        self._executor = executor
        self._display = display
        self._left = deque(runs)
        self._at_work = 0
        self._elsewhere: list[PlannedRun] = []
        """Runs on which another process works."""
        self._looked_elsewhere = 0.0
        self._attempts: dict[Path, Attempts] = {}
        self._outcome = Outcome()

    def go(self) -> Outcome:
        interruption = Interruption()
        with interruption.listening():
            try:
                while (self._left or self._at_work or self._elsewhere) and not interruption.is_asked:
                    while self._left and self._executor.has_room and not interruption.is_asked:
                        self._start(self._left.popleft())
                    self._display.refresh()
                    for ended in self._executor.poll():
                        self._at_work -= 1
                        self._judge(ended)
                    self._look_elsewhere()
                self._outcome.was_interrupted = interruption.is_asked
            finally:
                self._executor.stop()
        return self._outcome

    def _start(self, run: PlannedRun) -> None:
        if is_done(run):
            return
        if is_busy(run):
            self._leave(run)
            return
        text = self._executor.start(run)
        self._at_work += 1
        if text == "started" and run.directory.path in self._attempts:
            text = "tried once more"
        if text:
            self._display.event(run, text)

    def _leave(self, run: PlannedRun) -> None:
        self._elsewhere.append(run)
        self._display.event(run, "another process is at work on it")

    def _look_elsewhere(self) -> None:
        """Take back the runs that other processes have done or given up."""
        if time.monotonic() < self._looked_elsewhere + _LOOK_ELSEWHERE_S:
            return
        self._looked_elsewhere = time.monotonic()
        before, self._elsewhere = self._elsewhere, []
        for run in before:
            (self._elsewhere if is_busy(run) else self._left).append(run)

    def _judge(self, ended: Ended) -> None:
        run, path = ended.run, ended.run.directory.path
        if ended.ending == "done":
            self._display.event(run, "done")
        elif ended.ending == "busy":
            self._leave(run)
        elif ended.ending == "stopped":
            self._outcome.stopped[path] = ended.reason
            self._display.event(run, f"stopped: {ended.reason}")
        else:
            attempts = self._attempts.setdefault(path, Attempts())
            attempts.count(ended.ending)
            if attempts.are_used_up:
                mark_failed(run, ended.reason)
                self._outcome.failed[path] = ended.reason
                self._display.event(run, f"failed again: {ended.reason}")
            else:
                self._left.appendleft(run)
                what = "lost" if ended.ending == "lost" else "failed"
                self._display.event(run, f"{what}: {ended.reason}")


def is_done(run: PlannedRun) -> bool:
    """Return whether nothing is left of a run."""
    try:
        return is_finished(run.directory, run.config)
    except DamagedFileError:
        return False  # the process that does the run will report it


def is_busy(run: PlannedRun) -> bool:
    """Return whether another process works on a run."""
    if not run.directory.path.exists():
        return False
    try:
        with run.directory.at_work():
            return False
    except RunExistsError:
        return True
    except SwimrlError:
        return False  # the process that does the run will report it


def mark_failed(run: PlannedRun, reason: str) -> None:
    """Write ``failed`` into run.json if the run's process was killed before it could do so."""
    try:
        with run.directory.at_work():
            record = read_record(run.directory.record_file)
            if record.status in ("running", "interrupted"):
                run.directory.write_record(replace(record, status="failed", failure="error", reason=reason))
    except SwimrlError:
        return  # there is no run.json, or it cannot be written; the sweep's last lines give the reason


def log_file(folder: Path, directory: Path) -> Path:
    """Return the log file of a run: what its processes printed, and why they ended.

    Args:
        folder: The study's folder.
        directory: The run's directory.
    """
    return folder / LOG_FOLDER / f"{'.'.join(directory.parts[-3:])}.log"
