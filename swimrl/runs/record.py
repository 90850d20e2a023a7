"""run.json: the record of a run. Light: no torch, no Stable-Baselines3.

Schema history:
    1: First version. The kind of a failure is only in the text of ``reason``.
    2: ``failure`` holds the kind; ``status`` can be ``stopped``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from swimrl.errors import DamagedFileError, EnvironmentFaultError, NonFiniteError, StorageError
from swimrl.runs.naming import DEFAULT_STUDY

SCHEMA_VERSION = 2

Status = Literal["running", "done", "stopped", "interrupted", "failed"]
"""``done``: all steps are done; ``stopped``: a callback ended the run; ``interrupted``: a signal did."""

Failure = Literal["diverged", "storage", "environment", "error"]
"""``diverged``: the networks' numbers were no longer finite; ``storage``: a file could not be written;
``environment``: the environment raised or broke its own spaces; ``error``: anything else."""

_KINDS: tuple[tuple[type[Exception], Failure], ...] = (
    (NonFiniteError, "diverged"),
    (StorageError, "storage"),
    (EnvironmentFaultError, "environment"),
)

# The texts of NonFiniteError in the versions that wrote schema 1. Any text with "nan" or "inf" in it would be
# too wide: these can be part of a path.
_DIVERGED_IN_SCHEMA_1 = re.compile(
    r"the environment's (reward|observation) is (nan|-?inf) at step \d"
    r"|the critics' loss is (nan|-?inf) after \d"
    r"|the rewards of an evaluation episode of \d+ steps sum to (nan|-?inf);"
)


@dataclass(frozen=True)
class RunRecord:
    """The content of run.json."""

    config: dict[str, Any]
    """The resolved configuration, by the fields of `TrainConfig`."""

    activations: dict[str, Any]
    """For ``actor`` and ``critic`` a list with one description for each hidden layer: formula, parameters."""

    network: dict[str, Any]
    """Numbers of parameters, and the gains of the initial weights."""

    environment: dict[str, Any]
    """Id, observation size, action size and time limit (steps) of the environment."""

    versions: dict[str, str | None]
    """Versions of Python and of the libraries that decide the numbers, and the git commit of swimrl."""

    host: dict[str, Any]
    """Processor, cores, system, device and threads."""

    engine: dict[str, Any]
    """The engine that computes the update: its name, threads, precision and product backends. With
    ``--threads auto`` also what was measured, ``update_us_by_threads``."""

    study: dict[str, Any] = field(default_factory=dict)
    """Of a run of a sweep: name of the study, processor on which its product backends were chosen, the
    declared primary comparison with its hash, and the tuning that chose the settings."""

    status: Status = "running"

    failure: Failure | None = None
    """The kind of failure of a run that failed; None otherwise."""

    reason: str | None = None
    """Why the run failed or ended early, in a sentence for people."""

    steps_done: int = 0
    """Environment steps done."""

    updates_done: int = 0

    resumes: list[dict[str, Any]] = field(default_factory=list)
    """For each continuation of the run: its step, its time (UTC), and the versions or the processor that had
    changed, before and then."""

    metrics: dict[str, Any] = field(default_factory=dict)
    """Scores by their names (`swimrl.runs.scores`)."""

    wall_clock_s: dict[str, float] = field(default_factory=dict)
    """Seconds: total, updates, evaluation, diagnostics, checkpoints, interaction (the rest: acting, stepping,
    storing)."""

    started: str = ""
    """UTC, ISO 8601."""

    ended: str | None = None

    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """Return the record as indented JSON text, its fields in a fixed order."""
        first = (
            "schema_version",
            "status",
            "failure",
            "reason",
            "started",
            "ended",
            "steps_done",
            "updates_done",
        )
        content = vars(self)
        ordered = {name: content[name] for name in (*first, *(k for k in content if k not in first))}
        return json.dumps(ordered, indent=2, ensure_ascii=False) + "\n"


def failure_of(error: BaseException) -> Failure:
    """Return the kind of failure of a run that ``error`` ended."""
    return next((kind for cause, kind in _KINDS if isinstance(error, cause)), "error")


def read_record(path: Path) -> RunRecord:
    """Return the record in file ``path``; one of schema 1 is returned as schema 2.

    Raises:
        DamagedFileError: If it cannot be read, is no JSON, or has another schema; the message says which.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content["schema_version"]
    except OSError as error:
        raise DamagedFileError(
            f"cannot read {path}: {error.strerror}; name the directory of a run, such as "
            f"{DEFAULT_STUDY}/Hopper-v4/swim-1a2b3c4d/seed-0"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(
            f"{path} is no record of a run (damaged or cut off); train again or restore it from a copy"
        ) from error
    if version not in (1, SCHEMA_VERSION):
        raise DamagedFileError(
            f"{path} has schema version {version}; this swimrl reads version {SCHEMA_VERSION}; "
            "install the swimrl that wrote it"
        )
    try:
        return RunRecord(**(_from_schema_1(content) if version == 1 else content))
    except TypeError as error:
        raise DamagedFileError(f"{path} is no record of a run: {error}") from error


def _from_schema_1(content: dict[str, Any]) -> dict[str, Any]:
    """Return the content of a record of schema 1 as schema 2 would hold it.

    Schema 1 does not hold the kind of a failure; it follows from the text of ``reason``. NaN in a reward or
    an observation counts as diverged, as reports on such records have always counted it.
    """
    failure: Failure | None = None
    if content.get("status") == "failed":
        reason = content.get("reason") or ""
        if _DIVERGED_IN_SCHEMA_1.match(reason):
            failure = "diverged"
        else:
            failure = "storage" if reason.startswith("cannot write ") else "error"
    return {**content, "failure": failure, "schema_version": SCHEMA_VERSION}
