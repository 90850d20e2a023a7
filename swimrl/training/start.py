"""Starts or continues a run, and prints the title, the progress and the summary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, cast

from rich.console import Console
from stable_baselines3.common.callbacks import BaseCallback

from swimrl.errors import command_line
from swimrl.runs.directory import RunDirectory
from swimrl.training.callbacks import build_callbacks
from swimrl.training.config import TrainConfig
from swimrl.training.progress import SurvivableOutput, print_lines, reporter_for, summary
from swimrl.training.resolved import Resolved
from swimrl.training.resume import continuation, is_finished
from swimrl.training.run import execute


def start(
    resolved: Resolved,
    directory: RunDirectory,
    callbacks: Sequence[BaseCallback | None],
    *,
    overwrite: bool = False,
    resume: bool = False,
    progress: bool = True,
) -> None:
    """Train or continue, and show the progress.

    Args:
        resolved: The settings.
        directory: The directory of the run.
        callbacks: For each callback in the settings the object that was given, or None to make one.
        overwrite: Whether an existing run is deleted first.
        resume: Whether the existing run is continued.
        progress: Whether anything is printed.

    Raises:
        SwimrlError: If the run cannot be started or continued, or failed.
        KeyboardInterrupt: If the run was interrupted; it is closed and can be resumed.
    """
    config = resolved.config
    console = Console(quiet=not progress, file=cast(IO[str], SurvivableOutput()))
    if resume and is_finished(directory, config):
        finished = f"the run in {directory.path} is finished; a larger --steps goes on further"
        print_lines(console, [finished])
        return
    continued = continuation(config, directory) if resume else None
    title = (
        f"{config.env}  {activations_of(config)}  seed {config.seed}",
        f"run directory: {directory.path}",
        *(continued.notes if continued else ()),
    )
    record = execute(
        resolved,
        directory,
        reporter_for(console, title),
        overwrite=overwrite,
        continuation=continued,
        callbacks=build_callbacks(config.callback, callbacks),
    )
    print_lines(console, summary(record))
    if record.status in ("stopped", "interrupted"):
        print_lines(console, [f"continue it with: {command_line('swimrl', 'resume', directory.path)}"])
    if record.status == "interrupted":
        raise KeyboardInterrupt


def activations_of(config: TrainConfig) -> str:
    """Return the activations of actor and critics as text."""
    if config.act_critic is None:
        return config.act
    return f"actor {config.act}, critics {config.act_critic}"
