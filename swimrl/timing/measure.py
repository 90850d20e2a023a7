"""Measuring several arms side by side, so that a disturbance of the machine affects all of them alike.

Each arm runs in a process of its own, which is warmed up first and pinned to its cores. One arm works at a
time. In a round, every work of every arm is read once, in random order. Many short rounds follow each other.
After all rounds the processes are replaced by fresh ones, because the memory layout of a process makes it
faster or slower for as long as it lives.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from swimrl.errors import SwimrlError
from swimrl.host import usable_cores
from swimrl.timing.clock import Reading
from swimrl.timing.record import Readings, Series
from swimrl.timing.worker import Worker

Progress = Callable[[str, int, int], object]
"""(what comes next, readings taken, readings planned or 0 if that is not known yet)."""


@dataclass(frozen=True)
class TimedArm:
    """One of the things that are compared."""

    name: str

    command: Sequence[str]
    """The program of its process, which calls `swimrl.timing.worker.serve`."""

    settings: Mapping[str, Any]
    """The first message to that process."""

    threads: int = 1
    """How many cores it may use."""


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Raises:
        ValueError: If not exactly one of ``seconds`` and ``count`` is given.
    """

    processes: int
    """How often the processes are started anew."""

    rounds: int
    """Rounds with each set of processes."""

    seconds: float | None = None
    """About how long a reading takes; the count of each work is chosen to fit."""

    count: int | None = None
    """How often each work is done in a reading, in place of ``seconds``."""

    seed: int = 0
    """Seed of the order within the rounds."""

    def __post_init__(self) -> None:
        if (self.seconds is None) == (self.count is None):
            raise ValueError(f"a plan has seconds or a count, not {self.seconds} and {self.count}")


@dataclass(frozen=True)
class Measurement:
    """Everything that was measured."""

    series: tuple[Series, ...]
    facts: Mapping[str, Mapping[str, Any]]
    """What the process of each arm reports about itself, such as versions."""

    absent: Mapping[str, str] = field(default_factory=dict)
    """Arms that could not be measured, with the reason."""


def measure(arms: Sequence[TimedArm], plan: Plan, progress: Progress) -> Measurement:
    """Measure all works of all ``arms``.

    An arm that fails is left out with all its readings, and the reason is kept; the others go on.
    """
    session = _Session(plan, progress)
    generator = random.Random(plan.seed)  # noqa: S311 - an order, not a secret
    for _ in range(plan.processes):
        with ExitStack() as stack:
            workers = {}
            for arm in arms:
                worker = session.start(arm)
                if worker is not None:
                    stack.callback(worker.close)
                    workers[arm.name] = worker
            session.calibrate(workers)
            for name, work in orders(session.tasks(workers), plan.rounds, generator):
                session.read(workers, name, work)
    return session.result()


def orders(
    tasks: Sequence[tuple[str, str]], rounds: int, generator: random.Random
) -> Iterator[tuple[str, str]]:
    """Yield all tasks once for each round, in a new random order each time."""
    for _ in range(rounds):
        yield from generator.sample(tasks, len(tasks))


class _Session:
    """The state of a measurement: counts, readings, and the arms that failed."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self._plan = plan
        self._progress = progress
        self._facts: dict[str, Mapping[str, Any]] = {}
        self._absent: dict[str, str] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._taken = self._planned = 0
        self._readings: dict[tuple[str, str], list[Reading]] = defaultdict(list)

    def start(self, arm: TimedArm) -> Worker | None:
        """Start and warm up a process for ``arm``, unless the arm has failed before."""
        if arm.name in self._absent:
            return None
        self._progress(f"start {arm.name}", self._taken, self._planned)
        cores = _core_numbers()
        try:
            if arm.threads > len(cores):
                raise SwimrlError(f"needs {arm.threads} cores, and this process may use {len(cores)}")
            worker = Worker(arm.command, arm.settings, cores[-arm.threads :])
        except SwimrlError as error:
            self._absent[arm.name] = str(error)
            return None
        self._facts[arm.name] = worker.facts
        return worker

    def calibrate(self, workers: Mapping[str, Worker]) -> None:
        """Choose the count of each work, once for all processes."""
        for name, worker in workers.items():
            for work in worker.works:
                if (name, work) not in self._counts and name not in self._absent:
                    try:
                        self._counts[name, work] = self._count(worker, work)
                    except SwimrlError as error:
                        self._absent[name] = str(error)

    def _count(self, worker: Worker, work: str) -> int:
        if self._plan.count is not None:
            return self._plan.count
        assert self._plan.seconds is not None
        return worker.count_for(work, self._plan.seconds)

    def tasks(self, workers: Mapping[str, Worker]) -> list[tuple[str, str]]:
        """Return arm and work of each reading of a round."""
        tasks = [(name, work) for name, worker in workers.items() for work in worker.works]
        self._planned = self._plan.processes * self._plan.rounds * len(tasks)
        return tasks

    def read(self, workers: Mapping[str, Worker], name: str, work: str) -> None:
        """Take one reading, unless the arm has failed."""
        self._progress(f"{name}: {work}", self._taken, self._planned)
        self._taken += 1
        if name in self._absent:
            return
        try:
            reading = workers[name].take_reading(work, self._counts[name, work])
        except SwimrlError as error:
            self._absent[name] = str(error)
        else:
            self._readings[name, work].append(reading)

    def result(self) -> Measurement:
        """Return all readings of the arms that did not fail."""
        series: list[Series] = []
        for (name, work), readings in self._readings.items():
            if name not in self._absent:
                series += self._series(name, work, readings)
        facts = {name: facts for name, facts in self._facts.items() if name not in self._absent}
        return Measurement(tuple(series), facts, self._absent)

    def _series(self, name: str, work: str, readings: Sequence[Reading]) -> Iterator[Series]:
        def by_process(seconds: Sequence[float | None]) -> Readings:
            known = [one for one in seconds if one is not None]
            rounds = self._plan.rounds
            return tuple(tuple(known[first : first + rounds]) for first in range(0, len(known), rounds))

        count = self._counts[name, work]
        wall, cpu = by_process([r.wall_s for r in readings]), by_process([r.cpu_s for r in readings])
        yield Series(name, work, count, wall, cpu)
        for part in readings[0].parts:
            wall, cpu = (by_process([r.parts[part][clock] for r in readings]) for clock in (0, 1))
            yield Series(name, work, count, wall, cpu, part)


def _core_numbers() -> list[int]:
    """Return the cores this process may run on; where a process cannot be pinned, numbers mean nothing."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(usable_cores()))
