"""Runs on the machines of a Ray cluster.

Each run is a Ray task in a process of its own. A node that sees the study's folder, on shared storage, works
in it. Any other node works in a temporary folder: it fetches the files of the run and sends back what changes
(`swimrl.sweeps.executors.mirror`). Either way the study's folder holds the last checkpoint, and a run whose
node is lost goes on from there on another.
"""

from __future__ import annotations

import contextlib
import logging
import tempfile
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from swimrl.errors import RunExistsError, SwimrlError, one_line
from swimrl.runs.directory import Episode, RunDirectory
from swimrl.runs.record import RunRecord
from swimrl.sweeps.config import PlannedRun
from swimrl.sweeps.estimate import cost_of
from swimrl.sweeps.executors.base import LOG_FOLDER, Ended, Ending, log_file
from swimrl.sweeps.executors.mirror import Mirror, StudyStore
from swimrl.sweeps.job import run_job
from swimrl.sweeps.study_record import SharedChoices
from swimrl.training.config import TrainConfig
from swimrl.training.progress import SilentReporter

_STOP_S = 10.0
_POLL_S = 0.5
_PUSH_PERIOD_S = 1.0


@dataclass(frozen=True)
class Task:
    """What a node needs to know of a run."""

    config: TrainConfig
    folder: Path
    name: str
    """The run's directory below the folder."""
    study: SharedChoices
    marker: Path | None
    """A file that a node sees if, and only if, it sees the study's folder; None if no node may work in it."""
    worker: str = field(default_factory=lambda: uuid.uuid4().hex)
    """A name that no other attempt has."""


@dataclass(frozen=True)
class TaskResult:
    """How an attempt ended, as plain data: not every exception survives the way back as an object."""

    ending: Ending
    reason: str = ""
    trace: str = ""
    """The traceback of an error that swimrl did not expect."""


@contextlib.contextmanager
def ray_executor(
    study: SharedChoices, folder: Path, *, address: str, jobs: int | None, may_share: bool
) -> Iterator[RayExecutor]:
    """Connect to a Ray cluster to which this machine belongs, and yield its executor.

    Args:
        study: What all runs of the study share.
        folder: The study's folder.
        address: What `swimrl.sweeps.executors.ray_connection.check_cluster` returned.
        jobs: How many runs at once; as many as the cluster has processors for when None.
        may_share: Whether nodes that see the folder work in it; if not, all files go through Ray.
    """
    import ray

    log = folder / LOG_FOLDER / "ray.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    # Ray prints pages about a lost node. The display has a file of its own, so they go to the log.
    with log.open("a", encoding="utf-8") as file, contextlib.redirect_stdout(file):
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        try:
            with _marker_file(folder) if may_share else contextlib.nullcontext() as marker:
                yield RayExecutor(study, folder.resolve(), marker, jobs)
        finally:
            ray.shutdown()


@contextlib.contextmanager
def _marker_file(folder: Path) -> Iterator[Path]:
    """Leave a file in the folder so that a node can check that it sees the same folder."""
    marker = folder.resolve() / f".ray-{uuid.uuid4().hex}"
    marker.touch()
    try:
        yield marker
    finally:
        marker.unlink(missing_ok=True)


class RayExecutor:
    """Does runs as Ray tasks; Ray must be connected.

    Args:
        study: What all runs of the study share.
        folder: The study's folder, a whole path.
        marker: See `Task`.
        jobs: How many runs at once; None to let Ray queue all of them.
    """

    def __init__(self, study: SharedChoices, folder: Path, marker: Path | None, jobs: int | None) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._folder, self._study, self._marker, self._jobs = folder, study, marker, jobs
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        store: Any = ray.remote(StudyStore).options(num_cpus=0, scheduling_strategy=here)
        self._store: Any = store.remote(folder)
        # One call for each process, so that no run inherits anything from another. Ray's own retries are off.
        self._do_run = ray.remote(max_calls=1, max_retries=0, scheduling_strategy="SPREAD")(do_run)
        self._tasks: dict[Any, PlannedRun] = {}
        self._has_warned = False

    @property
    def has_room(self) -> bool:
        """Whether another task can be submitted."""
        return self._jobs is None or len(self._tasks) < self._jobs

    def start(self, run: PlannedRun) -> str:
        """Submit the run; Ray starts it when a node is free."""
        task = Task(run.config, self._folder, self._name(run), self._study, self._marker)
        self._tasks[self._do_run.options(**_needs(run.config)).remote(task, self._store)] = run
        return self._why_no_node_fits(run)

    def poll(self) -> list[Ended]:
        """Return the run whose task ended, if one did."""
        import ray

        ended, _ = ray.wait(list(self._tasks), num_returns=1, timeout=_POLL_S)
        return [self._ended(self._tasks.pop(task), _result(task)) for task in ended]

    def stop(self) -> None:
        """Stop all tasks at a checkpoint; leave those behind that take too long."""
        import ray

        for task in reversed(self._tasks):  # the other way round, each stopped task would let the next start
            ray.cancel(task)
        if self._tasks:
            ray.wait(list(self._tasks), num_returns=len(self._tasks), timeout=_STOP_S)

    def _ended(self, run: PlannedRun, result: TaskResult) -> Ended:
        if result.ending != "done":
            import ray

            ray.get(self._store.give_up.remote(self._name(run)))
            log = log_file(self._folder, run.directory.path)
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("a", encoding="utf-8") as file:
                file.write(f"{result.trace}{result.reason}\n")
        return Ended(run, result.ending, result.reason)

    def _name(self, run: PlannedRun) -> str:
        return str(run.directory.path.resolve().relative_to(self._folder))

    def _why_no_node_fits(self, run: PlannedRun) -> str:
        """Return a warning, at most once in a sweep, if the run waits for a node that is not there."""
        import ray

        needs = _needs(run.config)
        nodes = [node["Resources"] for node in cast(Any, ray).nodes() if node["Alive"]]
        fits = any(
            node.get("CPU", 0) >= needs["num_cpus"]
            and node.get("GPU", 0) >= needs["num_gpus"]
            and node.get("memory", 0) >= needs["memory"]
            for node in nodes
        )
        if fits or self._has_warned:
            return ""
        self._has_warned = True
        needed = f"{needs['num_cpus']} processors and {needs['memory'] / 1e9:.1f} GB"
        if needs["num_gpus"]:
            needed += " and a CUDA device"
        return f"no node of the cluster has {needed}; waits for one"


def _needs(config: TrainConfig) -> dict[str, Any]:
    """Return the resources that Ray should keep free for a run."""
    return {
        "num_cpus": config.fixed_threads,
        "num_gpus": int(config.device == "cuda"),
        "memory": int(cost_of(config).memory_bytes),
    }


def _result(task: Any) -> TaskResult:
    import ray

    try:
        return cast(TaskResult, ray.get(task))
    except ray.exceptions.OutOfMemoryError:
        return TaskResult("failed", "its node had no memory left; give --jobs, or a node with more")
    except ray.exceptions.RayError as error:
        return TaskResult("lost", f"its node or process was lost ({type(error).__name__})")


def do_run(task: Task, store: Any) -> TaskResult:
    """Do a run on a node: the body of the Ray task.

    Args:
        task: The run.
        store: The Ray actor that holds the `StudyStore`.
    """
    try:
        record = _run_here(task, store)
    except RunExistsError as error:
        return TaskResult("busy", str(error))
    except SwimrlError as error:
        return TaskResult("failed", str(error))
    except KeyboardInterrupt:
        return TaskResult("lost", "it was stopped from outside")
    except BaseException as error:  # SystemExit too: a run that calls exit(0) has failed
        return TaskResult("failed", one_line(error), traceback.format_exc())
    if record.status == "done":
        return TaskResult("done")
    if record.status == "stopped":
        return TaskResult("stopped", record.reason or "")
    return TaskResult("lost", "it was stopped from outside")


def _run_here(task: Task, store: Any) -> RunRecord:
    if task.marker is not None and task.marker.exists():
        directory = RunDirectory(task.folder / task.name)
        return run_job(task.config, directory, SilentReporter(), task.study)
    with tempfile.TemporaryDirectory(prefix="swimrl-") as place:
        directory = RunDirectory(Path(place) / task.name)
        mirror = Mirror(directory.path, cast(StudyStore, RemoteStore(store)), task.name, task.worker)
        mirror.fetch()
        try:
            return run_job(task.config, directory, MirrorReporter(mirror), task.study)
        finally:
            mirror.close()


class RemoteStore:
    """Calls the methods of a `StudyStore` that lives in a Ray actor, and waits for their results.

    Args:
        actor: The Ray actor.
    """

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def __getattr__(self, name: str) -> Callable[..., Any]:
        import ray

        return lambda *arguments: ray.get(getattr(self._actor, name).remote(*arguments))


class MirrorReporter(SilentReporter):
    """Sends what changed to the study's folder every second, between two steps of the run.

    Args:
        mirror: Of the run's directory.
    """

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._pushed = 0.0

    def step(self, done: int) -> None:
        """Send what changed, if it is time."""
        self._push_if_due()

    def evaluation(self, step: int, episodes: list[Episode]) -> None:
        """Send what changed, if it is time."""
        self._push_if_due()

    def final(self, done: int, total: int) -> None:
        """Send what changed, if it is time."""
        self._push_if_due()

    def _push_if_due(self) -> None:
        if time.monotonic() - self._pushed > _PUSH_PERIOD_S:
            self._mirror.push()
            self._pushed = time.monotonic()
