"""Records: what was measured, as JSON that is never changed. Standard library only.

Schema history: 1 first version.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from swimrl.errors import DamagedFileError, InputError, StorageError

SCHEMA_VERSION = 1

Clock = Literal["wall", "cpu"]
"""Wall seconds or processor seconds. With one thread they differ by the time for which other processes had
the processor, so on a busy machine processor seconds are steadier."""

Readings = tuple[tuple[float, ...], ...]
"""Seconds of each process and round, [P][R]."""


@dataclass(frozen=True)
class Series:
    """All readings of one work of one arm, or of a part of it."""

    arm: str
    """Which arm, such as ``"sb3 relu"``."""

    work: str
    """Which work, such as ``"updates"``."""

    count: int
    """How often the work was done in each reading."""

    wall_s: Readings
    """Wall seconds of each reading."""

    cpu_s: Readings
    """Processor seconds of each reading; empty if that clock was not read."""

    part: str | None = None
    """Which part of the work; None for the whole."""

    def per_unit_s(self, clock: Clock = "wall") -> Readings:
        """Return the seconds of doing the work once; empty if that clock was not read."""
        readings = self.wall_s if clock == "wall" else self.cpu_s
        return tuple(tuple(seconds / self.count for seconds in process) for process in readings)


@dataclass(frozen=True)
class TimingRecord:
    """The content of a timing record."""

    kind: str
    """Which benchmark, such as ``"train"``."""

    settings: Mapping[str, Any]
    """The settings of the benchmark."""

    arms: Mapping[str, Mapping[str, Any]]
    """Each arm's description and the facts that its process reported."""

    series: tuple[Series, ...]

    absent: Mapping[str, str] = field(default_factory=dict)
    """Arms that were asked for and could not be measured, with the reason."""

    versions: Mapping[str, str | None] = field(default_factory=dict)

    host: Mapping[str, Any] = field(default_factory=dict)
    """Facts about the machine, including its load before and after."""

    started: str = ""
    """UTC, ISO 8601."""

    duration_s: float = 0.0

    schema_version: int = SCHEMA_VERSION

    def find(self, arm: str, work: str, part: str | None = None) -> Series | None:
        """Return the series of one work of one arm, or of a part of it; None if there is none."""
        return next((s for s in self.series if (s.arm, s.work, s.part) == (arm, work, part)), None)

    def to_json(self) -> str:
        """Return the record as JSON text, one arm and one series to a line."""
        content = dataclasses.asdict(self)
        arms, series = content.pop("arms"), content.pop("series")
        head = json.dumps(content, indent=2, ensure_ascii=False).removesuffix("\n}")
        about = ",\n".join(f"    {_line(name)}: {_line(arm)}" for name, arm in arms.items())
        readings = ",\n".join(f"    {_line(one)}" for one in series)
        return f'{head},\n  "arms": {{\n{about}\n  }},\n  "series": [\n{readings}\n  ]\n}}\n'


def check_free(path: Path) -> None:
    """Check, before anything is measured, that a record can be written to ``path``.

    Raises:
        InputError: If the file exists already.
        StorageError: If the folder is missing.
    """
    if path.exists():
        raise InputError(f"{path} exists, and a record is never overwritten; give another name")
    if not path.parent.is_dir():
        raise StorageError(f"cannot write {path}: there is no folder {path.parent}; make it first")


def write(record: TimingRecord, path: Path) -> None:
    """Write ``record`` to the new file ``path``.

    Raises:
        InputError: If the file exists already.
        StorageError: If it cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(record.to_json())
    except FileExistsError as error:
        raise InputError(f"{path} exists, and a record is never overwritten; give another name") from error
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}; free space or give another place"
        ) from error


def read(path: Path) -> TimingRecord:
    """Return the record in file ``path``.

    Raises:
        DamagedFileError: If it cannot be read, is no record, or has another schema; the message says which.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        version = content["schema_version"]
    except OSError as error:
        raise DamagedFileError(f"cannot read {path}: {error.strerror}; give the path of a record") from error
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(
            f"{path} is no timing record (damaged or cut off); measure again or restore it from a copy"
        ) from error
    if version != SCHEMA_VERSION:
        raise DamagedFileError(
            f"{path} has schema version {version}; this swimrl reads version {SCHEMA_VERSION}; "
            "install the swimrl that wrote it"
        )
    try:
        content["series"] = tuple(_series(one) for one in content["series"])
        return TimingRecord(**content)
    except (KeyError, TypeError) as error:
        raise DamagedFileError(
            f"{path} is no timing record ({error}); measure again or restore it from a copy"
        ) from error


def _line(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False)


def _series(content: dict[str, Any]) -> Series:
    readings = {name: tuple(map(tuple, content[name])) for name in ("wall_s", "cpu_s")}
    return Series(**{**content, **readings})
