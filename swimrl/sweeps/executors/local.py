"""Runs on this machine, each in a process of its own with its share of the cores.

Several sweeps may work on one study, on this machine or on others that share the folder: the lock of each run
keeps them apart.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from swimrl.fields import to_mapping
from swimrl.host import limited_threads, usable_cores
from swimrl.sweeps.config import PlannedRun
from swimrl.sweeps.executors.base import Ended, is_done, log_file
from swimrl.sweeps.executors.local_process import BUSY, INTERRUPTED, STOPPED
from swimrl.sweeps.study_record import SharedChoices

_POLL_S = 0.2
_STOP_S = 8.0
"""The processes have this many seconds for their checkpoints when the sweep is stopped."""


@dataclass
class _Process:
    run: PlannedRun
    slot: int
    process: subprocess.Popen[bytes]
    log: Path
    log_start: int
    """Size of the log, in bytes, before this process started."""


class LocalExecutor:
    """Does runs side by side on this machine.

    Args:
        study: What all runs of the study share.
        folder: The study's folder.
        jobs: How many runs at once.
        cores: The cores that the runs share; all that this process may use when not given.
    """

    def __init__(
        self, study: SharedChoices, folder: Path, *, jobs: int, cores: Sequence[int] | None = None
    ) -> None:
        self._study = study
        self._folder = folder
        self._jobs = jobs
        self._cores = cores or _cores_here()
        self._free_slots = list(range(jobs))
        self._processes: list[_Process] = []

    @property
    def has_room(self) -> bool:
        """Whether another run can start now."""
        return bool(self._free_slots)

    def start(self, run: PlannedRun) -> str:
        """Start a process for the run."""
        slot = self._free_slots.pop(0)
        job = {
            "config": to_mapping(run.config),
            "directory": str(run.directory.path),
            "study": asdict(self._study),
            "cores": share(self._cores, slot, self._jobs),
        }
        log = log_file(self._folder, run.directory.path)
        log_start = log.stat().st_size if log.exists() else 0
        process = _start(job, threads=run.config.fixed_threads, log=log)
        self._processes.append(_Process(run, slot, process, log, log_start))
        return "started"

    def poll(self) -> list[Ended]:
        """Return the runs whose processes ended."""
        time.sleep(_POLL_S)
        ended = [process for process in self._processes if process.process.poll() is not None]
        for process in ended:
            self._forget(process)
        return [_ended(process) for process in ended]

    def stop(self) -> None:
        """Stop all processes at a checkpoint; kill those that take too long."""
        for process in self._processes:
            process.process.terminate()
        deadline = time.monotonic() + _STOP_S
        for process in list(self._processes):
            try:
                process.process.wait(max(deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                process.process.kill()  # its last checkpoint stays
                process.process.wait()
            self._forget(process)

    def _forget(self, process: _Process) -> None:
        self._processes.remove(process)
        self._free_slots.append(process.slot)
        self._free_slots.sort()
        assert process.process.stdin is not None
        process.process.stdin.close()


def share(cores: Sequence[int], slot: int, jobs: int) -> list[int]:
    """Return the cores of one of ``jobs`` equal processes.

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


def _cores_here() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(usable_cores()))


def _start(job: Mapping[str, object], *, threads: int, log: Path) -> subprocess.Popen[bytes]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "swimrl.sweeps.executors.local_process"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            env=limited_threads(threads),
            # Ctrl-C in a terminal reaches the sweep alone, which stops its processes once.
            start_new_session=True,
        )
    assert process.stdin is not None
    process.stdin.write(json.dumps(job).encode() + b"\n")
    process.stdin.flush()
    return process


def _ended(process: _Process) -> Ended:
    code, run = process.process.returncode, process.run
    if code == BUSY:
        return Ended(run, "busy")
    if code == 0 and is_done(run):
        return Ended(run, "done")
    return Ended(run, "stopped" if code == STOPPED else "failed", _reason(process, code))


def _reason(process: _Process, code: int) -> str:
    """Return why a process ended: what the log says, or, if the process could not write it, the signal."""
    reason = None
    if code == INTERRUPTED:
        reason = "stopped by a signal that the sweep did not send"
    elif code < 0:
        name = signal.Signals(-code).name
        reason = f"killed by {name}, which the sweep did not send"
        if name == "SIGKILL":
            reason += "; most likely out of memory: try fewer --jobs"
    if reason:
        with process.log.open("a", encoding="utf-8") as file:
            file.write(f"{reason}\n")
        return reason
    text = process.log.read_bytes()[process.log_start :].decode(errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix("error: ") if lines else f"ended with exit code {code} and no message"
