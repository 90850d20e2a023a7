"""Measuring several things side by side, so that a disturbance of the machine hits all of them alike.

Each thing, an arm, runs in a process of its own that is warmed up first and pinned to its cores. One arm
works at a time. A round lets every arm do each of its works once, in random order; many short rounds follow
each other, and after some the processes are replaced by fresh ones, because a process keeps the luck of its
memory layout.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from swimrl.errors import ConfigError, SwimrlError
from swimrl.host import usable_cores
from swimrl.timing.clock import Sample
from swimrl.timing.record import Readings, Series
from swimrl.timing.worker import Worker

Progress = Callable[[str, int, int], object]
"""(what comes next, readings taken, readings planned or 0 if that is not known yet)."""


@dataclass(frozen=True)
class Arm:
    """One of the things that are compared."""

    name: str

    command: Sequence[str]
    """The program that is the child of `swimrl.timing.worker`."""

    settings: Mapping[str, Any]
    """What the child is told first."""

    threads: int = 1
    """How many cores it may use."""


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    processes: int
    """How often every arm is started anew."""

    rounds: int
    """Rounds with each set of processes."""

    seconds: float
    """About how long a reading takes."""

    seed: int = 0
    """Of the order within the rounds."""

    def check(self, *, such_as: str) -> None:
        """Check what the user gave as ``--processes``, ``--rounds``, ``--reading`` and ``--seed``.

        Args:
            such_as: An example of ``--reading``.

        Raises:
            ConfigError: If a value cannot be used; the message names it.
        """
        for name, value in (("rounds", self.rounds), ("processes", self.processes)):
            if value < 1:
                raise ConfigError(f"--{name} is {value}; expected a whole number of at least 1")
        if self.seed < 0:
            raise ConfigError(f"--seed is {self.seed}; expected a whole number of at least 0")
        if not 0 < self.seconds < 3600:
            raise ConfigError(f"--reading is {self.seconds}; expected seconds, such as {such_as}")


@dataclass(frozen=True)
class Measurement:
    """What came of it."""

    series: tuple[Series, ...]
    facts: Mapping[str, Mapping[str, Any]]
    """What each arm says of itself."""

    absent: Mapping[str, str] = field(default_factory=dict)
    """Why an arm could not be measured."""


def measure(arms: Sequence[Arm], plan: Plan, progress: Progress) -> Measurement:
    """Measure all works of all ``arms``.

    An arm that fails is left out from there on, its readings too, and the reason is kept; the others go on.
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
    """Yield all tasks ``rounds`` times over, each time in another random order."""
    for _ in range(rounds):
        yield from generator.sample(tasks, len(tasks))


class _Session:
    """What is known so far."""

    def __init__(self, plan: Plan, progress: Progress) -> None:
        self._plan = plan
        self._progress = progress
        self._facts: dict[str, Mapping[str, Any]] = {}
        self._absent: dict[str, str] = {}
        self._counts: dict[tuple[str, str], int] = {}
        self._taken = self._planned = 0
        self._samples: dict[tuple[str, str], list[Sample]] = defaultdict(list)

    def start(self, arm: Arm) -> Worker | None:
        """Start and warm up a process for ``arm``, unless it has failed before."""
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
        """Settle once how often each work is done for one reading."""
        for name, worker in workers.items():
            for work in worker.works:
                if (name, work) not in self._counts and name not in self._absent:
                    try:
                        self._counts[name, work] = worker.count_for(work, self._plan.seconds)
                    except SwimrlError as error:
                        self._absent[name] = str(error)

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
            sample = workers[name].sample(work, self._counts[name, work])
        except SwimrlError as error:
            self._absent[name] = str(error)
        else:
            self._samples[name, work].append(sample)

    def result(self) -> Measurement:
        """Return all readings of the arms that did not fail."""
        series: list[Series] = []
        for (name, work), samples in self._samples.items():
            if name not in self._absent:
                series += self._series(name, work, samples)
        facts = {name: facts for name, facts in self._facts.items() if name not in self._absent}
        return Measurement(tuple(series), facts, self._absent)

    def _series(self, name: str, work: str, samples: Sequence[Sample]) -> Iterator[Series]:
        def by_process(readings: Sequence[float | None]) -> Readings:
            known = [reading for reading in readings if reading is not None]
            rounds = self._plan.rounds
            return tuple(tuple(known[first : first + rounds]) for first in range(0, len(known), rounds))

        count = self._counts[name, work]
        wall, cpu = by_process([s.wall_s for s in samples]), by_process([s.cpu_s for s in samples])
        yield Series(name, work, count, wall, cpu)
        for part in samples[0].parts:
            wall, cpu = (by_process([s.parts[part][clock] for s in samples]) for clock in (0, 1))
            yield Series(name, work, count, wall, cpu, part)


def _core_numbers() -> list[int]:
    """Return the cores this process may run on; numbers mean nothing where a process cannot be pinned."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(usable_cores()))
