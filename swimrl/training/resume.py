"""Decides from where a run continues, or explains why it cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from swimrl.envs.catalogue import TASKS
from swimrl.errors import ConfigError, DamagedFileError, InputError, command_line
from swimrl.fields import flatten, from_mapping, to_mapping
from swimrl.host import host_facts, library_versions
from swimrl.runs.checkpoint import Checkpoint, CheckpointFolder
from swimrl.runs.directory import RunDirectory
from swimrl.runs.naming import UNDECISIVE
from swimrl.runs.record import RunRecord, read_record
from swimrl.training.config import TrainConfig

# The seed is not in the directory's hash either, but it decides the run.
_MAY_DIFFER = set(UNDECISIVE) - {"seed"}


@dataclass(frozen=True)
class Continuation:
    """From where a run continues."""

    checkpoint: Checkpoint | None
    """None if no checkpoint was written yet: the run then starts again at step 0."""

    resumes: tuple[dict[str, Any], ...]
    """The earlier resumes, as run.json lists them."""

    study: Mapping[str, Any]
    """The sweep that the run belongs to, as run.json describes it."""

    changed: Mapping[str, tuple[Any, Any]]
    """Versions and hardware that have changed since the run started: value before, value now."""

    threads: int | None
    """How many threads the run was started with, which `auto` chose; None if an earlier version wrote it."""

    notes: tuple[str, ...]
    """Lines for the user: where the run continues, and what may keep it from being exact."""


def recorded_config(directory: RunDirectory) -> TrainConfig:
    """Return the configuration that the run was started with.

    Raises:
        DamagedFileError: If run.json cannot be read.
        ConfigError: If it holds no configuration of this swimrl.
    """
    record = read_record(directory.record_file)
    return from_mapping(TrainConfig, record.config, source=str(directory.record_file))


def is_finished(directory: RunDirectory, config: TrainConfig) -> bool:
    """Return whether the run is done and has as many steps as ``config`` asks for."""
    if not directory.record_file.exists():
        return False
    record = read_record(directory.record_file)
    return record.status == "done" and config.steps <= record.steps_done


def continuation(config: TrainConfig, directory: RunDirectory) -> Continuation:
    """Return from where the run in ``directory`` continues.

    Args:
        config: The resolved configuration. Only settings that change no number may differ from the run's.
        directory: The directory of the run.

    Raises:
        InputError: If there is no run, or it is done and its checkpoint was deleted.
        ConfigError: If the configuration differs; the message shows how.
        DamagedFileError: If run.json or every checkpoint is damaged.
    """
    if not directory.record_file.exists():
        raise InputError(_why_no_run(config, directory))
    record = read_record(directory.record_file)
    _refuse_differences(recorded_config(directory), config, directory)
    checkpoint = CheckpointFolder(directory.checkpoint_folder).read()
    if checkpoint is None:
        if record.status == "done":
            raise InputError(
                f"the run in {directory.path} is done and its checkpoint was deleted, so it cannot go on; "
                "train it anew with --overwrite"
            )
        where = "there is no checkpoint yet: the run starts again at step 0"
    else:
        source = str(directory.checkpoint_folder)
        _refuse_differences(
            from_mapping(TrainConfig, checkpoint.state["config"], source=source), config, directory
        )
        step = checkpoint.state["step"]
        if config.steps < step:
            raise ConfigError(
                f"--steps is {config.steps:,}, but the run has done {step:,}; give at least that"
            )
        where = f"continues at step {step:,}"
    changed = _changed(record)
    return Continuation(
        checkpoint,
        tuple(record.resumes),
        record.study,
        changed,
        record.engine.get("threads"),
        (where, *_outside_the_promise(config, changed)),
    )


def differences(before: TrainConfig, now: TrainConfig) -> list[str]:
    """Return the differences between two configurations, without settings that change no number."""
    flat_before, flat_now = (flatten(to_mapping(config)) for config in (before, now))
    return [
        f"{name} {flat_before[name]!r} there, {flat_now[name]!r} here"
        for name in flat_before
        if name not in _MAY_DIFFER and flat_before[name] != flat_now[name]
    ]


def _refuse_differences(before: TrainConfig, now: TrainConfig, directory: RunDirectory) -> None:
    different = differences(before, now)
    if different:
        raise ConfigError(
            f"{directory.path} holds a run with other settings ({'; '.join(different)}); "
            "resume it with its own, or train a new run without --resume"
        )


def _why_no_run(config: TrainConfig, directory: RunDirectory) -> str:
    """Return the message that there is no run to resume; it names the nearest run of the study, if any."""
    others = []
    for file in directory.path.parents[1].glob(f"*/{directory.path.name}/run.json"):
        other = RunDirectory(file.parent)
        try:
            others.append((differences(recorded_config(other), config), other.path))
        except (DamagedFileError, ConfigError):
            continue  # a run that cannot be read cannot be resumed
    if not others:
        return f"there is no run in {directory.path} to resume; leave out --resume to start one"
    nearest, path = min(others, key=lambda pair: (len(pair[0]), pair[1]))
    hint = command_line("swimrl", "resume", path)
    return (
        f"there is no run with these settings to resume; the nearest differs ({'; '.join(nearest)}); "
        f"continue that with: {hint}, or leave out --resume to start a new run"
    )


def _changed(record: RunRecord) -> dict[str, tuple[Any, Any]]:
    now = {**library_versions(), **host_facts()}
    before = {**record.versions, **record.host}
    decisive = [*record.versions, "processor"]
    return {name: (before.get(name), now.get(name)) for name in decisive if before.get(name) != now.get(name)}


def _outside_the_promise(config: TrainConfig, changed: Mapping[str, tuple[Any, Any]]) -> list[str]:
    notes = [f"may not be exact: {name} was {before}, is {now}" for name, (before, now) in changed.items()]
    if config.callback:
        notes.append(f"not in the checkpoint: what {', '.join(config.callback)} remembers")
    if config.env not in TASKS:
        notes.append(f"not in the checkpoint: what {config.env} remembers from one episode to the next")
    if config.device == "cuda":
        notes.append("may not be exact: CUDA can add in another order")
    return notes
