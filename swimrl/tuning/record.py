"""tuning.json: what was declared when a tuning began, and what its stages decided.

Schema history: 1 first version.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from swimrl.errors import ConfigError, DamagedFileError
from swimrl.fields import to_mapping
from swimrl.runs.directory import replace, writing
from swimrl.tuning.plan import Plan
from swimrl.tuning.space import Point

FILE_NAME = "tuning.json"
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class TuningRecord:
    """The content of tuning.json."""

    plan: Mapping[str, Any]
    """The fields of the plan, and its points."""

    kept: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """By activation: the points that went on to the second stage; empty before."""

    proposed: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    """By activation: the points that TPE has proposed; empty with a Sobol sequence alone."""

    choice: Mapping[str, int] = field(default_factory=dict)
    """By activation: the chosen point; empty before."""


def begun(folder: Path, plan: Plan) -> TuningRecord:
    """Return the record of the tuning in a folder, which is new or has begun with the same plan.

    Raises:
        ConfigError: If it has begun with another plan.
        DamagedFileError: If tuning.json cannot be read.
    """
    declared = {**to_mapping(plan), "points": [dict(point) for point in plan.points]}
    del declared["proposed"]  # follows from the scores
    path = folder / FILE_NAME
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["schema_version"] != SCHEMA_VERSION:
            raise DamagedFileError(
                f"{path} has schema version {content['schema_version']}; this swimrl reads version "
                f"{SCHEMA_VERSION}; use the swimrl that wrote it"
            )
        # Earlier versions wrote neither a sampler nor proposals: they had Sobol sequences alone.
        before = {"sampler": "sobol", **content["plan"]}
        record = TuningRecord(before, content["kept"], content.get("proposed", {}), content["choice"])
    except FileNotFoundError:
        return TuningRecord(declared)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(
            f"{path} is damaged; delete it, and the same command writes it anew"
        ) from error
    differing = [key for key in declared if record.plan.get(key) != json.loads(json.dumps(declared[key]))]
    if differing:
        raise ConfigError(
            f"{folder} has begun with another {', '.join(differing)}, and a budget that changes is not the "
            "same for all; name another --out"
        )
    return record


def write_record(folder: Path, record: TuningRecord) -> None:
    """Replace tuning.json atomically.

    Raises:
        StorageError: If it cannot be written.
    """
    content = {"schema_version": SCHEMA_VERSION, **asdict(record)}
    with writing(folder / FILE_NAME):
        folder.mkdir(parents=True, exist_ok=True)
        replace(folder / FILE_NAME, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())
