"""Continue a run from its last checkpoint, exactly as if it had never stopped.

examples:
  swimrl resume runs/default/Hopper-v4/swim-1a2b3c4d/seed-0
  swimrl resume runs/default/Hopper-v4/swim-1a2b3c4d/seed-0 --steps 2e6
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from swimrl.fields import Count


@dataclass(frozen=True)
class Args:
    """Options of `swimrl resume`."""

    path: tyro.conf.Positional[Path]
    """The directory of the run."""

    steps: Annotated[Count | None, tyro.conf.arg(metavar="INT")] = None
    """Total environment steps, to train longer than planned."""

    checkpoint_every: Annotated[Count | None, tyro.conf.arg(metavar="INT")] = None
    """Environment steps between checkpoints from now on."""


def run(args: Args) -> None:
    """Continue the run, or say that it is finished."""
    from swimrl.training import open_run

    open_run(args.path).resume(steps=args.steps, checkpoint_every=args.checkpoint_every)
