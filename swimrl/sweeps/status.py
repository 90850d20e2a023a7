"""How far the runs of a study are, as their files tell, whoever does them and wherever. Light.

| state | meaning |
|---|---|
| done | trained to the end |
| running | a process is at work |
| stopped | begun and not done: interrupted, killed or ended by a callback; goes on from its last checkpoint |
| failed | begun and gone wrong; run.json says why |
| left | not begun |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from swimrl.errors import DamagedFileError
from swimrl.runs.directory import RunDirectory, read_evaluations
from swimrl.runs.lock import LOCK_NAME
from swimrl.runs.record import RunRecord, read_record
from swimrl.training.progress_file import read_progress

State = Literal["done", "running", "stopped", "failed", "left"]
STATES: tuple[State, ...] = ("done", "running", "stopped", "failed", "left")


@dataclass(frozen=True)
class RunStatus:
    """How far a run is."""

    path: Path
    steps: int
    """Environment steps that the study wants."""

    state: State = "left"
    step: int = 0
    """Environment steps done, as far as is known."""

    steps_per_s: float | None = None
    """Of a running one."""

    last_return: float | None = None
    """Mean return of the last evaluation."""

    reason: str | None = None
    """Why it failed, or what a callback ended it for."""

    @property
    def seconds_left(self) -> float | None:
        """Of a running one whose speed is known."""
        return (self.steps - self.step) / self.steps_per_s if self.steps_per_s else None

    @property
    def environment(self) -> str:
        """The environment's folder."""
        return self.path.parts[-3]

    @property
    def variant(self) -> str:
        """The activations' slug and the hash of the settings."""
        return self.path.parts[-2]

    @property
    def seed(self) -> int:
        """The seed."""
        return int(self.path.name.removeprefix("seed-"))

    def to_mapping(self) -> dict[str, Any]:
        """Return plain data, ready for JSON."""
        return {
            "path": str(self.path),
            "environment": self.environment,
            "variant": self.variant,
            "seed": self.seed,
            "state": self.state,
            "step": self.step,
            "steps": self.steps,
            "steps_per_s": self.steps_per_s,
            "seconds_left": self.seconds_left,
            "last_return": self.last_return,
            "reason": self.reason,
        }


class StudyStatus:
    """Looks at the runs of a study again and again; files that have not changed are not read again.

    Args:
        runs: Steps wanted by the directory of each run, in the order of the study.
    """

    def __init__(self, runs: Mapping[Path, int]) -> None:
        self._runs = runs
        self._read: dict[Path, tuple[int, RunStatus]] = {}

    def look(self) -> list[RunStatus]:
        """Return how far each run is."""
        return [self._look_at(path, steps) for path, steps in self._runs.items()]

    def _look_at(self, path: Path, steps: int) -> RunStatus:
        try:
            changed = (path / "run.json").stat().st_mtime_ns
        except OSError:
            return RunStatus(path, steps)
        before, status = self._read.get(path, (0, RunStatus(path, steps)))
        if changed != before:
            status = _from_files(path, steps)
            self._read[path] = changed, status
        return _alive(status) if status.state == "running" else status


def runs_in(folder: Path) -> dict[Path, int]:
    """Return the steps of every run that was begun in the folder of a study, by its directory."""
    runs = {}
    for file in sorted(folder.glob("*/*/seed-*/run.json")):
        try:
            runs[file.parent] = int(read_record(file).config["steps"])
        except (DamagedFileError, KeyError):
            runs[file.parent] = 0
    return runs


def count(statuses: Iterable[RunStatus]) -> dict[State, int]:
    """Return how many runs are in each state; states without any are left out."""
    counted = Counter(status.state for status in statuses)
    return {state: counted[state] for state in STATES if counted[state]}


def _from_files(path: Path, steps: int) -> RunStatus:
    directory = RunDirectory(path)
    try:
        record = read_record(directory.record_file)
    except DamagedFileError as error:
        return RunStatus(path, steps, "failed", reason=str(error))
    return RunStatus(
        path,
        steps,
        _state(record, steps),
        step=record.steps_done,
        last_return=_last_return(directory),
        reason=record.reason if record.status in ("failed", "stopped") else None,
    )


def _state(record: RunRecord, steps: int) -> State:
    if record.status == "done":
        return "done" if steps <= record.config["steps"] else "stopped"
    return "stopped" if record.status == "interrupted" else record.status


def _alive(status: RunStatus) -> RunStatus:
    """Return a run that says of itself that it is running as it is now."""
    progress = read_progress(RunDirectory(status.path))
    if progress is None:
        # The file comes a second after the run's start. Until then its lock is there.
        return status if (status.path / LOCK_NAME).exists() else replace(status, state="stopped")
    if not progress.is_alive:
        return replace(status, state="stopped", step=progress.step)
    return replace(
        status,
        step=progress.step,
        steps_per_s=progress.steps_per_s,
        last_return=status.last_return if progress.last_return is None else progress.last_return,
    )


def _last_return(directory: RunDirectory) -> float | None:
    try:
        _, returns, _ = read_evaluations(directory.evaluations_file)
    except DamagedFileError:
        return None  # none yet
    return float(returns[-1].mean()) if len(returns) else None
