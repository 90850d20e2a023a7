"""Train many runs: every environment with every activation, setting and seed.

The same command again does only what is left.

examples:
  swimrl sweep --env Hopper-v4 Ant-v4 --act swim relu "swim(k=1)" --seeds 0-9
  swimrl sweep --env Hopper-v4 --act swim --grid td3.lr=1e-4,1e-3 net=64x64,256
  swimrl sweep --config configs/studies/swim-paper.yaml --jobs 8
  swimrl sweep --config configs/studies/smoke.yaml --dry-run
  swimrl sweep --config configs/studies/swim-paper.yaml --watch
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from swimrl.errors import InputError, TrainingError
from swimrl.sweeps.study_file import StudyFile, read_study
from swimrl.training.config import TrainConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from swimrl.sweeps.local import Outcome
    from swimrl.sweeps.plan import PlannedRun
    from swimrl.sweeps.study import StudyRecord

_STUDIES = Path("runs")


@dataclass(frozen=True)
class Args(TrainConfig):
    """Settings of the runs, and how to do them."""

    env: tuple[str, ...] = ("HalfCheetah-v4",)  # type: ignore[assignment]
    """Environment ids; `swimrl envs` lists the MuJoCo tasks."""

    act: tuple[str, ...] = ("swim",)  # type: ignore[assignment]
    """Activations, each an arm of the study; one with commas is one for each hidden layer."""

    seed: Annotated[tuple[str, ...], tyro.conf.arg(name="seeds")] = ("0",)  # type: ignore[assignment]
    """Seeds, such as 0-9 or 0 3 7."""

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

    dry_run: bool = False
    """Print the runs, what is done of them and what they will cost, and stop."""

    json: bool = False
    """Print JSON; with --dry-run."""

    watch: bool = False
    """Watch the study while another process does it, and start nothing."""

    def __post_init__(self) -> None:
        """Leave the checks to the runs' own settings, which are made of these."""


def defaults(arguments: list[str]) -> Args:
    """Return the settings of the study in ``--config``, if it is given, to start from."""
    for position, argument in enumerate(arguments):
        flag, _, value = argument.partition("=")
        if flag == "--config":
            path = Path(value or arguments[position + 1])
            study = read_study(path)
            _refuse_single_values(arguments, study, path)
            fields: dict[str, Any] = _fields(study.base)
            fields |= {"env": (study.base.env,), "act": (study.base.act,), "seed": study.seeds}
            return Args(**fields)
    return Args()


def _refuse_single_values(arguments: list[str], study: StudyFile, path: Path) -> None:
    """Refuse ``--td3.lr 1e-3`` where td3.lr is an axis of the study, which would go on to win."""
    for argument in arguments:
        flag = argument.partition("=")[0]
        key = flag.removeprefix("--").replace("-", "_")
        if flag.startswith("--") and key in study.axes and key not in ("env", "act"):
            raise InputError(f"{key} is an axis of {path}; give --grid {key}=VALUE instead of {flag}")


def run(args: Args) -> None:
    """Do the runs, or show what would be done or is being done."""
    if args.jobs is not None and args.jobs < 1:
        raise InputError(f"--jobs is {args.jobs}; expected a whole number of at least 1")
    if args.json and not args.dry_run:
        raise InputError("--json goes with --dry-run; `swimrl status DIR --json` tells of a study that runs")
    if args.dry_run and args.watch:
        raise InputError("--dry-run and --watch exclude each other; give one of them")
    study = read_study(args.config) if args.config else StudyFile()
    name = args.study or (args.out and args.out.name) or (args.config and args.config.stem) or "default"
    folder = args.out or _STUDIES / name
    runs = _expand(args, study, folder)

    from rich.console import Console

    console = Console(highlight=False)
    if args.dry_run:
        _show(args, console, runs, folder)
    elif args.watch:
        from swimrl.cli.status import watch

        watch(console, {run.directory.path: run.config.steps for run in runs})
    else:
        _sweep(args, console, runs, folder, name, study.primary)


def _expand(args: Args, study: StudyFile, folder: Path) -> tuple[PlannedRun, ...]:
    from swimrl.sweeps.plan import expand, parse_axis, parse_seeds
    from swimrl.training import build

    fields = _fields(args)
    base = TrainConfig(**{**fields, "env": args.env[0], "act": args.act[0], "seed": 0})
    build.import_modules(base)
    axes = {"env": list(args.env), "act": list(args.act), **study.axes}
    # A study's own environments and activations count unless the command line names others.
    for key, own in (("env", study.base.env), ("act", study.base.act)):
        if getattr(args, key) != (own,):
            axes[key] = list(getattr(args, key))
    grid: dict[str, Any] = {}
    for text in args.grid:
        key, values = parse_axis(text)
        if (key := key.replace("-", "_")) in grid:
            raise InputError(f"--grid names {key} twice; give all its values at once")
        grid[key] = values
    return expand(base, {**axes, **grid}, parse_seeds(args.seed), folder)


def _fields(config: TrainConfig) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(TrainConfig)}


def _show(args: Args, console: Console, runs: tuple[PlannedRun, ...], folder: Path) -> None:
    from swimrl.sweeps.status import StudyStatus, count
    from swimrl.sweeps.study import read_study_record
    from swimrl.sweeps.table import summary_of, table_of

    statuses = StudyStatus({run.directory.path: run.config.steps for run in runs}).look()
    if args.json:
        content = {
            "folder": str(folder),
            "counts": count(statuses),
            "runs": [status.to_mapping() for status in statuses],
        }
        print(json.dumps(content, indent=2))
        return
    console.print(table_of(statuses))
    for line in (summary_of(statuses), *_costs(runs, read_study_record(folder), _jobs(args, runs), folder)):
        _say(console, line)


def _sweep(
    args: Args,
    console: Console,
    runs: tuple[PlannedRun, ...],
    folder: Path,
    name: str,
    primary: Mapping[str, Any] | None,
) -> None:
    import os

    from swimrl.sweeps.local import LocalSweep
    from swimrl.sweeps.prepare import prepare
    from swimrl.sweeps.status import StudyStatus
    from swimrl.sweeps.table import display_for
    from swimrl.timing.host import usable_cores

    jobs = _jobs(args, runs)
    record = prepare(folder, runs, name=name, primary=primary)
    _say(console, f"study {record.study.name} in {folder}: {len(runs)} runs, {jobs} at once")
    for line in _costs(runs, record, jobs, folder):
        _say(console, line)
    cores = (
        sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(usable_cores()))
    )
    status = StudyStatus({run.directory.path: run.config.steps for run in runs})
    with display_for(console, status) as display:
        outcome = LocalSweep(runs, record.study, folder, jobs=jobs, cores=cores, display=display).go()
    _conclude(console, outcome, folder)


def _conclude(console: Console, outcome: Outcome, folder: Path) -> None:
    from swimrl.sweeps.local import log_file

    for path in outcome.elsewhere:
        _say(console, f"{path}: another process is at work on it")
    for path, reason in outcome.failed.items():
        _say(console, f"{path}: {reason}")
        _say(console, f"  see {log_file(folder, path)}")
    if outcome.was_interrupted:
        _say(console, "stopped; the same command goes on")
        raise KeyboardInterrupt
    if outcome.failed:
        raise TrainingError(
            f"{len(outcome.failed)} runs failed, each twice; the reasons are above; "
            "the same command tries them again"
        )


def _jobs(args: Args, runs: tuple[PlannedRun, ...]) -> int:
    """Return how many runs to do at once; refuse more than memory allows."""
    from swimrl.sweeps.estimate import available_memory, cost_of, jobs_that_fit
    from swimrl.timing.host import usable_cores

    threads = max(run.config.threads for run in runs)
    memory = [cost_of(run.config).memory_bytes for run in runs]
    available = available_memory()
    fit = jobs_that_fit(memory, available)
    wanted = min(args.jobs or max(usable_cores() // threads, 1), len(runs))
    if fit == 0 or (args.jobs and wanted > fit):
        need = sum(sorted(memory, reverse=True)[:wanted])
        next_step = f"--jobs {fit} fits" if fit else "give a smaller --td3.buffer-size"
        raise InputError(
            f"--jobs {wanted} needs about {need / 1e9:.1f} GB of memory, {available / 1e9:.1f} GB are free; "
            f"{next_step}"
        )
    return min(wanted, fit)


def _costs(
    runs: tuple[PlannedRun, ...], record: StudyRecord | None, jobs: int, folder: Path
) -> tuple[str, ...]:
    """Return what the runs that are not done will cost, in a line."""
    from swimrl.sweeps.estimate import cost_of, seconds_of
    from swimrl.sweeps.local import is_done
    from swimrl.sweeps.probe import kind_of
    from swimrl.sweeps.table import duration

    left = [run for run in runs if not is_done(run)]
    if not left:
        return ()
    costs = [cost_of(run.config) for run in left]
    memory = sum(sorted((cost.memory_bytes for cost in costs), reverse=True)[:jobs])
    text = f"about {memory / 1e9:.1f} GB of memory, {sum(c.disk_bytes for c in costs) / 1e9:.1f} GB of disk"
    speeds = record.speeds if record else {}
    kinds = [kind_of(run.config) for run in left]
    if all(kind in speeds for kind in kinds):
        seconds = [seconds_of(run.config, speeds[kind]) for run, kind in zip(left, kinds, strict=True)]
        text += f", {duration(max(sum(seconds) / jobs, max(seconds)))}"
    return (f"what is left takes {text}",)


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)
