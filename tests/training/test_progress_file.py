"""progress.json: it is there while a run goes on and gone afterwards, whoever started the run."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from swimrl.runs.directory import Episode, RunDirectory
from swimrl.td3.config import TD3Config
from swimrl.training import build, progress_file
from swimrl.training.config import TrainConfig
from swimrl.training.progress import SilentReporter
from swimrl.training.progress_file import Progress, ProgressFile, read_progress
from swimrl.training.resolved import resolve
from swimrl.training.run import execute

SMALL = TrainConfig(
    env="worlds/Line-v0",
    imports=("worlds",),
    act="relu",
    net="16x16",
    steps=120,
    eval_every=50,
    eval_episodes=1,
    final_episodes=0,
    td3=TD3Config(batch_size=16, learning_starts=60),
)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_file, "_PERIOD_S", 0.01)


def test_the_file_is_there_while_a_run_goes_on(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    reporter = ProgressFile(directory)
    reporter.start(100)
    reporter.evaluation(0, [Episode(1.0, 5), Episode(2.0, 5)])
    seen: Progress | None = None
    for step in range(40):
        reporter.step(step)
        time.sleep(0.005)
        seen = read_progress(directory) or seen
    reporter.stop()
    assert seen is not None
    assert (seen.steps, seen.last_return, seen.is_alive) == (100, 1.5, True)
    assert 0 < seen.step < 40
    assert seen.steps_per_s is None or 0 < seen.steps_per_s <= 200
    assert read_progress(directory) is None
    assert list(tmp_path.iterdir()) == []


class Waits(SilentReporter):
    """Waits at step 100 until progress.json says so."""

    def __init__(self, directory: RunDirectory) -> None:
        self._directory = directory
        self.seen: Progress | None = None

    def step(self, done: int) -> None:
        until = time.monotonic() + 10
        while done == 100 and self.seen is None and time.monotonic() < until:
            progress = read_progress(self._directory)
            self.seen = progress if progress and progress.step == 100 else None


def test_every_run_writes_one(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path)
    build.import_modules(SMALL)
    reporter = Waits(directory)
    execute(resolve(SMALL), directory, reporter)
    assert reporter.seen is not None
    assert (reporter.seen.steps, reporter.seen.last_return is not None) == (120, True)
    assert read_progress(directory) is None


def test_half_a_file_is_none(tmp_path: Path) -> None:
    (tmp_path / progress_file.FILE_NAME).write_text('{"step": 1')
    assert read_progress(RunDirectory(tmp_path)) is None


def test_stopping_what_was_never_started_is_no_error(tmp_path: Path) -> None:
    ProgressFile(RunDirectory(tmp_path)).stop()
