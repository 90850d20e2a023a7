"""What a timed run reports: when its steps ended, and how long some calls took. Standard library only.

The clock is ``time.time``, because the process that starts a run reads the same one.
"""

from __future__ import annotations

import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Report:
    """The marks of one run, as the process that started it reads them."""

    began: float
    """When the training loop began."""

    steps: list[float]
    """When each environment step of training was done."""

    calls: dict[str, list[float]]
    """Seconds of each call, by part: ``evaluations``, ``final``, ``looks``, ``checkpoints``."""

    versions: dict[str, str]
    """Of the libraries that the contender consists of."""

    @staticmethod
    def read(path: Path) -> Report:
        """Return the report that `Marks.write` wrote to ``path``."""
        return Report(**json.loads(path.read_text(encoding="utf-8")))


class Marks:
    """Collects the times of a run.

    Args:
        settings: Of the run; ``report`` is the file for the result.
    """

    def __init__(self, settings: Settings) -> None:
        self._path = Path(settings["report"])
        self._began = 0.0
        self._steps: list[float] = []
        self.calls: dict[str, list[float]] = defaultdict(list)

    def begin(self) -> None:
        """Mark the beginning of the training loop."""
        self._began = time.time()

    def step(self) -> None:
        """Mark the end of an environment step."""
        self._steps.append(time.time())

    @contextmanager
    def call(self, part: str) -> Iterator[None]:
        """Measure the seconds spent within, as one call of a part."""
        before = time.time()
        yield
        self.calls[part].append(time.time() - before)

    def write(self, *libraries: str) -> None:
        """Write the report, with the versions of ``libraries``."""
        versions = {name: version(name) for name in libraries}
        content = {
            "began": self._began,
            "steps": self._steps,
            "calls": self.calls,
            "versions": versions,
        }
        self._path.write_text(json.dumps(content), encoding="utf-8")


def settings_from_command_line() -> Settings:
    """Return the settings of the run that this process is: the JSON text that is its only argument."""
    settings: Settings = json.loads(sys.argv[1])
    return settings
