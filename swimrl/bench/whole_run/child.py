"""The process of an arm: it starts whole runs, each in a process of its own, and divides their seconds.

`swimrl.bench.whole_run.config` starts it; the settings name the program and describe its run. Standard
library only, so that it takes no time of the processor away from the run.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from swimrl.bench.whole_run.marks import Report
from swimrl.bench.whole_run.parts import FIRST_UPDATES, divide
from swimrl.timing.clock import Parts, Work
from swimrl.timing.worker import Offer, Settings, serve

_CACHE_VARIABLES = ("XDG_CACHE_HOME", "TMPDIR")
"""Where swimrl keeps compiled code and choices, and where RLtools keeps its compiled loop."""


def prepare(settings: Settings) -> Offer:
    """Return the works of this arm, after a first run that fills the caches.

    Args:
        settings: ``command``, a program of `swimrl.bench.whole_run.programs`; ``has_cache``, whether it keeps
            compiled code on disk; ``run``, what the program receives.
    """
    first = {**settings["run"], "steps": settings["run"]["learning_starts"] + FIRST_UPDATES}
    report, _ = _run(settings, {**first, "eval_episodes": 1, "final_episodes": 0})
    works = {"warm": _work(settings, is_cold=False)}
    if settings["has_cache"]:
        works["cold"] = _work(settings, is_cold=True)
    return Offer({"versions": report.versions}, works)


def parts_of_run(settings: Settings, *, is_cold: bool) -> dict[str, float]:
    """Do a whole run and return the seconds of each part.

    Args:
        settings: As for `prepare`.
        is_cold: Whether the run finds nothing that was compiled before.
    """
    caches: AbstractContextManager[Mapping[str, str]] = _empty_caches() if is_cold else nullcontext({})
    with caches as changes:
        report, times = _run(settings, settings["run"], changes)
    return divide(report, *times, settings["run"])


def _work(settings: Settings, *, is_cold: bool) -> Work:
    def do(count: int) -> Parts:
        parts = [parts_of_run(settings, is_cold=is_cold) for _ in range(count)]
        return {name: (sum(one[name] for one in parts), None) for name in parts[0]}

    return Work(do, cpu_clock=_seconds_of_children)


def _run(
    settings: Settings, run: Mapping[str, Any], changes: Mapping[str, str] | None = None
) -> tuple[Report, tuple[float, float]]:
    """Do one run and return its report, and when its command began and ended.

    Raises:
        RuntimeError: If it fails; the message is the last line that it printed.
    """
    with tempfile.TemporaryDirectory(prefix="swimrl-bench-") as folder:
        report = Path(folder) / "report.json"
        content = {**run, "folder": str(Path(folder) / "run"), "report": str(report)}
        (Path(folder) / "run").mkdir()
        began = time.time()
        done = subprocess.run(  # noqa: S603 - one of our own programs
            [*settings["command"], json.dumps(content)],
            env={**os.environ, **(changes or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        ended = time.time()
        if done.returncode:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            raise RuntimeError(lines[-1] if lines else f"ended with exit code {done.returncode}")
        return Report.read(report), (began, ended)


@contextmanager
def _empty_caches() -> Iterator[Mapping[str, str]]:
    with tempfile.TemporaryDirectory(prefix="swimrl-bench-cache-") as folder:
        yield dict.fromkeys(_CACHE_VARIABLES, folder)


def _seconds_of_children() -> float:
    """Return the processor seconds of all runs so far."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    serve(prepare)
