"""Train a TD3 agent and write a run directory.

examples:
  swimrl train --env HalfCheetah-v4 --act swim
  swimrl train --env Hopper-v4 --act "swim(k=1)" --steps 1e5 --seed 1
  swimrl train --env Ant-v5 --act-actor tanh --act-critic swish
  swimrl train --env Walker2d-v4 --act "expr: x*sigmoid(b*x); b=trainable"
  swimrl train --config configs/swim-paper.yaml --seed 3 --td3.lr 1e-3
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from swimrl.runs.naming import DEFAULT_STUDY
from swimrl.training import config_file
from swimrl.training.config import TrainConfig


@dataclass(frozen=True)
class Args(TrainConfig):
    """Settings of a run."""

    out: Path = DEFAULT_STUDY
    """Folder of the study; the run goes to OUT/<env>/<activation>-<hash>/seed-<n>."""

    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """YAML file with settings to start from; the command line wins."""

    overwrite: bool = False
    """Delete an existing run in the same place first."""

    dry_run: bool = False
    """Print the resolved settings and where the run would go, and stop."""


def defaults(arguments: list[str]) -> Args:
    """Return the settings of ``--config``, if it is given, to start from."""
    for position, argument in enumerate(arguments):
        flag, _, value = argument.partition("=")
        if flag == "--config":
            settings = config_file.load(Path(value or arguments[position + 1]), TrainConfig)
            fields = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)}
            return Args(**fields)
    return Args()


def run(args: Args) -> None:
    """Train, or print what would be trained."""
    fields = {f.name: getattr(args, f.name) for f in dataclasses.fields(TrainConfig)}
    config = TrainConfig(**fields)

    from swimrl.training import build

    build.import_modules(config)

    from swimrl.training.run import directory_of, resolve, train

    config = resolve(config)
    directory = directory_of(config, args.out)
    if args.dry_run:
        print(json.dumps({"directory": str(directory.path), **config_file.to_mapping(config)}, indent=2))
        return

    from rich.console import Console

    from swimrl.training.progress import BarReporter, LineReporter

    console = Console()
    title = (
        f"{config.env}  {_activations(config)}  seed {config.seed}",
        f"run directory: {directory.path}",
    )
    reporter = (BarReporter if console.is_terminal else LineReporter)(console, title)
    record = train(config, directory, reporter, overwrite=args.overwrite)
    for line in _summary(record.status, record.metrics, record.wall_clock_s, record.steps_done):
        console.print(line, highlight=False)
    if record.status == "interrupted":
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
