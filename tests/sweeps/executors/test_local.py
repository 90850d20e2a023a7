"""Sweeps on this machine: every run in a process of its own, whatever befalls it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from swimrl.cli.app import main
from swimrl.runs.record import read_record
from swimrl.sweeps.config import PlannedRun
from swimrl.sweeps.executors.base import Outcome, do_runs, is_busy, is_done, log_file
from swimrl.sweeps.executors.local import LocalExecutor, share
from swimrl.sweeps.plan import expand
from swimrl.sweeps.study_record import SharedChoices
from swimrl.td3.config import TD3Config
from swimrl.training import build
from swimrl.training.config import TrainConfig
from tests.sweeps.in_process import LOCAL_EXECUTOR, InProcessExecutor
from tools import torture

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="there are no signals")]

SMALL = TrainConfig(
    env="worlds/Line-v0",
    imports=("worlds",),
    act="relu",
    net="16x16",
    steps=300,
    eval_every=100,
    eval_episodes=1,
    final_episodes=1,
    checkpoint_every=100,
    td3=TD3Config(batch_size=16, learning_starts=60),
)
LONG = 1_000_000  # steps that no test waits for


@dataclass
class Diary:
    """A display that remembers, and does something when some time has passed."""

    on_refresh: Callable[[], None] = lambda: None
    events: list[tuple[str, int, str]] = field(default_factory=list)

    def event(self, run: PlannedRun, text: str) -> None:
        self.events.append((run.config.act, run.config.seed, text))

    def refresh(self) -> None:
        self.on_refresh()


@pytest.fixture(autouse=True)
def _modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2] / "users_code"))
    build.import_modules(SMALL)


def sweep(
    runs: tuple[PlannedRun, ...],
    folder: Path,
    display: Diary,
    *,
    jobs: int = 2,
    study: SharedChoices | None = None,
) -> Outcome:
    study = study or SharedChoices("test")
    return do_runs(LocalExecutor(study, folder, jobs=jobs), runs, display)


def checkpoints(run: Path) -> int:
    """Return how many checkpoints the run has written; the last two of them are there."""
    return max((int(place.name) for place in run.glob("checkpoint/0*")), default=0)


def test_what_befalls_one_run_leaves_the_others_alone(tmp_path: Path) -> None:
    callbacks = [["deeds:Notes"], ["deeds:FailsOnce"], ["deeds:Fails"], ["deeds:Dies"]]
    runs = expand(SMALL, {"callback": callbacks}, [0], tmp_path)
    noting, failing_once, failing, dying = runs
    diary = Diary()
    study = SharedChoices("a name", products={}, processor="another", primary={"metric": "last10"})
    outcome = sweep(runs, tmp_path, diary, study=study)

    assert not outcome.was_interrupted
    assert set(outcome.failed) == {failing.directory.path, dying.directory.path}
    assert [is_done(run) for run in runs] == [True, True, False, False]

    record = read_record(noting.directory.record_file)
    assert (record.resumes, record.study["name"]) == ([], "a name")
    assert record.study["primary"] == {"metric": "last10"}
    assert len(record.study["primary_sha256"]) == 64
    notes = json.loads((noting.directory.path / "notes.json").read_text())
    cores = sorted(os.sched_getaffinity(0))
    assert notes["cores"] == share(cores, 0, 2)
    assert set(notes["pools"].values()) == {"1"}
    assert {"OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"} <= set(notes["pools"])
    assert notes["torch"] == 1
    assert notes["session"] == notes["pid"]  # Ctrl-C in a terminal does not reach it

    record = read_record(failing_once.directory.record_file)
    assert [resume["step"] for resume in record.resumes] == [100]  # from its checkpoint
    failure = (
        "failed: ValueError: the first time is always hard, raised by the callback FailsOnce in step 150"
    )
    assert ("relu", 0, failure) in diary.events
    reason = outcome.failed[failing.directory.path]
    assert reason == "ValueError: it never works, raised by the callback Fails in step 150"
    record = read_record(failing.directory.record_file)
    assert (record.status, record.reason) == ("failed", reason)

    reason = outcome.failed[dying.directory.path]
    assert reason.startswith("killed by SIGKILL, which the sweep did not send; most likely out of memory")
    record = read_record(dying.directory.record_file)
    assert (record.status, record.reason) == ("failed", reason)
    log = log_file(tmp_path, dying.directory.path).read_text()
    assert log.count("out of memory") == 2
    assert [text for _, _, text in diary.events].count("started") == 4
    assert [text for _, _, text in diary.events].count("tried once more") == 3

    # The same again: what is done stays, what failed is tried again.
    again = Diary()
    (dying.directory.path / "notes.json").touch()
    outcome = sweep((noting, failing_once), tmp_path, again)
    assert (outcome.failed, again.events) == ({}, [])


def test_ctrl_c_stops_it_within_ten_seconds_and_leaves_runs_that_can_go_on(tmp_path: Path) -> None:
    runs = expand(SMALL, {"steps": [LONG]}, [0, 1, 2], tmp_path)
    asked: list[float] = []

    def ask() -> None:
        if not asked and all(checkpoints(run.directory.path) for run in runs[:2]):
            asked.append(time.monotonic())
            signal.raise_signal(signal.SIGINT)

    outcome = sweep(runs, tmp_path, Diary(ask))
    assert time.monotonic() - asked[0] < 10
    assert outcome.was_interrupted
    assert outcome.failed == {}
    for run in runs[:2]:
        record = read_record(run.directory.record_file)
        assert record.status == "interrupted"
        found = sorted((run.directory.checkpoint_folder).glob("0*/state.json"))[-1]
        assert json.loads(found.read_text())["step"] == record.steps_done
        assert not is_busy(run)
    assert not runs[2].directory.path.exists()


def test_a_run_elsewhere_is_waited_for_and_taken_over_when_it_was_given_up(tmp_path: Path) -> None:
    (run,) = expand(SMALL, {}, [0], tmp_path)
    run.directory.path.mkdir(parents=True)
    hold = (
        "import sys, time; from pathlib import Path; from swimrl.runs.lock import locked\n"
        "with locked(Path(sys.argv[1])): print('locked', flush=True); time.sleep(600)"
    )
    command = [sys.executable, "-c", hold, str(run.directory.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        diary = Diary(lambda: holder.kill() if diary.events else None)
        outcome = sweep((run,), tmp_path, diary)
    assert outcome == Outcome()
    assert [text for _, _, text in diary.events] == ["another process is at work on it", "started", "done"]
    assert is_done(run)


# Long enough that no run ends before the other one has its first checkpoints, on a busy machine too.
ARGUMENTS = (
    "--env worlds/Line-v0 --import worlds --act relu swim --net 16x16 --steps 9000 --eval-every 1500 "
    "--eval-episodes 1 --final-episodes 1 --checkpoint-every 100 --td3.batch-size 16 "
    "--td3.learning-starts 60 --jobs 2"
)


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    return torture.start(["sweep", *ARGUMENTS.split(), "--out", str(folder), *more])


def wait_until(condition: Callable[[], object], seconds: float = 300) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.05)


def runs_of(folder: Path) -> list[Path]:
    return sorted(file.parent for file in folder.glob("*/*/seed-*/run.json"))


def test_a_sweep_killed_and_started_again_by_two_is_a_sweep_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And of two sweeps on one study, none does what the other does."""
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    process = start(killed)
    wait_until(lambda: [checkpoints(run) >= 3 for run in killed.glob("*/*/seed-*")] == [True, True])
    process.kill()
    process.communicate()
    # Two at once go on, before the workers of the killed one have all ended.
    both = [start(killed), start(killed)]
    said = [torture.finish(one) for one in both]
    assert [line for text in said for line in text.splitlines() if "failed" in line] == []
    assert sum(text.count(": done") for text in said) == 2
    assert len(runs_of(killed)) == 2
    monkeypatch.setattr(LOCAL_EXECUTOR, InProcessExecutor)
    with pytest.raises(SystemExit) as end:
        main(["sweep", *ARGUMENTS.split(), "--out", str(alone)])
    assert end.value.code == 0
    for left, right in zip(runs_of(alone), runs_of(killed), strict=True):
        assert torture.differences(left, right) == []
        assert read_record(left / "run.json").resumes == []
        assert len(read_record(right / "run.json").resumes) == 1
    assert all(text.splitlines()[-1] == "2 runs: 2 done" for text in said)
