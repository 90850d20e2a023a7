"""What those who do a study tell while they are at it, and at its end. Light."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from swimrl.errors import DamagedFileError
from swimrl.training.resume import is_finished

if TYPE_CHECKING:
    from swimrl.sweeps.plan import PlannedRun

LOG_FOLDER = "logs"


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

    was_interrupted: bool = False
    """Whether Ctrl-C or SIGTERM ended it before all was done."""


def is_done(run: PlannedRun) -> bool:
    """Return whether nothing is left of a run."""
    try:
        return is_finished(run.directory, run.config)
    except DamagedFileError:
        return False  # whoever is to do it tells


def log_file(folder: Path, directory: Path) -> Path:
    """Return where that goes which a run's processes have to say, and why they ended."""
    return folder / LOG_FOLDER / f"{'.'.join(directory.parts[-3:])}.log"
