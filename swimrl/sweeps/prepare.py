"""From what was asked for to a study on disk: choices made once, runs listed, whoever else is at it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from swimrl.errors import ConfigError
from swimrl.host import processor_model
from swimrl.sweeps.config import PlannedRun
from swimrl.sweeps.probe import kinds_of, probe
from swimrl.sweeps.study_record import (
    SharedChoices,
    StudyRecord,
    alone,
    read_study_record,
    write_study_record,
)


def prepare(
    folder: Path, runs: Sequence[PlannedRun], *, name: str, primary: Mapping[str, Any] | None
) -> StudyRecord:
    """Write study.json, or bring it up to date, and return it.

    What was decided when the study began stays: product backends, name and primary comparison.

    Args:
        folder: The study's.
        runs: Those to be done now; the study may have others already.
        name: What to call a new study.
        primary: The comparison declared for a new study.

    Raises:
        ConfigError: If the study has begun with another primary comparison, or the folder cannot be written.
        SwimrlError: If one of the runs cannot be made.
    """
    with alone(folder):
        before = read_study_record(folder)
        if before is not None and primary is not None and primary != before.study.primary:
            raise ConfigError(
                f"{folder} has begun with another primary comparison, and what is declared afterwards "
                "declares nothing; name another --study"
            )
        record = _extended(
            before or StudyRecord(SharedChoices(name, {}, processor_model(), primary), {}, {}), runs, folder
        )
        if record != before:
            write_study_record(folder, record)
        return record


def _extended(record: StudyRecord, runs: Sequence[PlannedRun], folder: Path) -> StudyRecord:
    study, speeds = record.study, dict(record.speeds)
    for kind, example in kinds_of(run.config for run in runs).items():
        if kind in speeds:
            continue
        found = probe(example, study.products)
        speeds[kind] = found.speed
        study = SharedChoices(
            study.name, {**found.products, **study.products}, study.processor, study.primary
        )
    new = {str(run.directory.path.relative_to(folder)): run.config.steps for run in runs}
    return StudyRecord(study, speeds, {**record.runs, **new})
