"""Continue a run from its last checkpoint, exactly as if it had never stopped.

examples:
  swimrl resume runs/default/Hopper-v4/swim-1a2b3c4d/seed-0
  swimrl resume runs/default/Hopper-v4/swim-1a2b3c4d/seed-0 --steps 2e6
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from swimrl.fields import Count


@dataclass(frozen=True)
class Args:
    """What to continue, and how far."""

    path: tyro.conf.Positional[Path]
    """The directory of the run."""

    steps: Annotated[Count | None, tyro.conf.arg(metavar="INT")] = None
    """Environment steps in all, to go on further than planned."""

    checkpoint_every: Annotated[Count | None, tyro.conf.arg(metavar="INT")] = None
    """Environment steps between checkpoints from now on."""


def run(args: Args) -> None:
    """Continue the run, or say that it is finished."""
    from swimrl.cli.train import start
    from swimrl.runs.directory import RunDirectory
    from swimrl.training import build
    from swimrl.training.resume import recorded_config

    directory = RunDirectory(args.path)
    config = recorded_config(directory)
    config = dataclasses.replace(
        config,
        steps=config.steps if args.steps is None else args.steps,
        checkpoint_every=config.checkpoint_every if args.checkpoint_every is None else args.checkpoint_every,
    )
    build.import_modules(config)
    start(config, directory, resume=True)
