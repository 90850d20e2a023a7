"""One run of a study: the function that every executor calls."""

from __future__ import annotations

from swimrl.host import processor_model
from swimrl.runs.directory import RunDirectory
from swimrl.runs.record import RunRecord, read_record
from swimrl.sweeps.study_record import SharedChoices
from swimrl.td3.engine.products.measurement import sound_backends
from swimrl.training import build
from swimrl.training.config import TrainConfig
from swimrl.training.progress import Reporter
from swimrl.training.resolved import resolve
from swimrl.training.resume import continuation, is_finished
from swimrl.training.run import execute


def run_job(
    config: TrainConfig, directory: RunDirectory, reporter: Reporter, study: SharedChoices | None = None
) -> RunRecord:
    """Do what is left of a run: all of it, the rest from its last checkpoint, or nothing.

    Args:
        config: The resolved configuration.
        directory: The run's directory.
        reporter: Receives the progress; nothing of a run that is finished.
        study: What all runs of the study share.

    Returns:
        The record. Its status is ``done``, ``stopped`` by a callback, or ``interrupted`` by a signal.

    Raises:
        RunExistsError: If another process works in the directory, or it holds something else.
        SwimrlError: If the run cannot be done or goes wrong; run.json then says so, if there is one.
    """
    build.import_modules(config)
    with directory.at_work():
        if is_finished(directory, config):
            return read_record(directory.record_file)
        continued = continuation(config, directory) if directory.record_file.exists() else None
        return execute(
            resolve(config),
            directory,
            reporter,
            continuation=continued,
            products=None if study is None else _products_here(study),
            study=None if study is None else study.facts(),
        )


def _products_here(study: SharedChoices) -> dict[str, str]:
    """Return the study's product backends; on another processor without those that would lose digits there.

    A library may compute float32 products in bfloat16 where a processor has instructions for it.
    """
    if study.processor == processor_model():
        return dict(study.products)
    return {shape: name for shape, name in study.products.items() if name in sound_backends()}
