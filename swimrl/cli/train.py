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
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from swimrl.errors import InputError
from swimrl.fields import copy_fields, to_mapping
from swimrl.runs.naming import DEFAULT_STUDY
from swimrl.training import config_file
from swimrl.training.config import TrainConfig

if TYPE_CHECKING:
    from swimrl.runs.directory import RunDirectory


@dataclass(frozen=True)
class Args(TrainConfig):
    """Settings of a run."""

    out: Path = DEFAULT_STUDY
    """Folder of the study; the run goes to OUT/<env>/<activation>-<hash>/seed-<n>."""

    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """YAML file with settings to start from; the command line wins."""

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
            settings = config_file.load(Path(value or arguments[position + 1]), TrainConfig)
            return copy_fields(settings, Args)
    return Args()


def run(args: Args) -> None:
    """Train, or print what would be trained."""
    config = copy_fields(args, TrainConfig)

    from swimrl.training import build

    build.import_modules(config)

    from swimrl.training.run import directory_of, resolve

    config = resolve(config)
    directory = directory_of(config, args.out)
    if args.dry_run:
        print(json.dumps({"directory": str(directory.path), **to_mapping(config)}, indent=2))
        return
    if args.resume and args.overwrite:
        raise InputError("--resume continues a run and --overwrite deletes it; give one of the two")
    start(config, directory, overwrite=args.overwrite, resume=args.resume)


def start(
    config: TrainConfig, directory: RunDirectory, *, overwrite: bool = False, resume: bool = False
) -> None:
    """Train or continue, and say how it goes."""
    from rich.console import Console

    from swimrl.training.progress import BarReporter, LineReporter
    from swimrl.training.resume import continuation, is_finished
    from swimrl.training.run import train

    console = Console()
    if resume and is_finished(directory, config):
        line = f"the run in {directory.path} is finished; a larger --steps goes on further"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
        return
    continued = continuation(config, directory) if resume else None
    title = (
        f"{config.env}  {_activations(config)}  seed {config.seed}",
        f"run directory: {directory.path}",
        *(continued.notes if continued else ()),
    )
    reporter = (BarReporter if console.is_terminal else LineReporter)(console, title)
    record = train(config, directory, reporter, overwrite=overwrite, continuation=continued)
    for line in _summary(record.status, record.metrics, record.wall_clock_s, record.steps_done):
        console.print(line, highlight=False)
    if record.status == "interrupted":
        line = f"continue it with: swimrl resume {directory.path}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
        raise KeyboardInterrupt


def _activations(config: TrainConfig) -> str:
    if config.act_critic is None:
        return config.act
    return f"actor {config.act}, critics {config.act_critic}"


def _summary(status: str, metrics: dict[str, Any], wall_clock_s: dict[str, float], steps: int) -> list[str]:
    scores = [f"{name} {value:,.1f}" for name, value in metrics.items() if value is not None]
    seconds = wall_clock_s["total"]
    return [
        f"{status} after {steps:,} steps in {seconds:,.0f} s",
        "  ".join(scores),
    ]
