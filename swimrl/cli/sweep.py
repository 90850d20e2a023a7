"""Train many runs: every environment with every activation, setting and seed.

The same command again does only what is left.

examples:
  swimrl sweep --env Hopper-v4 Ant-v4 --act swim relu "swim(k=1)" --seeds 0-9
  swimrl sweep --env Hopper-v4 --act swim --grid td3.lr=1e-4,1e-3 net=64x64,256
  swimrl sweep --config configs/studies/swim-paper.yaml --jobs 8
  swimrl sweep --config configs/studies/smoke.yaml --dry-run
  swimrl sweep --config configs/studies/smoke.yaml --executor ray
  swimrl sweep --config configs/studies/smoke.yaml --emit-slurm smoke.sh
  swimrl sweep --config configs/studies/swim-paper.yaml --watch
  swimrl sweep --config configs/studies/sequential-smoke.yaml --until-decided
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro
from rich.console import Console

from swimrl.errors import InputError
from swimrl.fields import copy_fields, home_expanded
from swimrl.sweeps.axes import parse_axis, parse_seeds
from swimrl.sweeps.config import SweepConfig
from swimrl.sweeps.study_file import read_study
from swimrl.training.config import TrainConfig

NotAnOption = (tyro.conf.Suppress, tyro.conf.Fixed)


@dataclass(frozen=True)
class Settings(TrainConfig):
    """Settings that all runs share. Environment, activation and seed have options of their own."""

    env: Annotated[str, *NotAnOption] = TrainConfig.env
    act: Annotated[str, *NotAnOption] = TrainConfig.act
    seed: Annotated[int, *NotAnOption] = TrainConfig.seed


@dataclass(frozen=True)
class Args:
    """Settings of the runs, and how to do them."""

    env: tuple[str, ...] = (TrainConfig.env,)
    """Environment ids; `swimrl envs` lists the MuJoCo tasks."""

    act: tuple[str, ...] = (TrainConfig.act,)
    """Activations, each an arm of the study; one with commas is one for each hidden layer."""

    seeds: tuple[str, ...] = ("0",)
    """Seeds, such as 0-9 or 0 3 7."""

    settings: Annotated[Settings, tyro.conf.arg(name="")] = field(default_factory=Settings)

    grid: tuple[str, ...] = ()
    """Further settings with several values each, as KEY=v1,v2, such as td3.lr=1e-4,3e-4. Commas in brackets
    do not separate; a value in square brackets is one list, such as act_critic=[relu,swim],tanh."""

    jobs: Annotated[int | None, tyro.conf.arg(metavar="INT")] = None
    """Runs at once; as many as cores / threads and memory allow when not given."""

    study: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Name of the study; that of --config's file, or default, when not given."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder of the study; runs/NAME when not given."""

    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """YAML file of a study, with base, axes, seeds and primary; the command line wins."""

    only: Annotated[str | None, tyro.conf.arg(metavar="N|N-M")] = None
    """Do one run alone, or some: their numbers, from 0, in the order of --dry-run."""

    until_decided: bool = False
    """Do one look after the other and stop arms whose comparison is decided; the study's primary declares the
    looks (docs/sweeps.md). With --dry-run or --emit-slurm: the runs of the next look."""

    executor: Literal["local", "ray"] = "local"
    """What does the runs: processes of this machine, or a Ray cluster that it belongs to (docs/sweeps.md)."""

    ray_address: Annotated[str | None, tyro.conf.arg(metavar="HOST:PORT")] = None
    """Head of the Ray cluster; what RAY_ADDRESS says, or this machine's cluster, when not given."""

    ray_mirror: bool = False
    """Let no node work in the study's folder itself: everything goes there through Ray."""

    emit_slurm: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the script of a Slurm array job that does the runs, and start nothing."""

    dry_run: bool = False
    """Print the runs, what is done of them and what they will cost, and stop."""

    json: bool = False
    """Print JSON; with --dry-run."""

    watch: bool = False
    """Watch the study while another process does it, and start nothing."""


def defaults(arguments: list[str]) -> Args:
    """Return the settings of the study in ``--config``, if it is given, to start from."""
    for position, argument in enumerate(arguments):
        flag, _, value = argument.partition("=")
        if flag == "--config":
            path = home_expanded(Path(value or arguments[position + 1]))
            study = read_study(path)
            _refuse_single_values(arguments, study, path)
            return Args(
                env=_texts(study.axes.get("env", [study.base.env])),
                act=_texts(study.axes.get("act", [study.base.act])),
                seeds=tuple(map(str, study.seeds)),
                settings=copy_fields(replace(study.base, act=TrainConfig.act), Settings),
            )
    return Args()


def _texts(values: Any) -> tuple[str, ...]:
    """Return values of an axis as the command line writes them; a list is one for each hidden layer."""
    return tuple(",".join(map(str, value)) if isinstance(value, list) else str(value) for value in values)


def _refuse_single_values(arguments: list[str], study: SweepConfig, path: Path) -> None:
    """Refuse ``--td3.lr 1e-3`` where td3.lr is an axis of the study, whose values would win."""
    for argument in arguments:
        flag = argument.partition("=")[0]
        key = flag.removeprefix("--").replace("-", "_")
        if flag.startswith("--") and key in study.axes and key not in ("env", "act"):
            raise InputError(f"{key} is an axis of {path}; give --grid {key}=VALUE instead of {flag}")


def run(args: Args) -> None:
    """Do the runs, or show what would be done or is being done."""
    _check(args)
    config = _config(args)
    if args.dry_run or args.watch or args.emit_slurm:
        _start_nothing(args, config)
        return
    from swimrl.sweeps.api import place_of, sweep

    name, folder = place_of(args.study, args.out, args.config)
    sweep(
        config,
        name=name,
        out=folder,
        only=args.only,
        until_decided=args.until_decided,
        executor=args.executor,
        jobs=args.jobs,
        ray_address=args.ray_address,
        ray_mirror=args.ray_mirror,
    )


def _check(args: Args) -> None:
    if args.jobs is not None and args.jobs < 1:
        raise InputError(f"--jobs is {args.jobs}; expected a whole number of at least 1")
    if args.json and not args.dry_run:
        raise InputError(
            "--json goes with --dry-run; `swimrl status DIR --json` shows a study that is going on"
        )
    instead = {"--dry-run": args.dry_run, "--watch": args.watch, "--emit-slurm": bool(args.emit_slurm)}
    given = [flag for flag, is_given in instead.items() if is_given]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} exclude each other; give one of them")
    if args.until_decided and args.only is not None:
        raise InputError("--until-decided does whole looks; leave out --only")
    if args.emit_slurm and args.only is not None:
        raise InputError("--emit-slurm writes tasks for all runs; leave out --only")
    if args.executor == "local" and (args.ray_address or args.ray_mirror):
        raise InputError("--ray-address and --ray-mirror need --executor ray; add it or leave them out")


def _config(args: Args) -> SweepConfig:
    """Return the study that the file and the command line describe together."""
    file = read_study(args.config) if args.config else SweepConfig()
    grid: dict[str, Any] = {}
    for text in args.grid:
        key, values = parse_axis(text)
        if (key := key.replace("-", "_")) in grid:
            raise InputError(f"--grid names {key} twice; give all its values at once")
        grid[key] = values
    # Environment and activation come first, so that they vary slowest, unless the file has another order.
    first = {key: file.axes.get(key, []) for key in dict.fromkeys(("env", "act", *file.axes))}
    axes = {**first, "env": list(args.env), "act": list(args.act), **grid}
    for key in {key for point in file.points for key in point} & {"env", "act"}:
        if axes.pop(key) != list(_texts(file.axes.get(key, [getattr(file.base, key)]))):
            raise InputError(f"the points of {args.config} set {key}; leave out --{key}")
    base = replace(copy_fields(args.settings, TrainConfig), env=args.env[0], act=args.act[0])
    return SweepConfig(base, axes, parse_seeds(args.seeds), file.points, file.primary, file.tuning)


def _next_look(config: SweepConfig, folder: Path) -> SweepConfig:
    """Return the study reduced to the runs of its next look, and say which look that is."""
    from swimrl.sweeps.display import print_line
    from swimrl.sweeps.looks import next_look
    from swimrl.training import build

    build.import_modules(config.base)
    look = next_look(config, folder)
    if look is None:
        raise InputError(
            f"every declared comparison of {folder} is decided, so no look is left; `swimrl report {folder}` "
            "has the verdict"
        )
    print_line(Console(file=sys.stderr, highlight=False), look.title)
    return look.config


def _start_nothing(args: Args, config: SweepConfig) -> None:
    from swimrl.sweeps.api import place_of, planned_runs
    from swimrl.sweeps.costs import costs_of, jobs_for
    from swimrl.sweeps.display import print_line
    from swimrl.sweeps.status import StatusReader
    from swimrl.sweeps.study_record import read_study_record

    name, folder = place_of(args.study, args.out, args.config)
    if args.until_decided:
        config = _next_look(config, folder)
    runs = planned_runs(config, folder, args.only)
    reader = StatusReader({run.directory.path: run.config.steps for run in runs})
    console = Console(file=sys.stdout, highlight=False)
    if args.emit_slurm:
        from swimrl.sweeps.executors.slurm import emit

        print_line(console, emit(config, runs, folder, args.emit_slurm, name=name))
    elif args.watch:
        from swimrl.cli.status import watch

        watch(console, reader)
    elif args.json:
        status = reader.read()
        print(
            json.dumps({"folder": str(folder), "counts": status.counts, "runs": status.to_list()}, indent=2)
        )
    else:
        from swimrl.sweeps.status_table import table_of

        status = reader.read()
        console.print(table_of(status))
        print_line(console, status.summary)
        jobs = jobs_for(runs, args.jobs) if args.executor == "local" else args.jobs
        if costs := costs_of(runs, status, read_study_record(folder), jobs):
            print_line(console, costs)
