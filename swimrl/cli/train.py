"""Train a TD3 agent and write a run directory.

examples:
  swimrl train --env HalfCheetah-v4 --act swim
  swimrl train --env Hopper-v4 --act "swim(k=1)" --steps 1e5 --seed 1
  swimrl train --env Ant-v5 --act-actor tanh --act-critic swish
  swimrl train --env Walker2d-v4 --act "expr: x*sigmoid(b*x); b=trainable(1)"
  swimrl train --config configs/quick.yaml --seed 3 --td3.lr 1e-3
  swimrl train --env HalfCheetah-v4 --act swim --resume
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from swimrl.fields import copy_fields, home_expanded, to_mapping
from swimrl.runs.naming import DEFAULT_STUDY
from swimrl.training import config_file
from swimrl.training.config import TrainConfig, with_absolute_files


@dataclass(frozen=True)
class Args(TrainConfig):
    """Options of `swimrl train`."""

    out: Path = DEFAULT_STUDY
    """Folder of the study; the run goes to OUT/<env>/<activation>-<hash>/seed-<n>."""

    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """YAML file with settings to start from; options on the command line win."""

    overwrite: bool = False
    """Delete an existing run in the same place first."""

    resume: bool = False
    """Continue the run in the same place from its last checkpoint; see also `swimrl resume`."""

    dry_run: bool = False
    """Print the resolved settings and where the run would go, and stop."""


def defaults(arguments: list[str]) -> Args:
    """Return the settings of ``--config``, if it is given, to start from."""
    for position, argument in enumerate(arguments):
        flag, _, value = argument.partition("=")
        if flag == "--config":
            settings = config_file.load(home_expanded(Path(value or arguments[position + 1])), TrainConfig)
            return copy_fields(settings, Args)
    return Args()


def run(args: Args) -> None:
    """Train, or print what would be trained."""
    config = copy_fields(args, TrainConfig)
    if args.dry_run:
        _print_plan(config, args.out)
        return
    from swimrl.training import train

    train(config=config, out=args.out, overwrite=args.overwrite, resume=args.resume)


def _print_plan(config: TrainConfig, study: Path) -> None:
    from swimrl.training import build
    from swimrl.training.resolved import directory_of, resolve

    build.import_modules(config)
    resolved = resolve(with_absolute_files(config))
    directory = directory_of(resolved, study.expanduser())
    print(json.dumps({"directory": str(directory.path), **to_mapping(resolved.config)}, indent=2))
