"""Reading the clocks around a work. Standard library only: the processes of other libraries import it too."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

Parts = Mapping[str, tuple[float, float | None]]
"""(wall seconds, processor seconds) of each part of a work; None for a clock that was not read."""


def _nothing() -> None:
    """Do nothing."""


def _seconds_of_this_process() -> float:
    return time.process_time()


@dataclass(frozen=True)
class Work:
    """Something that can be repeated any number of times."""

    do: Callable[[int], Parts | None]
    """Runs the work `count` times; may return the seconds each part took."""

    finish: Callable[[], object] = _nothing
    """Waits until everything that was started is done; a device may still compute when `do` returns."""

    begin: Callable[[], object] = _nothing
    """Prepares what `do` needs; its time is not measured."""

    around: Callable[[], AbstractContextManager[object]] = nullcontext
    """The context of a reading, such as settings of the process; entering and leaving it is not measured."""

    cpu_clock: Callable[[], float] = _seconds_of_this_process
    """Returns processor seconds; another one for a work that other processes do."""

    quantum: int = 1
    """`do` is only called with multiples of this count."""


@dataclass(frozen=True)
class Reading:
    """The seconds that doing a work `count` times took."""

    wall_s: float
    """Seconds on the wall clock."""

    cpu_s: float
    """Processor seconds of this process, summed over its threads. With one thread, less than ``wall_s`` means
    that other processes had the processor for the rest of the time."""

    parts: Parts = field(default_factory=dict)
    """Seconds of each part, if the work measures them."""


def take_reading(work: Work, count: int) -> Reading:
    """Do ``work`` ``count`` times and return the seconds it took."""
    with work.around():
        work.begin()
        work.finish()
        cpu, wall = work.cpu_clock(), time.perf_counter()
        parts = work.do(count)
        work.finish()
        wall_s, cpu_s = time.perf_counter() - wall, work.cpu_clock() - cpu
    return Reading(round(wall_s, 9), round(cpu_s, 9), parts or {})  # no clock is finer than a nanosecond


def count_for(work: Work, seconds: float) -> int:
    """Return how often ``work`` has to be done to take about ``seconds``; the work is done to find out.

    The count is doubled until a quarter of the time is filled. The last trial decides, so it is long compared
    with the clock's resolution and with anything that happens only once.
    """
    count = work.quantum
    while (took := take_reading(work, count).wall_s) < seconds / 4:
        count *= 2
    quanta = seconds / took * count / work.quantum
    return max(1, round(quanta)) * work.quantum
