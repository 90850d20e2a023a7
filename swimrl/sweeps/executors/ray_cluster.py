"""The runs of a study on the machines of a Ray cluster.

Each run is a Ray task in a process of its own. A node that sees the study's folder, on shared storage, works
in it. Any other works in a temporary folder, fetches what there is of the run, and brings back what changes
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
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

from swimrl.errors import RunExistsError, SwimrlError
from swimrl.runs.directory import Episode, RunDirectory
from swimrl.runs.record import Status
from swimrl.sweeps.estimate import cost_of
from swimrl.sweeps.executors.base import LOG_FOLDER, Display, Outcome, is_done, log_file
from swimrl.sweeps.executors.mirror import Mirror, Shelf
from swimrl.sweeps.job import run_job
from swimrl.sweeps.plan import PlannedRun
from swimrl.sweeps.study_record import Study
from swimrl.training.config import TrainConfig
from swimrl.training.interruption import Interruption
from swimrl.training.progress import SilentReporter

T = TypeVar("T")

_STOP_S = 10.0
_POLL_S = 0.5
_PUSH_PERIOD_S = 1.0

_LOCK_PATIENCE_S = 30.0
"""How long the process before may take to end after its node was lost."""

_LOSSES = 3
"""How often a run goes on after its node or process was lost."""


def execute(
    runs: Sequence[PlannedRun],
    study: Study,
    folder: Path,
    *,
    address: str,
    jobs: int | None,
    may_share: bool,
    display: Display,
) -> Outcome:
    """Do what is left of the runs on a Ray cluster to which this machine belongs.

    Args:
        runs: In the order in which they should begin.
        study: What the runs share.
        folder: The study's.
        address: What `swimrl.sweeps.executors.ray_connection.check_cluster` returned.
        jobs: How many runs at once; as many as the cluster has processors for when None.
        may_share: Whether nodes that see the folder work in it; if not, everything goes through Ray.
        display: Is told how it goes.
    """
    import ray

    interruption = Interruption()
    with _what_ray_says_in(folder / LOG_FOLDER / "ray.log"):
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        try:
            with interruption.listening(), _sign(folder) if may_share else contextlib.nullcontext() as sign:
                return _Executor(folder.resolve(), study, sign, display, interruption).go(runs, jobs)
        finally:
            ray.shutdown()


@contextlib.contextmanager
def _what_ray_says_in(log: Path) -> Iterator[None]:
    """Keep Ray's pages about a lost node off the display, which must hold a file of its own."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file, contextlib.redirect_stdout(file):
        yield


@dataclass
class _Attempts:
    """What is left of the patience with a run."""

    run: PlannedRun
    losses: int = _LOSSES
    failures: int = 1


@dataclass(frozen=True)
class _Result:
    """What came of an attempt."""

    status: Literal["done", "interrupted", "failed", "busy", "lost"]
    reason: str = ""
    trace: str = ""
    """Where an error that swimrl did not expect came from."""


@dataclass(frozen=True)
class _Task:
    """What a node is told of a run."""

    config: TrainConfig
    folder: Path
    name: str
    """The run's directory below the folder."""
    study: Study
    sign: Path | None
    """A file that only those see who see the folder."""
    worker: str = field(default_factory=lambda: uuid.uuid4().hex)


class _Executor:
    """Submits runs, waits for them, and tries again what went wrong."""

    def __init__(
        self, folder: Path, study: Study, sign: Path | None, display: Display, interruption: Interruption
    ) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._folder, self._study, self._sign = folder, study, sign
        self._display, self._interruption = display, interruption
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        shelf = ray.remote(Shelf)
        self._shelf = shelf.options(num_cpus=0, scheduling_strategy=here).remote(folder)
        # One call for each process, so that no run inherits anything from another.
        self._do = ray.remote(max_calls=1, max_retries=0, scheduling_strategy="SPREAD")(_do)
        self._left: deque[_Attempts] = deque()
        self._pending: dict[Any, _Attempts] = {}
        self._outcome = Outcome()

    def go(self, runs: Sequence[PlannedRun], jobs: int | None) -> Outcome:
        """Do all runs."""
        import ray

        self._left.extend(_Attempts(run) for run in runs if not is_done(run))
        self._tell_of_what_waits()
        try:
            while (self._left or self._pending) and not self._interruption.is_asked:
                while self._left and (jobs is None or len(self._pending) < jobs):
                    self._submit(self._left.popleft())
                done, _ = ray.wait(list(self._pending), num_returns=1, timeout=_POLL_S)
                for task in done:
                    self._judge(self._pending.pop(task), self._result(task))
                self._display.refresh()
            self._outcome.was_interrupted = self._interruption.is_asked
        finally:
            self._stop()
        return self._outcome

    def _submit(self, attempts: _Attempts) -> None:
        config = attempts.run.config
        name = str(attempts.run.directory.path.resolve().relative_to(self._folder))
        task = _Task(config, self._folder, name, self._study, self._sign)
        self._pending[self._do.options(**_needs(config)).remote(task, self._shelf)] = attempts

    def _result(self, task: Any) -> _Result:
        import ray

        try:
            return cast(_Result, ray.get(task))
        except ray.exceptions.OutOfMemoryError:
            return _Result("failed", "its node had no memory left; give --jobs, or a node with more")
        except ray.exceptions.RayError as error:
            return _Result("lost", f"its node or process was lost ({type(error).__name__})")

    def _judge(self, attempts: _Attempts, result: _Result) -> None:
        run, path = attempts.run, attempts.run.directory.path
        if result.status == "done":
            self._display.event(run, "done")
            return
        if result.status == "busy":
            self._display.event(run, "another process is at work on it")
            self._left.append(attempts)
            return
        if result.status == "failed":
            attempts.failures -= 1
        else:
            attempts.losses -= 1
        log = log_file(self._folder, path)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(f"{result.trace}{result.reason}\n")
        if attempts.losses < 0 or attempts.failures < 0:
            self._outcome.failed[path] = result.reason
            self._display.event(run, f"failed again: {result.reason}")
        else:
            self._display.event(run, f"{result.reason}; goes on from its checkpoint")
            self._left.appendleft(attempts)

    def _tell_of_what_waits(self) -> None:
        import ray

        nodes = [node["Resources"] for node in cast(Any, ray).nodes() if node["Alive"]]
        for attempts in self._left:
            needs = _needs(attempts.run.config)
            if not any(
                node.get("CPU", 0) >= needs["num_cpus"]
                and node.get("GPU", 0) >= needs["num_gpus"]
                and node.get("memory", 0) >= needs["memory"]
                for node in nodes
            ):
                needed = f"{needs['num_cpus']} processors and {needs['memory'] / 1e9:.1f} GB"
                if needs["num_gpus"]:
                    needed += " and a CUDA device"
                self._display.event(attempts.run, f"no node of the cluster has {needed}; waits for one")
                return

    def _stop(self) -> None:
        """Stop all runs at a checkpoint, or leave those behind that take too long."""
        import ray

        for task in reversed(self._pending):  # or what a stopped one leaves free would start the next
            ray.cancel(task)
        if self._pending:
            ray.wait(list(self._pending), num_returns=len(self._pending), timeout=_STOP_S)


def _needs(config: TrainConfig) -> dict[str, Any]:
    """Return what Ray should keep free for a run."""
    return {
        "num_cpus": config.threads,
        "num_gpus": int(config.device == "cuda"),
        "memory": int(cost_of(config).memory_bytes),
    }


@contextlib.contextmanager
def _sign(folder: Path) -> Iterator[Path]:
    """Leave a file in the folder by which a node can tell that it sees the same one."""
    sign = folder.resolve() / f".ray-{uuid.uuid4().hex}"
    sign.touch()
    try:
        yield sign
    finally:
        sign.unlink(missing_ok=True)


def _do(task: _Task, shelf: Any) -> _Result:
    """Do a run on a node."""
    # Errors go back as text: not every exception survives the way as an object.
    try:
        status = _patiently(lambda: _attempt(task, shelf))
    except RunExistsError as error:
        return _Result("busy", str(error))
    except SwimrlError as error:
        return _Result("failed", str(error))
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        return _Result("failed", said, traceback.format_exc())
    return _Result("done") if status == "done" else _Result("interrupted", "it was stopped from outside")


def _attempt(task: _Task, shelf: Any) -> Status:
    if task.sign is not None and task.sign.exists():
        directory = RunDirectory(task.folder / task.name)
        return run_job(task.config, directory, SilentReporter(), task.study).status
    with tempfile.TemporaryDirectory(prefix="swimrl-") as place:
        directory = RunDirectory(Path(place) / task.name)
        mirror = Mirror(directory.path, cast(Shelf, _Far(shelf)), task.name, task.worker)
        mirror.fetch()
        try:
            return run_job(task.config, directory, _Pushing(mirror), task.study).status
        finally:
            mirror.close()


def _patiently(call: Callable[[], T]) -> T:
    """Call, and again while another process is at work in the directory: one that is lost ends soon."""
    give_up = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        try:
            return call()
        except RunExistsError:
            if time.monotonic() > give_up:
                raise
            time.sleep(1.0)


class _Far:
    """Calls a shelf that is an actor, and waits for what it returns."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    def __getattr__(self, name: str) -> Callable[..., Any]:
        import ray

        return lambda *arguments: ray.get(getattr(self._actor, name).remote(*arguments))


class _Pushing(SilentReporter):
    """Brings what changed to the study's folder every second, between two steps of the run."""

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._pushed = 0.0

    def step(self, done: int) -> None:
        """Remember how far the run is."""
        self._push_if_due()

    def evaluation(self, step: int, episodes: list[Episode]) -> None:
        """Remember the mean return."""
        self._push_if_due()

    def final(self, done: int, total: int) -> None:
        """Nothing tells of fresh episodes."""
        self._push_if_due()

    def _push_if_due(self) -> None:
        if time.monotonic() - self._pushed > _PUSH_PERIOD_S:
            self._mirror.push()
            self._pushed = time.monotonic()
