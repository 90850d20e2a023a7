"""Doing the runs of a study on this machine, a process for each."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Protocol

from swimrl.errors import DamagedFileError, RunExistsError, SwimrlError
from swimrl.runs.record import read_record
from swimrl.sweeps.plan import PlannedRun
from swimrl.sweeps.study import Study
from swimrl.sweeps.worker import BUSY
from swimrl.training.config_file import to_mapping
from swimrl.training.interruption import Interruption
from swimrl.training.resume import is_finished

LOG_FOLDER = "logs"

_ATTEMPTS = 2
_POLL_S = 0.2
_STOP_S = 8.0
"""Seconds that workers have for their checkpoints when the sweep is stopped."""


class Display(Protocol):
    """Is told how a sweep goes."""

    def event(self, run: PlannedRun, text: str) -> None:
        """Something happened to a run."""

    def refresh(self) -> None:
        """Some time has passed."""


@dataclass
class Outcome:
    """What came of a sweep."""

    failed: dict[Path, str] = field(default_factory=dict)
    """Reasons by directory."""

    elsewhere: list[Path] = field(default_factory=list)
    """Directories of runs at which other processes are still at work."""

    was_interrupted: bool = False
    """Whether Ctrl-C or SIGTERM ended it before all was done."""


@dataclass
class _Worker:
    run: PlannedRun
    slot: int
    process: subprocess.Popen[bytes]


class LocalSweep:
    """Does runs side by side, each in a process on its share of the cores.

    Args:
        runs: What is to be done, in this order; what is done already costs nothing.
        study: What all runs share.
        folder: The study's.
        jobs: How many processes at once.
        cores: The cores that they share.
        display: Is told how it goes.
    """

    def __init__(
        self,
        runs: Sequence[PlannedRun],
        study: Study,
        folder: Path,
        *,
        jobs: int,
        cores: Sequence[int],
        display: Display,
    ) -> None:
        self._left = deque(runs)
        self._deferred: list[PlannedRun] = []
        """At which another process was at work when it was their turn."""
        self._study = study
        self._folder = folder
        self._cores = cores
        self._jobs = jobs
        self._free = list(range(jobs))
        self._workers: list[_Worker] = []
        self._attempts: Counter[Path] = Counter()
        self._display = display
        self._outcome = Outcome()

    def go(self) -> Outcome:
        """Do all runs; a failed one is tried once more from its checkpoint, and the others go on."""
        interruption = Interruption()
        with interruption.listening():
            try:
                while self._has_more() and not interruption.is_asked:
                    while self._free and self._left and not interruption.is_asked:
                        self._begin(self._left.popleft())
                    self._display.refresh()
                    time.sleep(_POLL_S)
                    self._collect()
                self._outcome.was_interrupted = interruption.is_asked
            finally:
                self._stop()
        return self._outcome

    def _has_more(self) -> bool:
        if not (self._left or self._workers):
            # The others may be done by now, or gone.
            self._left.extend(run for run in self._deferred if not is_busy(run))
            self._outcome.elsewhere = [run.directory.path for run in self._deferred if run not in self._left]
            self._deferred = [run for run in self._deferred if run not in self._left]
        return bool(self._left or self._workers)

    def _begin(self, run: PlannedRun) -> None:
        if is_done(run):
            return
        if is_busy(run):
            self._deferred.append(run)
            return
        slot = self._free.pop(0)
        job = {
            "config": to_mapping(run.config),
            "directory": str(run.directory.path),
            "study": asdict(self._study),
            "cores": share(self._cores, slot, self._jobs),
        }
        process = _start(job, threads=run.config.threads, log=log_file(self._folder, run.directory.path))
        self._workers.append(_Worker(run, slot, process))
        self._display.event(run, "tried once more" if self._attempts[run.directory.path] else "started")

    def _collect(self) -> None:
        for worker in [worker for worker in self._workers if worker.process.poll() is not None]:
            self._end(worker)
            self._judge(worker.run, worker.process.returncode)

    def _end(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        self._free.append(worker.slot)
        self._free.sort()
        assert worker.process.stdin is not None
        worker.process.stdin.close()

    def _judge(self, run: PlannedRun, code: int) -> None:
        path = run.directory.path
        if code == 0:
            self._outcome.failed.pop(path, None)
            self._display.event(run, "done")
        elif code == BUSY:
            self._deferred.append(run)
        else:
            reason = self._reason(run, code)
            self._attempts[path] += 1
            if self._attempts[path] < _ATTEMPTS:
                self._display.event(run, f"failed: {reason}")
                self._left.appendleft(run)
            else:
                _mark(run, reason)
                self._outcome.failed[path] = reason
                self._display.event(run, f"failed again: {reason}")

    def _reason(self, run: PlannedRun, code: int) -> str:
        """Return why a worker ended."""
        if code == -signal.SIGKILL:
            return (
                "killed by SIGKILL, which the sweep did not send; most likely out of memory: try fewer --jobs"
            )
        if code < 0:
            return f"killed by {signal.Signals(-code).name}, which the sweep did not send"
        log = log_file(self._folder, run.directory.path).read_text(encoding="utf-8", errors="replace")
        lines = [line.strip() for line in log.splitlines() if line.strip()]
        return lines[-1].removeprefix("error: ") if lines else f"ended with exit code {code}, without a word"

    def _stop(self) -> None:
        """Stop all workers so that their runs can be continued; return when none is left."""
        for worker in self._workers:
            worker.process.terminate()
        deadline = time.monotonic() + _STOP_S
        for worker in list(self._workers):
            try:
                worker.process.wait(max(deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                worker.process.kill()  # its last checkpoint stands
                worker.process.wait()
            self._end(worker)


def is_done(run: PlannedRun) -> bool:
    """Return whether nothing is left of a run."""
    try:
        return is_finished(run.directory, run.config)
    except DamagedFileError:
        return False  # the worker tells


def is_busy(run: PlannedRun) -> bool:
    """Return whether another process is at work on a run."""
    if not run.directory.path.exists():
        return False
    try:
        with run.directory.at_work():
            return False
    except RunExistsError:
        return True
    except SwimrlError:
        return False  # the worker tells


def share(cores: Sequence[int], slot: int, jobs: int) -> list[int]:
    """Return the cores of one of so many equal workers.

    Example:
        >>> share([0, 1, 2, 3, 4, 5, 6, 7], 1, jobs=3)
        [2, 3, 4]
        >>> share([0, 1], 2, jobs=3)
        [0]
    """
    if jobs >= len(cores):
        return [cores[slot % len(cores)]]
    first, last = (number * len(cores) // jobs for number in (slot, slot + 1))
    return list(cores[first:last])


def log_file(folder: Path, directory: Path) -> Path:
    """Return where the output of a run's workers goes."""
    return folder / LOG_FOLDER / f"{'.'.join(directory.parts[-3:])}.log"


def _start(job: Mapping[str, object], *, threads: int, log: Path) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    pools = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "swimrl.sweeps.worker"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={**os.environ, **dict.fromkeys(pools, str(threads))},
            # Ctrl-C in a terminal goes to the sweep alone, which stops its workers once.
            start_new_session=True,
        )
    assert process.stdin is not None
    process.stdin.write(json.dumps(job).encode() + b"\n")
    process.stdin.flush()
    return process


def _mark(run: PlannedRun, reason: str) -> None:
    """Let run.json say ``failed`` where the worker was killed before it could."""
    try:
        with run.directory.at_work():
            record = read_record(run.directory.record_file)
            if record.status in ("running", "interrupted"):
                run.directory.write_record(replace(record, status="failed", reason=reason))
    except SwimrlError:
        return  # there is no run.json, or it cannot be written; the sweep's last lines tell
