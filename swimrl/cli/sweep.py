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
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from swimrl.errors import InputError, TrainingError
from swimrl.fields import Count
from swimrl.sweeps.study_file import StudyFile, read_study, text_of
from swimrl.training.config import TrainConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from swimrl.sweeps.executors.base import Display, Outcome
    from swimrl.sweeps.plan import PlannedRun
    from swimrl.sweeps.status import RunStatus
    from swimrl.sweeps.study_record import Study, StudyRecord

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

    only: Annotated[Count | None, tyro.conf.arg(metavar="INT")] = None
    """Do one run alone: its number, from 0, in the order of --dry-run."""

    executor: Literal["local", "ray"] = "local"
    """Who does the runs: processes of this machine, or a Ray cluster to which it belongs (docs/sweeps.md)."""

    ray_address: Annotated[str | None, tyro.conf.arg(metavar="HOST:PORT")] = None
    """Head of the Ray cluster; what RAY_ADDRESS says, or this machine's cluster, when not given."""

    ray_mirror: bool = False
    """Let no node work in the study's folder itself: everything goes there through Ray."""

    emit_slurm: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the script of a Slurm array job with one task for each run, and start nothing."""

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
            fields |= {key: _texts(study.axes.get(key, [fields[key]])) for key in ("env", "act")}
            return Args(**{**fields, "seed": study.seeds})
    return Args()


def _texts(values: list[Any]) -> tuple[str, ...]:
    """Return values of an axis as the command line writes them; a list is one for each hidden layer."""
    return tuple(",".join(map(str, value)) if isinstance(value, list) else str(value) for value in values)


def _refuse_single_values(arguments: list[str], study: StudyFile, path: Path) -> None:
    """Refuse ``--td3.lr 1e-3`` where td3.lr is an axis of the study, which would go on to win."""
    for argument in arguments:
        flag = argument.partition("=")[0]
        key = flag.removeprefix("--").replace("-", "_")
        if flag.startswith("--") and key in study.axes and key not in ("env", "act"):
            raise InputError(f"{key} is an axis of {path}; give --grid {key}=VALUE instead of {flag}")


def run(args: Args) -> None:
    """Do the runs, or show what would be done or is being done."""
    _check(args)
    if args.executor == "ray" and _does_runs(args):
        from swimrl.sweeps.executors.ray_connection import check_cluster

        # First of all, so that a missing cluster is told at once.
        args = dataclasses.replace(args, ray_address=check_cluster(args.ray_address))
    study = _merged(args, read_study(args.config) if args.config else StudyFile())
    name = args.study or (args.out and args.out.name) or (args.config and args.config.stem) or "default"
    folder = args.out or _STUDIES / name
    runs = _expand(args, study, folder)

    from rich.console import Console

    console = Console(file=sys.stdout, highlight=False)
    if args.dry_run:
        _show(args, console, runs, folder)
    elif args.watch:
        from swimrl.cli.status import watch

        watch(console, {run.directory.path: run.config.steps for run in runs})
    elif args.emit_slurm:
        _emit_slurm(args.emit_slurm, console, study, runs, folder, name)
    else:
        _sweep(args, console, runs, folder, name, study.primary)


def _does_runs(args: Args) -> bool:
    return not (args.dry_run or args.watch or args.emit_slurm)


def _check(args: Args) -> None:
    if args.jobs is not None and args.jobs < 1:
        raise InputError(f"--jobs is {args.jobs}; expected a whole number of at least 1")
    if args.json and not args.dry_run:
        raise InputError("--json goes with --dry-run; `swimrl status DIR --json` tells of a study that runs")
    instead = {"--dry-run": args.dry_run, "--watch": args.watch, "--emit-slurm": bool(args.emit_slurm)}
    given = [flag for flag, is_given in instead.items() if is_given]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} exclude each other; give one of them")
    if args.emit_slurm and args.only is not None:
        raise InputError("--emit-slurm writes a task for each run; leave out --only")
    if args.executor == "local" and (args.ray_address or args.ray_mirror):
        raise InputError("--ray-address and --ray-mirror need --executor ray; add it or leave them out")


def _merged(args: Args, study: StudyFile) -> StudyFile:
    """Return what the study's file and the command line say together."""
    from swimrl.sweeps.plan import parse_axis

    fields = _fields(args)
    base = TrainConfig(**{**fields, "env": args.env[0], "act": args.act[0], "seed": 0})
    axes = {**study.axes, "env": list(args.env), "act": list(args.act)}
    axes = {key: axes[key] for key in dict.fromkeys(("env", "act", *study.axes))}
    grid: dict[str, Any] = {}
    for text in args.grid:
        key, values = parse_axis(text)
        if (key := key.replace("-", "_")) in grid:
            raise InputError(f"--grid names {key} twice; give all its values at once")
        grid[key] = values
    return StudyFile(base, {**axes, **grid}, args.seed, study.primary)


def _expand(args: Args, study: StudyFile, folder: Path) -> tuple[PlannedRun, ...]:
    from swimrl.sweeps.plan import expand, parse_seeds
    from swimrl.training import build

    build.import_modules(study.base)
    runs = expand(study.base, study.axes, parse_seeds(study.seeds), folder)
    if args.only is None:
        return runs
    if not 0 <= args.only < len(runs):
        raise InputError(f"--only is {args.only}, but the study has runs 0 to {len(runs) - 1}")
    return runs[args.only : args.only + 1]


def _fields(config: TrainConfig) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(TrainConfig)}


def _show(args: Args, console: Console, runs: tuple[PlannedRun, ...], folder: Path) -> None:
    from swimrl.sweeps.display import summary_of, table_of
    from swimrl.sweeps.status import StudyStatus, count
    from swimrl.sweeps.study_record import read_study_record

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
    jobs = _jobs(args, runs) if args.executor == "local" else args.jobs
    for line in (summary_of(statuses), *_costs(runs, statuses, read_study_record(folder), jobs)):
        _say(console, line)


def _sweep(
    args: Args,
    console: Console,
    runs: tuple[PlannedRun, ...],
    folder: Path,
    name: str,
    primary: Mapping[str, Any] | None,
) -> None:
    from swimrl.sweeps.display import display_for
    from swimrl.sweeps.prepare import prepare
    from swimrl.sweeps.status import StudyStatus

    jobs = _jobs(args, runs) if args.executor == "local" else args.jobs
    record = prepare(folder, runs, name=name, primary=primary)
    at_once = f", {jobs} at once" if jobs else ""
    _say(console, f"study {record.study.name} in {folder}: {len(runs)} run{'s' * (len(runs) != 1)}{at_once}")
    status = StudyStatus({run.directory.path: run.config.steps for run in runs})
    for line in _costs(runs, status.look(), record, jobs):
        _say(console, line)
    with display_for(console, status) as display:
        outcome = _execute(args, runs, record.study, folder, jobs, display)
    _conclude(console, outcome, folder)


def _execute(
    args: Args,
    runs: tuple[PlannedRun, ...],
    study: Study,
    folder: Path,
    jobs: int | None,
    display: Display,
) -> Outcome:
    if args.executor == "ray":
        from swimrl.sweeps.executors import ray_cluster as ray

        assert args.ray_address
        may_share = not args.ray_mirror
        return ray.execute(
            runs, study, folder, address=args.ray_address, jobs=jobs, may_share=may_share, display=display
        )
    from swimrl.host import usable_cores
    from swimrl.sweeps.executors.local import LocalSweep

    assert jobs
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = sorted(os.sched_getaffinity(0)) if has_affinity else list(range(usable_cores()))
    return LocalSweep(runs, study, folder, jobs=jobs, cores=cores, display=display).go()


def _emit_slurm(
    file: Path,
    console: Console,
    study: StudyFile,
    runs: tuple[PlannedRun, ...],
    folder: Path,
    name: str,
) -> None:
    from swimrl.runs.directory import writing
    from swimrl.sweeps.estimate import cost_of, seconds_of
    from swimrl.sweeps.executors.base import LOG_FOLDER
    from swimrl.sweeps.executors.slurm import ArrayJob, script
    from swimrl.sweeps.prepare import prepare
    from swimrl.sweeps.probe import kind_of

    record = prepare(folder, runs, name=name, primary=study.primary)
    log_folder = folder.resolve() / LOG_FOLDER
    text = text_of(study)
    # A copy of its own, so that a later change of --config changes no task.
    tasks = folder.resolve() / f"slurm-{hashlib.sha256(text.encode()).hexdigest()[:8]}.yaml"
    own = ("--config", str(tasks), "--study", name, "--out", str(folder.resolve()))
    job = ArrayJob(
        name=name,
        runs=len(runs),
        command=(sys.executable, "-m", "swimrl", "sweep", *own),
        directory=Path.cwd(),
        log_folder=log_folder,
        threads=max(run.config.threads for run in runs),
        memory_bytes=max(cost_of(run.config).memory_bytes for run in runs),
        seconds=max(seconds_of(run.config, record.speeds[kind_of(run.config)]) for run in runs),
    )
    with writing(file):
        tasks.write_text(text, encoding="utf-8")
        log_folder.mkdir(exist_ok=True)  # Slurm makes no folders
        file.write_text(script(job, file), encoding="utf-8")
        file.chmod(0o755)
    _say(console, f"{len(runs)} tasks in {file}; submit them with: sbatch {file}")


def _conclude(console: Console, outcome: Outcome, folder: Path) -> None:
    from swimrl.sweeps.executors.base import log_file

    for path, reason in outcome.failed.items():
        _say(console, f"{path}: {reason}")
        _say(console, f"  see {log_file(folder, path)}")
    if outcome.was_interrupted:
        _say(console, "stopped; the same command goes on")
        raise KeyboardInterrupt
    if outcome.failed:
        number = len(outcome.failed)
        raise TrainingError(
            f"{number} run{'s' * (number != 1)} failed after a second try; the same command tries again"
        )


def _jobs(args: Args, runs: tuple[PlannedRun, ...]) -> int:
    """Return how many runs to do at once on this machine; refuse more than memory allows."""
    from swimrl.host import usable_cores
    from swimrl.sweeps.estimate import available_memory, cost_of, jobs_that_fit
    from swimrl.sweeps.executors.base import is_done

    left = [run for run in runs if not is_done(run)]
    if not left:
        return 1
    threads = max(run.config.threads for run in left)
    memory = [cost_of(run.config).memory_bytes for run in left]
    available = available_memory()
    fit = jobs_that_fit(memory, available)
    wanted = min(args.jobs or max(usable_cores() // threads, 1), len(left))
    if fit == 0 or (args.jobs and wanted > fit):
        need = sum(sorted(memory, reverse=True)[:wanted])
        next_step = f"--jobs {fit} fits" if fit else "give a smaller --td3.buffer-size"
        raise InputError(
            f"--jobs {wanted} needs about {need / 1e9:.1f} GB of memory, {available / 1e9:.1f} GB are free; "
            f"{next_step}"
        )
    return min(wanted, fit)


def _costs(
    runs: tuple[PlannedRun, ...], statuses: list[RunStatus], record: StudyRecord | None, jobs: int | None
) -> list[str]:
    """Return what the runs that are not done will cost, in a line; none if all are.

    Args:
        runs: All.
        statuses: How far each is.
        record: What was found out about their speed, if anything was.
        jobs: How many at once; None where that is not known.
    """
    from swimrl.sweeps.display import duration
    from swimrl.sweeps.estimate import cost_of, seconds_of
    from swimrl.sweeps.probe import kind_of

    done = {status.path: status.step for status in statuses if status.state != "done"}
    left = [run for run in runs if run.directory.path in done]
    if not left:
        return []
    costs = [cost_of(run.config) for run in left]
    memory = sum(sorted((cost.memory_bytes for cost in costs), reverse=True)[: jobs or 1])
    text = f"about {memory / 1e9:.1f} GB of memory{'' if jobs else ' each'}, "
    text += f"{sum(cost.disk_bytes for cost in costs) / 1e9:.1f} GB of disk"
    speeds = record.speeds if record else {}
    kinds = [kind_of(run.config) for run in left]
    if all(kind in speeds for kind in kinds):
        seconds = [
            seconds_of(run.config, speeds[kind], done[run.directory.path])
            for run, kind in zip(left, kinds, strict=True)
        ]
        at_once = f", {duration(max(sum(seconds) / jobs, max(seconds)))}" if jobs else ""
        text += at_once or f", {duration(sum(seconds))} one after another"
    return [f"what is left takes {text}"]


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, soft_wrap=True)
