"""A study on disk, as Python sees it: its status and its runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from swimrl.errors import InputError
from swimrl.sweeps.status import StatusReader, StudyStatus, runs_in
from swimrl.sweeps.study_record import read_study_record

if TYPE_CHECKING:
    from swimrl.training import Run


class Study:
    """A study on disk, whether it is done or still going on.

    It stands for its folder: ``swimrl.report(study)`` reports on it.

    Args:
        path: The study's folder.

    Attributes:
        path: The study's folder.
        reader: Reads the status of the study.

    Example:
        >>> import swimrl, tempfile
        >>> small = dict(steps=20, net="8x8", eval_every=20, eval_episodes=1, final_episodes=0)
        >>> study = swimrl.sweep(
        ...     env="Pendulum-v1", act=["swim"], out=tempfile.mkdtemp(), progress=False, **small
        ... )
        >>> study.status().counts
        {'done': 1}
        >>> [run.config.act for run in study.runs]
        ['swim']
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        record = read_study_record(self.path)
        planned = record.paths(self.path) if record else {}
        self.name = record.study.name if record else self.path.name
        others = [path for path in runs_in(self.path) if path not in planned]
        self.reader = StatusReader({**planned, **dict.fromkeys(others)})

    def status(self) -> StudyStatus:
        """Return how far each run is: data for each, shown as a table."""
        return self.reader.read()

    @property
    def runs(self) -> list[Run]:
        """The runs that have begun, in the order of the study."""
        from swimrl.training import open_run

        return [open_run(run.path) for run in self.status() if (run.path / "run.json").exists()]

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"Study({str(self.path)!r}): {self.status().summary}"

    def _repr_html_(self) -> str:
        return self.status()._repr_html_()


def open_study(path: str | os.PathLike[str]) -> Study:
    """Return the study in a folder, or the runs of one environment, one arm or one run below it.

    Raises:
        InputError: If the folder holds no runs.
        DamagedFileError: If study.json cannot be read.

    Example:
        >>> open_study("nothing")
        Traceback (most recent call last):
        swimrl.errors.InputError: nothing holds no runs; name the folder of a study, such as runs/default
    """
    study = Study(path)
    if not study.status():
        raise InputError(f"{study.path} holds no runs; name the folder of a study, such as runs/default")
    return study
