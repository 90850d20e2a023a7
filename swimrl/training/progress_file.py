"""progress.json: how far a run is, for any process that wants to know. Light.

    progress.json   {"step": 41000, "steps": 1000000, "steps_per_s": 213.4, "last_return": 3012.5, "at": ...}

Every run replaces its file each second and deletes it at its end. If a file has not been replaced for half a
minute, its run was killed.
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
"""If the file is older than this, in seconds, its run was killed."""

_PERIOD_S = 1.0
_RATE_WINDOW = 30
"""The speed is an average over this many versions of the file."""


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
        """Whether the file is recent, so that its run goes on."""
        return time.time() - self.at < ALIVE_S


def read_progress(directory: RunDirectory) -> Progress | None:
    """Return the content of a run's progress.json; None if the run has none."""
    try:
        return Progress(**json.loads((directory.path / FILE_NAME).read_text()))
    except (OSError, ValueError, TypeError):
        return None


class ProgressFile:
    """A `swimrl.training.progress.Reporter` that writes progress.json every second.

    A thread writes the file, so that it is recent during an evaluation too.

    Args:
        directory: The directory of the run. It exists when the run starts.
    """

    def __init__(self, directory: RunDirectory) -> None:
        self._file = directory.path / FILE_NAME
        self._step = 0
        self._steps = 0
        self._last_return: float | None = None
        self._history: deque[tuple[float, int]] = deque(maxlen=_RATE_WINDOW)
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, steps: int) -> None:
        """Start to write the file."""
        self._steps = steps
        self._thread = threading.Thread(target=self._write_until_the_end, daemon=True)
        self._thread.start()

    def step(self, done: int) -> None:
        """Store the step for the next version of the file."""
        self._step = done

    def evaluation(self, step: int, episodes: list[Episode]) -> None:
        """Store the mean return for the next version of the file."""
        self._last_return = sum(episode.undiscounted_return for episode in episodes) / len(episodes)

    def final(self, done: int, total: int) -> None:
        """The file does not count fresh episodes, which take seconds."""

    def stop(self) -> None:
        """Delete the file. From here on run.json says everything."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        with suppress(OSError):  # the folder may have become read-only; a file that stays grows old
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
        # A full disk stops the run when it writes its records. A progress file is not worth an error.
        with suppress(OSError):
            aside.write_text(json.dumps(asdict(progress)))
            aside.replace(self._file)
