"""An executor that does runs in the process of the test, where a process for each run is not the point.

Such a process imports PyTorch, which takes longer than the runs of tests. `test_local.py` has real processes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from swimrl.sweeps.config import PlannedRun
from swimrl.sweeps.executors.base import Ended
from swimrl.sweeps.job import run_job
from swimrl.sweeps.study_record import SharedChoices
from swimrl.training.progress import SilentReporter


class InProcessExecutor:
    """Takes the arguments of `LocalExecutor`, and does each run at once when it is started."""

    def __init__(self, study: SharedChoices, folder: Path, **options: Any) -> None:
        self._study = study
        self._ended: list[Ended] = []

    @property
    def has_room(self) -> bool:
        return not self._ended

    def start(self, run: PlannedRun) -> str:
        record = run_job(run.config, run.directory, SilentReporter(), self._study)
        assert record.status == "done"
        self._ended.append(Ended(run, "done"))
        return "started"

    def poll(self) -> list[Ended]:
        ended, self._ended = self._ended, []
        return ended

    def stop(self) -> None: ...


LOCAL_EXECUTOR = "swimrl.sweeps.executors.local.LocalExecutor"
"""What to replace by it, as a target of `monkeypatch.setattr`."""
