"""Tune settings for each activation: the same points, budget and seeds for all.

The same command again does only what is left; see docs/tuning.md.

examples:
  swimrl tune --act swim relu --space td3.lr=1e-5..2e-3:log --steps 1e5
  swimrl tune --act swim relu --space td3.lr=1e-4..1e-3 td3.batch_size=64,256
  swimrl tune --act swim relu --space td3.tau=1e-3..5e-2:log --dry-run
  swimrl tune --env Hopper-v4 --space td3.lr=1e-5..2e-3:log --trials 20 --keep 4
  swimrl tune --act swim relu --space td3.lr=1e-5..2e-3:log --sampler tpe
  swimrl sweep --config runs/tuning/tuned.yaml
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import tyro

from swimrl.errors import InputError
from swimrl.fields import copy_fields
from swimrl.runs.scores import Metric
from swimrl.training.config import TrainConfig

NotAnOption = (tyro.conf.Suppress, tyro.conf.Fixed)


@dataclass(frozen=True)
class Settings(TrainConfig):
    """Settings that all trials share. Activation and seed have options of their own."""

    act: Annotated[str, *NotAnOption] = TrainConfig.act
    seed: Annotated[int, *NotAnOption] = TrainConfig.seed


@dataclass(frozen=True)
class Args:
    """What is tuned, and how much it may cost."""

    act: tuple[str, ...] = (TrainConfig.act,)
    """Activations, each tuned by itself with the same budget."""

    space: tuple[str, ...] = ()
    """What is tried: ranges KEY=LOW..HIGH, evenly or with :log by the logarithm, or values KEY=v1,v2."""

    trials: int = 20
    """Points of the first stage for each activation, all on one seed; the first is the settings as given."""

    keep: int = 4
    """How many points of each activation go on to the second stage."""

    repeats: int = 3
    """Fresh seeds of each point in the second stage, which alone decides."""

    tuning_seeds: tuple[str, ...] = ("1000-1999",)
    """Seeds of the trials, from 1000 on; reports refuse them beside lower ones."""

    metric: Metric = "last10"
    """Score of a trial."""

    sampler: Literal["sobol", "tpe"] = "sobol"
    """Where the points come from: a Sobol sequence, the same points for all activations, or after ten of
    these Optuna's TPE for each activation (pip install 'swimrl[tune]')."""

    settings: Annotated[Settings, tyro.conf.arg(name="")] = field(default_factory=Settings)

    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("runs/tuning")
    """Folder of the tuning."""

    jobs: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
    """Runs at once; as many as cores / threads and memory allow when not given."""

    executor: Literal["local", "ray"] = "local"
    """What does the runs: processes of this machine, or a Ray cluster that it belongs to (docs/sweeps.md)."""

    ray_address: Annotated[str | None, tyro.conf.arg(metavar="HOST:PORT")] = None
    """Head of the Ray cluster; what RAY_ADDRESS says, or this machine's cluster, when not given."""

    dry_run: bool = False
    """Print the budget and the points, and stop."""

    json: bool = False
    """Print JSON: with --dry-run the points, else the choice."""


def run(args: Args) -> None:
    """Tune, or show what would be done."""
    if args.jobs is not None and args.jobs < 1:
        raise InputError(f"--jobs is {args.jobs}; expected a whole number of at least 1")
    from swimrl.tuning.api import planned, tune

    base = copy_fields(replace(args.settings, act=TrainConfig.act), TrainConfig)
    if args.dry_run:
        plan = planned(
            base,
            act=args.act,
            space=args.space,
            trials=args.trials,
            keep=args.keep,
            repeats=args.repeats,
            tuning_seeds=args.tuning_seeds,
            metric=args.metric,
            sampler=args.sampler,
        )
        if args.json:
            print(json.dumps({"budget": plan.summary, "points": list(plan.points)}, indent=2))
            return
        print(plan.summary)
        for number, point in enumerate(plan.points):
            text = ", ".join(f"{key} {value}" for key, value in point.items()) or "the settings as given"
            print(f"{number:4}  {text}")
        return
    tuning = tune(
        base,
        act=args.act,
        space=args.space,
        trials=args.trials,
        keep=args.keep,
        repeats=args.repeats,
        tuning_seeds=args.tuning_seeds,
        metric=args.metric,
        sampler=args.sampler,
        out=args.out,
        executor=args.executor,
        jobs=args.jobs,
        ray_address=args.ray_address,
        progress=not args.json,
    )
    if args.json:
        print(json.dumps(tuning.settings, indent=2))
