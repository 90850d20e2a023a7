"""Reading the clock around work that can be repeated. Standard library only, for any Python to import."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Parts = Mapping[str, tuple[float, float | None]]
"""Seconds on the wall clock and of the processor, by the part's name; None for a clock that was not read."""


def _nothing() -> None:
    """Wait for nothing."""


@dataclass(frozen=True)
class Work:
    """Something that can be done any number of times in a row."""

    do: Callable[[int], Parts | None]
    """Does it so many times; may return the seconds of parts of it."""

    finish: Callable[[], object] = _nothing
    """Returns when all that was begun is done: what hands work to a device and returns at once must wait."""

    begin: Callable[[], object] = _nothing
    """Makes ready what `do` needs, before the clock is read."""

    quantum: int = 1
    """`do` is only called with multiples of this."""


@dataclass(frozen=True)
class Sample:
    """One reading."""

    wall_s: float
    """Seconds that passed."""

    cpu_s: float
    """Processor seconds of this process, all its threads together. Less than ``wall_s`` on one thread means
    that the processor was given to somebody else meanwhile."""

    parts: Parts = field(default_factory=dict)
    """Of the work, if it measures them itself."""


def sample(work: Work, count: int) -> Sample:
    """Do ``work`` ``count`` times and return what the clocks say."""
    work.begin()
    work.finish()
    cpu, wall = time.process_time(), time.perf_counter()
    parts = work.do(count)
    work.finish()
    wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    return Sample(round(wall_s, 9), round(cpu_s, 9), parts or {})  # no clock is finer than a nanosecond


def count_for(work: Work, seconds: float) -> int:
    """Return how often ``work`` has to be done to fill about ``seconds``; it is done meanwhile.

    The count is doubled until a quarter of the time is filled, so that the last trial, which decides, is long
    against the clock's grain and against anything that is done only once.
    """
    count = work.quantum
    while (took := sample(work, count).wall_s) < seconds / 4:
        count *= 2
    quanta = seconds / took * count / work.quantum
    return max(1, round(quanta)) * work.quantum
