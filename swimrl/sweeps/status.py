"""How far the runs of a study are, read from their files alone. Light.

| state | meaning |
|---|---|
| done | trained to the end |
| running | a process works on it |
| stopped | begun and not done: interrupted, killed, or ended by a callback; can go on from its checkpoint |
| failed | begun and gone wrong; run.json says why |
| left | not begun |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from swimrl.errors import DamagedFileError
from swimrl.runs.directory import RunDirectory, read_last_returns
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
    """Speed of a running one."""

    last_return: float | None = None
    """Mean return of the last evaluation."""

    reason: str | None = None
    """Why it failed, or why a callback ended it."""

    env_id: str | None = None
    """Id of the environment; None before run.json is there."""

    recorded_seed: int | None = None
    """The seed in run.json; None before run.json is there."""

    @property
    def seconds_left(self) -> float | None:
        """Seconds until it is done; None if its speed is not known."""
        return (self.steps - self.step) / self.steps_per_s if self.steps_per_s else None

    @property
    def environment(self) -> str:
        """Id of the environment; before run.json is there, the name of its folder (``-`` for ``/``)."""
        return self.env_id or self._folders[-3]

    @property
    def variant(self) -> str:
        """Name of the folder: the activations, and the hash of the settings."""
        return self._folders[-2]

    @property
    def seed(self) -> int:
        """The seed; before run.json is there, that of the directory's name."""
        return int(self.path.name.removeprefix("seed-")) if self.recorded_seed is None else self.recorded_seed

    @property
    def _folders(self) -> tuple[str, ...]:
        return ("", "", *self.path.absolute().parts)

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


class StudyStatus(tuple[RunStatus, ...]):
    """How far each run of a study is: a tuple that shows itself as a table, in a notebook too."""

    __slots__ = ()

    @property
    def counts(self) -> dict[State, int]:
        """How many runs are in each state; states without any are left out."""
        counted = Counter(status.state for status in self)
        return {state: counted[state] for state in STATES if counted[state]}

    @property
    def is_over(self) -> bool:
        """Whether each run is done or has failed."""
        return all(status.state in ("done", "failed") for status in self)

    @property
    def summary(self) -> str:
        """How many runs are in each state and, if it is known, how long it takes until all are done."""
        from swimrl.sweeps.status_table import summary_of

        return summary_of(self)

    def to_list(self) -> list[dict[str, Any]]:
        """Return a mapping for each run, ready for JSON or a pandas DataFrame."""
        return [status.to_mapping() for status in self]

    def __repr__(self) -> str:
        from swimrl.sweeps.status_table import text_of

        return text_of(self)

    def _repr_html_(self) -> str:
        from swimrl.sweeps.status_table import html_of

        return html_of(self)


class StatusReader:
    """Reads how far the runs of a study are, again and again. It reads only files that have changed.

    Args:
        runs: The steps that are wanted, by the directory of each run, in the order of the study; None for
            as many as run.json says.
    """

    def __init__(self, runs: Mapping[Path, int | None]) -> None:
        self._runs = runs
        self._before: dict[Path, tuple[int, RunStatus]] = {}

    def read(self) -> StudyStatus:
        """Return how far each run is."""
        return StudyStatus(self._read_run(path, steps) for path, steps in self._runs.items())

    def _read_run(self, path: Path, steps: int | None) -> RunStatus:
        try:
            changed = (path / "run.json").stat().st_mtime_ns
        except OSError:
            return RunStatus(path, steps or 0)
        before, status = self._before.get(path, (0, None))
        if status is None or changed != before:
            status = _from_files(path, steps)
            self._before[path] = changed, status
        return _now(status) if status.state == "running" else status


def runs_in(folder: Path) -> list[Path]:
    """Return the directory of every run that has begun, of a study, an environment, an arm or one run.

    Args:
        folder: The folder of a study, or one below it.
    """
    patterns = ("run.json", "seed-*/run.json", "*/seed-*/run.json", "*/*/seed-*/run.json")
    return sorted(file.parent for pattern in patterns for file in folder.glob(pattern))


def _from_files(path: Path, steps: int | None) -> RunStatus:
    directory = RunDirectory(path)
    try:
        record = read_record(directory.record_file)
        wanted = int(record.config["steps"]) if steps is None else steps
        return RunStatus(
            path,
            wanted,
            _state(record, wanted),
            step=record.steps_done,
            last_return=_last_return(directory),
            reason=record.reason if record.status in ("failed", "stopped") else None,
            env_id=record.config["env"],
            recorded_seed=record.config["seed"],
        )
    except DamagedFileError as error:
        return RunStatus(path, steps or 0, "failed", reason=str(error))
    except (KeyError, TypeError, ValueError):
        return RunStatus(path, steps or 0, "failed", reason=f"{directory.record_file} has no whole config")


def _state(record: RunRecord, steps: int) -> State:
    if record.status == "done":
        return "done" if steps <= record.config["steps"] else "stopped"
    return "stopped" if record.status == "interrupted" else record.status


def _now(status: RunStatus) -> RunStatus:
    """Return the present status of a run whose run.json says that it is running."""
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
        returns = read_last_returns(directory.evaluations_file)
    except DamagedFileError:
        return None  # none yet
    return sum(returns) / len(returns) if returns else None
