"""How far a run is, told by a small file beside it, so that any process can see it. Light.

    progress.json   {"step": 41000, "steps": 1000000, "steps_per_s": 213.4, "last_return": 3012.5, "at": ...}

The file is replaced every second while the run goes and deleted when it ends. One that has not been replaced
for a while belongs to a run that was killed.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import asdict, dataclass

from swimrl.runs.directory import Episode, RunDirectory

FILE_NAME = "progress.json"

ALIVE_S = 30.0
"""Seconds after which a file that was not replaced means that its run was killed."""

_PERIOD_S = 1.0
_RATE_WINDOW = 30
"""Writings of the file over which the speed is an average."""


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    step: int
    steps: int
    steps_per_s: float | None
    last_return: float | None
    """Mean return of the last evaluation."""
    at: float
    """Seconds since 1970."""

    @property
    def is_alive(self) -> bool:
        """Whether the run goes on, as far as a file can tell."""
        return time.time() - self.at < ALIVE_S


def read_progress(directory: RunDirectory) -> Progress | None:
    """Return what the run's progress file says; None where there is none."""
    try:
        return Progress(**json.loads((directory.path / FILE_NAME).read_text()))
    except (OSError, ValueError, TypeError):
        return None


class FileReporter:
    """Writes progress.json in the run's directory every second, whatever the run is doing.

    Args:
        directory: The run's; it is there when the run starts.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self._file = directory.path / FILE_NAME
        self._step = 0
        self._steps = 0
        self._last_return: float | None = None
        self._history: deque[tuple[float, int]] = deque(maxlen=_RATE_WINDOW)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._write_until_the_end, daemon=True)

    def start(self, steps: int) -> None:
        """Begin to write."""
        self._steps = steps
        self._thread.start()

    def step(self, done: int) -> None:
        """Remember how far the run is."""
        self._step = done

    def evaluation(self, step: int, episodes: list[Episode]) -> None:
        """Remember the mean return."""
        self._last_return = sum(episode.undiscounted_return for episode in episodes) / len(episodes)

    def final(self, done: int, total: int) -> None:
        """Fresh episodes take seconds; nothing tells of them."""

    def stop(self) -> None:
        """Delete the file: from here on run.json says all."""
        self._ended.set()
        self._thread.join()
        self._file.unlink(missing_ok=True)

    def _write_until_the_end(self) -> None:
        while not self._ended.wait(_PERIOD_S):
            self._write()

    def _write(self) -> None:
        now, step = time.time(), self._step
        self._history.append((now, step))
        (first, first_step), rate = self._history[0], None
        if step > first_step:
            rate = (step - first_step) / (now - first)
        progress = Progress(step, self._steps, rate, self._last_return, now)
        aside = self._file.with_name(f"{FILE_NAME}.new")
        # A full disk stops the run where it writes what counts; the display can wait.
        with suppress(OSError):
            aside.write_text(json.dumps(asdict(progress)))
            aside.replace(self._file)
