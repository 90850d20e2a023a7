"""Preparing a study on disk: the choices that all its runs share, and the list of its runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from swimrl.errors import ConfigError, EnvironmentFaultError
from swimrl.host import processor_model
from swimrl.runs.declaration import FIRST_TUNING_SEED
from swimrl.sweeps.config import PlannedRun
from swimrl.sweeps.probe import ProbeResult, kinds_of, probe
from swimrl.sweeps.study_record import (
    SharedChoices,
    StudyRecord,
    alone,
    read_study_record,
    write_study_record,
)
from swimrl.training.config import TrainConfig


def prepare(
    folder: Path,
    runs: Sequence[PlannedRun],
    *,
    name: str,
    primary: Mapping[str, Any] | None,
    tuning: Mapping[str, Any] | None = None,
) -> StudyRecord:
    """Write study.json, or bring it up to date, and return it.

    Choices that were made when the study began stay: product backends, name, primary comparison and tuning.

    Args:
        folder: The study's folder.
        runs: The runs of this sweep; the study may have others already.
        name: Name of a new study.
        primary: The comparison declared for a new study.
        tuning: The tuning that chose the settings of a new study.

    Raises:
        ConfigError: If the study has begun with another primary comparison or tuning, or the folder cannot be
            written.
        SwimrlError: If one of the runs cannot be made, or goes wrong in its first steps.
    """
    of_tuning = [run.config.seed for run in runs if run.config.seed >= FIRST_TUNING_SEED]
    if primary is not None and 0 < len(of_tuning) < len(runs):
        raise ConfigError(
            f"the study compares seed {of_tuning[0]} with lower seeds, and seeds from {FIRST_TUNING_SEED} on "
            "are for tuning; give seeds such as --seeds 0-9"
        )
    with alone(folder):
        before = read_study_record(folder)
        if before is not None and primary is not None and primary != before.study.primary:
            raise ConfigError(
                f"{folder} has begun with another primary comparison, and what is declared afterwards "
                "declares nothing; name another --study"
            )
        if before is not None and tuning is not None and tuning != before.study.tuning:
            raise ConfigError(f"{folder} has begun with settings of another tuning; name another --study")
        new = StudyRecord(SharedChoices(name, {}, processor_model(), primary, tuning), {}, {})
        record = _extended(before or new, runs, folder)
        if record != before:
            write_study_record(folder, record)
        return record


def _extended(record: StudyRecord, runs: Sequence[PlannedRun], folder: Path) -> StudyRecord:
    study, speeds = record.study, dict(record.speeds)
    for kind, example in kinds_of(run.config for run in runs).items():
        if kind in speeds:
            continue
        result = _probed(example, study.products)
        speeds[kind] = result.speed
        study = replace(study, products={**result.products, **study.products})
    new = {str(run.directory.path.relative_to(folder)): run.config.steps for run in runs}
    return replace(record, study=study, speeds=speeds, runs={**record.runs, **new})


def _probed(example: TrainConfig, products: Mapping[str, str]) -> ProbeResult:
    try:
        return probe(example, products)
    except SystemExit as error:  # it would end the sweep as if all were well
        raise EnvironmentFaultError(
            f"{example.env} called exit({error.code!r}) in its first steps; expected an environment that can "
            "be stepped; mend it, or leave it out"
        ) from error
