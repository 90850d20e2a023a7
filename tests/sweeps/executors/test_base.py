"""The scheduler that all executors share, with an executor whose runs end as the test says."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from swimrl.runs.directory import RunDirectory
from swimrl.runs.lock import locked
from swimrl.runs.record import RunRecord
from swimrl.sweeps.config import PlannedRun
from swimrl.sweeps.executors import base
from swimrl.sweeps.executors.base import Attempts, Ended, Ending, Outcome, do_runs
from swimrl.training.config import TrainConfig


class Scripted:
    """An executor whose runs end at the next poll, each time in the way that the script says next."""

    def __init__(self, script: dict[str, list[Ending]], jobs: int = 1) -> None:
        self.script, self.jobs = script, jobs
        self.at_work: list[PlannedRun] = []
        self.started: list[str] = []
        self.has_stopped = False

    @property
    def has_room(self) -> bool:
        return len(self.at_work) < self.jobs

    def start(self, run: PlannedRun) -> str:
        self.at_work.append(run)
        self.started.append(run.directory.path.name)
        return "started"

    def poll(self) -> list[Ended]:
        ended = [
            Ended(run, self.script[run.directory.path.name].pop(0), "the reason") for run in self.at_work
        ]
        self.at_work.clear()
        return ended

    def stop(self) -> None:
        self.has_stopped = True


class Lines:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def event(self, run: PlannedRun, text: str) -> None:
        self.lines.append(f"{run.directory.path.name} {text}")

    def refresh(self) -> None:
        """Nothing is drawn."""


@pytest.fixture(autouse=True)
def _look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_LOOK_ELSEWHERE_S", 0.0)


def do(tmp_path: Path, script: dict[str, list[Ending]], jobs: int = 1) -> tuple[Outcome, Scripted, Lines]:
    runs = [PlannedRun(TrainConfig(), RunDirectory(tmp_path / name)) for name in script]
    executor, lines = Scripted(script, jobs), Lines()
    outcome = do_runs(executor, runs, lines)
    assert executor.has_stopped
    return outcome, executor, lines


@pytest.mark.parametrize(
    ("endings", "is_failed"),
    [
        (["done"], False),
        (["failed", "done"], False),
        (["failed", "failed"], True),
        (["lost", "lost", "lost", "done"], False),
        (["lost", "lost", "lost", "lost"], True),
        (["lost", "failed", "lost", "done"], False),  # the two are counted apart
    ],
)
def test_a_run_is_tried_again_until_its_attempts_are_used_up(
    endings: Sequence[Ending], is_failed: bool, tmp_path: Path
) -> None:
    outcome, executor, _ = do(tmp_path, {"a": list(endings)})
    assert executor.started == ["a"] * len(endings)
    assert outcome.failed == ({tmp_path / "a": "the reason"} if is_failed else {})


def test_a_run_that_failed_is_tried_before_the_others_which_go_on(tmp_path: Path) -> None:
    outcome, executor, lines = do(tmp_path, {"a": ["failed", "failed"], "b": ["done"]})
    assert executor.started == ["a", "a", "b"]
    assert list(outcome.failed) == [tmp_path / "a"]
    assert lines.lines == [
        "a started",
        "a failed: the reason",
        "a tried once more",
        "a failed again: the reason",
        "b started",
        "b done",
    ]


def test_a_run_that_a_callback_ended_is_neither_failed_nor_tried_again(tmp_path: Path) -> None:
    outcome, executor, _ = do(tmp_path, {"a": ["stopped"]})
    assert executor.started == ["a"]
    assert outcome == Outcome(stopped={tmp_path / "a": "the reason"})


def test_a_busy_run_is_taken_up_again(tmp_path: Path) -> None:
    _, executor, lines = do(tmp_path, {"a": ["busy", "done"], "b": ["done"]})
    assert executor.started == ["a", "b", "a"]
    assert "a another process is at work on it" in lines.lines


def test_a_run_that_another_process_holds_is_not_started(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    run = PlannedRun(TrainConfig(), RunDirectory(tmp_path / "a"))
    with locked(tmp_path / "a"):
        assert base.is_busy(run)
    assert not base.is_busy(run)


def test_a_run_that_was_killed_and_is_not_tried_again_says_failed(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    empty: list[dict[str, Any]] = [{} for _ in range(7)]
    RunDirectory(tmp_path / "a").write_record(RunRecord(*empty))
    do(tmp_path, {"a": ["failed", "failed"]})
    content = json.loads((tmp_path / "a/run.json").read_text())
    assert (content["status"], content["failure"], content["reason"]) == ("failed", "error", "the reason")


def test_attempts_count_nothing_else() -> None:
    attempts = Attempts()
    attempts.count("busy")
    assert attempts == Attempts(0, 0)
    assert not attempts.are_used_up
