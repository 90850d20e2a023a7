"""study.json: what all runs of a study share, decided once when the study begins. Light.

Schema history: 1 first version.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from swimrl.errors import ConfigError, DamagedFileError
from swimrl.runs.declaration import sha256_of
from swimrl.runs.directory import replace, writing
from swimrl.runs.lock import locked
from swimrl.runs.naming import STUDY_FILE

SCHEMA_VERSION = 1

_PATIENCE_S = 120.0


@dataclass(frozen=True)
class SharedChoices:
    """The choices that all runs of a study share. Plain data: it can be pickled and written as JSON."""

    name: str

    products: Mapping[str, str] = field(default_factory=dict)
    """Backend of each matrix product by its shape, so that no two runs of the study differ in it."""

    processor: str = ""
    """The processor on which the backends were chosen."""

    primary: Mapping[str, Any] | None = None
    """The comparison that was declared before the first run; see `swimrl.runs.declaration`."""

    tuning: Mapping[str, Any] | None = None
    """The tuning that chose the settings of the arms; see `swimrl.runs.tuning_origin`."""

    def facts(self) -> dict[str, Any]:
        """Return the facts about the study that each run.json holds, ready for JSON."""
        facts: dict[str, Any] = {"name": self.name, "products_chosen_on": self.processor}
        if self.primary is not None:
            facts |= {"primary": self.primary, "primary_sha256": sha256_of(self.primary)}
        if self.tuning is not None:
            facts["tuning"] = self.tuning
        return facts


@dataclass(frozen=True)
class Speed:
    """Seconds of one environment step, on the machine where the study began."""

    random_s: float
    """With a random action and without learning."""

    learning_s: float
    """With an update."""


@dataclass(frozen=True)
class TakenLook:
    """A look at the runs of a study that declares looks: what it saw and what it decided."""

    number: int
    """From 1."""

    seeds: Sequence[int]
    scores: Mapping[str, Mapping[str, Sequence[float]]]
    """Scores by environment and arm, in the order of the seeds."""

    outcomes: Mapping[str, str]
    """By arm: one of `swimrl.reporting.findings.Outcome`."""

    p_values: Mapping[str, float]
    """By arm: the least level at which the sequential test rejects."""

    verdicts: Mapping[str, str]
    """By arm: the outcome in a few words."""


@dataclass(frozen=True)
class StudyRecord:
    """The content of study.json."""

    study: SharedChoices

    speeds: Mapping[str, Speed]
    """By the kind of run, which `swimrl.sweeps.probe.kind_of` returns."""

    runs: Mapping[str, int]
    """Environment steps by the directory below the study's folder, in the order in which runs are done."""

    looks: tuple[TakenLook, ...] = ()
    """The looks that were taken, if the study declares looks."""

    def paths(self, folder: Path) -> dict[Path, int]:
        """Return the steps of each run by its whole path."""
        return {folder / name: steps for name, steps in self.runs.items()}


def read_study_record(folder: Path) -> StudyRecord | None:
    """Return the content of a folder's study.json; None if it has none.

    Raises:
        DamagedFileError: If study.json is damaged or of another schema.
    """
    path = folder / STUDY_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content["schema_version"]
        if version == SCHEMA_VERSION:
            speeds = {kind: Speed(**speed) for kind, speed in content["speeds"].items()}
            looks = tuple(TakenLook(**look) for look in content.get("looks", ()))
            return StudyRecord(SharedChoices(**content["study"]), speeds, content["runs"], looks)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedFileError(f"{path} is damaged; delete it, and the next sweep writes it anew") from error
    raise DamagedFileError(
        f"{path} has schema version {version}; this swimrl reads version {SCHEMA_VERSION}; "
        "use the swimrl that wrote it"
    )


def write_study_record(folder: Path, record: StudyRecord) -> None:
    """Replace study.json atomically.

    Raises:
        StorageError: If it cannot be written.
    """
    content = {"schema_version": SCHEMA_VERSION, **asdict(record)}
    with writing(folder / STUDY_FILE):
        replace(folder / STUDY_FILE, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Make the study's folder if it does not exist, and keep other sweeps from changing study.json.

    Raises:
        ConfigError: If the folder cannot be written.
        RunExistsError: If another sweep holds the folder for longer than two minutes.
    """
    with ExitStack() as stack:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(locked(folder, patience_s=_PATIENCE_S))
        except OSError as error:
            raise ConfigError(
                f"cannot write to {folder}: {error.strerror}; name a folder that can be written with --out"
            ) from error
        yield
