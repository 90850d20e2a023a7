"""Measure the scheduler of sweeps with many workers: ``python benchmarks/scheduler.py``.

The runs are made up: each sleeps for 1 to 3 seconds in no process of its own, and writes no file. So the
processor time is that of the scheduler: choosing runs, asking whether they are done or busy elsewhere,
events, and the display.
"""

from __future__ import annotations

import argparse
import heapq
import io
import itertools
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console

from swimrl.sweeps.config import PlannedRun, SweepConfig
from swimrl.sweeps.display import display_for
from swimrl.sweeps.executors.base import Ended, do_runs
from swimrl.sweeps.status import StatusReader

_POLL_S = 0.1


class Sleepers:
    """An executor whose runs only sleep.

    Args:
        workers: How many run at once.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._asleep: list[tuple[float, int, PlannedRun]] = []
        self._numbers = itertools.count()
        self._generator = np.random.default_rng(0)

    @property
    def has_room(self) -> bool:
        """Whether another run can start now."""
        return len(self._asleep) < self._workers

    def start(self, run: PlannedRun) -> str:
        """Let a run sleep."""
        end = time.monotonic() + self._generator.uniform(1, 3)
        heapq.heappush(self._asleep, (end, next(self._numbers), run))
        return "started"

    def poll(self) -> list[Ended]:
        """Return the runs that woke up."""
        time.sleep(_POLL_S)
        ended = []
        while self._asleep and self._asleep[0][0] < time.monotonic():
            ended.append(Ended(heapq.heappop(self._asleep)[2], "done"))
        return ended

    def stop(self) -> None:
        """Nothing is left to stop."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--runs", type=int, nargs="*", default=[1000, 2000, 4000, 8000])
    arguments = parser.parse_args()
    for count in arguments.runs:
        with tempfile.TemporaryDirectory() as folder:
            config = SweepConfig(axes={"act": ["relu", "swim"]}, seeds=tuple(range(count // 2)))
            runs = config.runs(Path(folder))
            reader = StatusReader({run.directory.path: run.config.steps for run in runs})
            console = Console(file=io.StringIO())
            before, began = time.process_time(), time.monotonic()
            with display_for(console, reader) as display:
                do_runs(Sleepers(arguments.workers), runs, display)
            seconds, passed = time.process_time() - before, time.monotonic() - began
            print(
                f"{arguments.workers} workers, {count} runs: {seconds:.2f} processor seconds, "
                f"{1e3 * seconds / count:.2f} ms a run, in {passed:.1f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
