"""Doing the runs of a study on this machine, a process for each.

Several sweeps may be at work on one study, on this machine or on others that share the folder. A run at which
another process is at work is left to it; if that process ends before the run is done, it is done here.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from swimrl.errors import RunExistsError, SwimrlError
from swimrl.fields import to_mapping
from swimrl.host import limited_threads
from swimrl.runs.record import read_record
from swimrl.sweeps.executors.base import Display, Outcome, is_done, log_file
from swimrl.sweeps.executors.local_process import BUSY, INTERRUPTED
from swimrl.sweeps.plan import PlannedRun
from swimrl.sweeps.study_record import Study
from swimrl.training.interruption import Interruption

_ATTEMPTS = 2
_POLL_S = 0.2
_LOOK_ELSEWHERE_S = 1.0
_STOP_S = 8.0
"""Seconds that workers have for their checkpoints when the sweep is stopped."""


@dataclass
class _Worker:
    run: PlannedRun
    slot: int
    process: subprocess.Popen[bytes]
    log: Path
    log_start: int
    """Bytes in the log before this worker."""


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
        self._elsewhere: list[PlannedRun] = []
        """At which another process was at work when it was their turn."""
        self._looked_elsewhere = 0.0
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
                while (self._left or self._workers or self._elsewhere) and not interruption.is_asked:
                    while self._free and self._left and not interruption.is_asked:
                        self._begin(self._left.popleft())
                    self._display.refresh()
                    time.sleep(_POLL_S)
                    self._collect()
                    self._look_elsewhere()
                self._outcome.was_interrupted = interruption.is_asked
            finally:
                self._stop()
        return self._outcome

    def _begin(self, run: PlannedRun) -> None:
        if is_done(run):
            return
        if is_busy(run):
            self._leave(run)
            return
        slot = self._free.pop(0)
        job = {
            "config": to_mapping(run.config),
            "directory": str(run.directory.path),
            "study": asdict(self._study),
            "cores": share(self._cores, slot, self._jobs),
        }
        log = log_file(self._folder, run.directory.path)
        log_start = log.stat().st_size if log.exists() else 0
        process = _start(job, threads=run.config.threads, log=log)
        self._workers.append(_Worker(run, slot, process, log, log_start))
        self._display.event(run, "tried once more" if self._attempts[run.directory.path] else "started")

    def _leave(self, run: PlannedRun) -> None:
        self._elsewhere.append(run)
        self._display.event(run, "another process is at work on it")

    def _look_elsewhere(self) -> None:
        """Take back the runs that other processes have done or given up."""
        if time.monotonic() < self._looked_elsewhere + _LOOK_ELSEWHERE_S:
            return
        self._looked_elsewhere = time.monotonic()
        free = [run for run in self._elsewhere if not is_busy(run)]
        self._left.extend(free)
        self._elsewhere = [run for run in self._elsewhere if run not in free]

    def _collect(self) -> None:
        for worker in [worker for worker in self._workers if worker.process.poll() is not None]:
            self._end(worker)
            self._judge(worker, worker.process.returncode)

    def _end(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        self._free.append(worker.slot)
        self._free.sort()
        assert worker.process.stdin is not None
        worker.process.stdin.close()

    def _judge(self, worker: _Worker, code: int) -> None:
        run, path = worker.run, worker.run.directory.path
        if code == 0:
            self._outcome.failed.pop(path, None)
            self._display.event(run, "done")
        elif code == BUSY:
            self._leave(run)
        else:
            reason = _reason(worker, code)
            self._attempts[path] += 1
            if self._attempts[path] < _ATTEMPTS:
                self._display.event(run, f"failed: {reason}")
                self._left.appendleft(run)
            else:
                _mark(run, reason)
                self._outcome.failed[path] = reason
                self._display.event(run, f"failed again: {reason}")

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


def _start(job: Mapping[str, object], *, threads: int, log: Path) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "swimrl.sweeps.executors.local_process"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=limited_threads(threads),
            # Ctrl-C in a terminal goes to the sweep alone, which stops its workers once.
            start_new_session=True,
        )
    assert process.stdin is not None
    process.stdin.write(json.dumps(job).encode() + b"\n")
    process.stdin.flush()
    return process


def _reason(worker: _Worker, code: int) -> str:
    """Return why a worker ended; where it could not say so itself, its log says it."""
    reason = None
    if code == INTERRUPTED:
        reason = "stopped by a signal that the sweep did not send"
    elif code < 0:
        name = signal.Signals(-code).name
        reason = f"killed by {name}, which the sweep did not send"
        if name == "SIGKILL":
            reason += "; most likely out of memory: try fewer --jobs"
    if reason:
        with worker.log.open("a", encoding="utf-8") as file:
            file.write(f"{reason}\n")
        return reason
    said = worker.log.read_bytes()[worker.log_start :].decode(errors="replace")
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else f"ended with exit code {code}, without a word"


def _mark(run: PlannedRun, reason: str) -> None:
    """Let run.json say ``failed`` where the worker was killed before it could."""
    try:
        with run.directory.at_work():
            record = read_record(run.directory.record_file)
            if record.status in ("running", "interrupted"):
                run.directory.write_record(replace(record, status="failed", failure="error", reason=reason))
    except SwimrlError:
        return  # there is no run.json, or it cannot be written; the sweep's last lines tell
