"""`sweep`: the function that does a study, called from Python and by the command line."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from swimrl.errors import InputError, TrainingError
from swimrl.sweeps.axes import parse_numbers, parse_seeds
from swimrl.sweeps.config import PlannedRun, SweepConfig, Value
from swimrl.sweeps.costs import costs_of, jobs_for
from swimrl.sweeps.display import display_for, print_line
from swimrl.sweeps.executors.base import Executor, Outcome, do_runs, log_file
from swimrl.sweeps.prepare import prepare
from swimrl.sweeps.status import StatusReader
from swimrl.sweeps.study import Study
from swimrl.sweeps.study_file import read_study
from swimrl.sweeps.study_record import SharedChoices
from swimrl.training import build

_STUDIES = Path("runs")


def sweep(
    config: SweepConfig | str | os.PathLike[str] | None = None,
    *,
    env: str | Sequence[str] | None = None,
    act: str | Sequence[Value] | None = None,
    seeds: int | str | Iterable[int] | None = None,
    axes: Mapping[str, Sequence[Value]] | None = None,
    out: str | os.PathLike[str] | None = None,
    name: str | None = None,
    only: int | str | None = None,
    until_decided: bool = False,
    executor: Literal["local", "ray"] = "local",
    jobs: int | None = None,
    ray_address: str | None = None,
    ray_mirror: bool = False,
    progress: bool = True,
    **settings: Any,
) -> Study:
    """Train many runs: every environment with every activation, setting and seed.

    The same call again does only what is left: finished runs stay, others go on from their checkpoint. Each
    run is a process of its own. Such a process knows nothing of the calling script or notebook, so
    environments and activations of your own must be in a module that the setting ``imports`` names.

    Args:
        config: A `SweepConfig`, or the path of a study's YAML file. What follows wins over it.
        env: Environment id, or several.
        act: Activation, or several. A list within the list is one for each hidden layer.
        seeds: A seed, several, or text such as ``"0-9"``.
        axes: Further settings with several values each, such as ``{"td3.lr": [1e-4, 3e-4]}``.
        out: The study's folder; ``runs/NAME`` when not given.
        name: Name of the study; that of ``out``, else of the YAML file, else ``default`` when not given.
        only: Do one run alone, or some: its number, from 0, in the order of the study, or text such as
            ``"4-7"``.
        until_decided: Do one look after the other, and stop arms whose comparison is decided. The study must
            declare looks (``primary: sequential:``).
        executor: Who does the runs: processes of this machine, or a Ray cluster to which it belongs.
        jobs: Runs at once; as many as cores and memory allow when not given.
        ray_address: Head of the Ray cluster, as ``host:port``; found by Ray when not given.
        ray_mirror: Let no node of the cluster work in the study's folder itself; all files go through Ray.
        progress: Whether to show the progress: a table in a terminal and in a notebook, elsewhere lines.
        **settings: Settings that all runs share, such as ``steps=100_000``, ``net="64x64"`` or
            ``td3={"lr": 1e-3}``.

    Returns:
        The study, whose runs are all done or were stopped by a callback of their own.

    Raises:
        InputError: If a setting is wrong or the runs need more memory than there is.
        TrainingError: If runs failed twice; the others are done. The same call tries again.
        KeyboardInterrupt: If it was interrupted (Ctrl-C, SIGTERM). The same call goes on.

    Example:
        >>> import swimrl, tempfile
        >>> study = swimrl.sweep(
        ...     env="Pendulum-v1", act=["swim", "relu"], seeds=[0], steps=20, net="8x8", eval_every=20,
        ...     eval_episodes=1, final_episodes=0, out=tempfile.mkdtemp(), progress=False,
        ... )
        >>> print(study.status().summary)
        2 runs: 2 done
    """
    study_config = given_config(config, env=env, act=act, seeds=seeds, axes=axes, settings=settings)
    if executor == "ray":
        from swimrl.sweeps.executors.ray_connection import check_cluster

        # Before everything else, so that a missing cluster is reported at once.
        ray_address = check_cluster(ray_address)
    elif executor != "local":
        raise InputError(f"executor is {executor!r}; expected one of local, ray")
    file = None if config is None or isinstance(config, SweepConfig) else Path(config)
    name, folder = place_of(name, None if out is None else Path(out), file)
    # With a file of its own, because the Ray executor sends sys.stdout to a log while it works.
    console = Console(file=sys.stdout, quiet=not progress, highlight=False)

    def do(some: SweepConfig, only: int | str | None = None) -> None:
        runs = planned_runs(some, folder, only)
        _do(console, runs, folder, name, some, executor, jobs, ray_address, ray_mirror=ray_mirror)

    if not until_decided:
        do(study_config, only)
    elif only is not None:
        raise InputError("--until-decided does whole looks; leave out --only")
    else:
        _do_looks(console, study_config, folder, do)
    return Study(folder)


def _do_looks(console: Console, config: SweepConfig, folder: Path, do: Callable[[SweepConfig], None]) -> None:
    """Do the runs of one look after the other until every declared comparison is decided."""
    from swimrl.sweeps import looks

    build.import_modules(config.base)
    look = looks.next_look(config, folder)
    while look is not None:
        print_line(console, look.title)
        do(look.config)
        after = looks.next_look(config, folder)
        looks.check_taken(look, after, folder)
        for line in looks.lines_of(folder, look.number):
            print_line(console, line)
        look = after
    print_line(console, f"every declared comparison is decided; swimrl report {folder} has the verdict")


def _do(
    console: Console,
    runs: Sequence[PlannedRun],
    folder: Path,
    name: str,
    config: SweepConfig,
    executor: str,
    jobs: int | None,
    ray_address: str | None,
    *,
    ray_mirror: bool,
) -> None:
    """Do what is left of some runs of a study."""
    jobs = jobs_for(runs, jobs) if executor == "local" else jobs
    record = prepare(folder, runs, name=name, primary=config.primary, tuning=config.tuning)
    at_once = f", {jobs} at once" if jobs else ""
    title = f"study {record.study.name} in {folder}: {len(runs)} run{'s' * (len(runs) != 1)}{at_once}"
    print_line(console, title)
    reader = StatusReader({run.directory.path: run.config.steps for run in runs})
    if costs := costs_of(runs, reader.read(), record, jobs):
        print_line(console, costs)
    with (
        display_for(console, reader) as display,
        _executor(executor, record.study, folder, jobs, ray_address, may_share=not ray_mirror) as doing,
    ):
        outcome = do_runs(doing, runs, display)
    _conclude(console, outcome, folder)


def given_config(
    config: SweepConfig | str | os.PathLike[str] | None,
    *,
    env: str | Sequence[str] | None,
    act: str | Sequence[Value] | None,
    seeds: int | str | Iterable[int] | None,
    axes: Mapping[str, Sequence[Value]] | None,
    settings: Mapping[str, Any],
) -> SweepConfig:
    """Return the study that the arguments of `sweep` describe.

    Raises:
        ConfigError: If a value is wrong; the message names it.
    """
    if config is None:
        study = SweepConfig()
    else:
        study = config if isinstance(config, SweepConfig) else read_study(Path(config))
    values = {key: [one] if isinstance(one, str) else one for key, one in (("env", env), ("act", act)) if one}
    study = study.with_axes({**values, **(axes or {})}).with_settings(settings)
    if seeds is None:
        return study
    texts = [str(seeds)] if isinstance(seeds, int | str) else map(str, seeds)
    return replace(study, seeds=parse_seeds(texts))


def place_of(name: str | None, out: Path | None, file: Path | None) -> tuple[str, Path]:
    """Return the name and the folder of a study.

    Args:
        name: The name that was given.
        out: The folder that was given.
        file: The study's YAML file.
    """
    chosen = name or (out and out.name) or (file and file.stem) or "default"
    return chosen, out or _STUDIES / chosen


def planned_runs(config: SweepConfig, folder: Path, only: int | str | None = None) -> tuple[PlannedRun, ...]:
    """Return the runs of a study, or some of them.

    Args:
        config: The study.
        folder: Its folder.
        only: A number, from 0, or the first and the last, such as ``"4-7"``.

    Raises:
        SwimrlError: If a setting is wrong, or there is no run of that number.
    """
    build.import_modules(config.base)
    runs = config.runs(folder)
    if only is None:
        return runs
    return tuple(runs[number] for number in parse_numbers(str(only), len(runs)))


def _executor(
    kind: str,
    study: SharedChoices,
    folder: Path,
    jobs: int | None,
    ray_address: str | None,
    *,
    may_share: bool,
) -> AbstractContextManager[Executor]:
    if kind == "ray":
        from swimrl.sweeps.executors.ray_cluster import ray_executor

        assert ray_address
        return ray_executor(study, folder, address=ray_address, jobs=jobs, may_share=may_share)
    from swimrl.sweeps.executors.local import LocalExecutor

    assert jobs
    return contextlib.nullcontext(LocalExecutor(study, folder, jobs=jobs))


def _conclude(console: Console, outcome: Outcome, folder: Path) -> None:
    for path, reason in outcome.failed.items():
        print_line(console, f"{path}: {reason}")
        print_line(console, f"  see {log_file(folder, path)}")
    if outcome.was_interrupted:
        print_line(console, "stopped; the same command goes on")
        raise KeyboardInterrupt
    if outcome.failed:
        number = len(outcome.failed)
        raise TrainingError(
            f"{number} run{'s' * (number != 1)} failed after a second try; the same command tries again"
        )
