"""A run that was stopped, however, and continued is the run that was never stopped, bit for bit."""

from __future__ import annotations

import json
import logging
import random
import re
import shlex
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.callbacks import BaseCallback
from worlds import Line

from swimrl.cli.app import main
from swimrl.errors import ConfigError, DamagedFileError, InputError, RunExistsError
from swimrl.runs.checkpoint import CheckpointFolder
from swimrl.runs.directory import Episode, RunDirectory
from swimrl.runs.record import RunRecord, read_record
from swimrl.td3.config import TD3Config
from swimrl.td3.engine.thread_choice import possible_threads
from swimrl.training.config import TrainConfig
from swimrl.training.resolved import directory_of, resolve
from swimrl.training.resume import continuation, is_finished
from swimrl.training.run import execute
from tools import torture

EVALUATION_SEED = 100  # of seed 0
FINAL_SEED = 2**31


class Signalling(Line):
    """The point on a line; it can be told to stop the run in the middle of a certain episode."""

    stop_in_reset_with: int | None = None
    """Seed of the reset that begins the episode."""

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        self.countdown = 7 if seed is not None and seed == Signalling.stop_in_reset_with else 0
        return super().reset(seed=seed)

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        self.countdown -= 1
        if self.countdown == 0:
            signal.raise_signal(signal.SIGINT)
        return super().step(action)


class Counting(Line):
    """Hides in a counter of its own how many episodes it has begun."""

    episodes = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        self.episodes += 1
        _, info = super().reset(seed=seed)
        self.position += self.episodes / 1000
        return self.position.copy(), info


gym.register("resume/Line-v0", Signalling, max_episode_steps=20)
gym.register("resume/Counting-v0", Counting, max_episode_steps=20)


class Ends(BaseCallback):
    """Ends training at step 130."""

    def _on_step(self) -> bool:
        return self.num_timesteps != 130


class Silent:
    """A reporter that says nothing."""

    def start(self, steps: int) -> None: ...

    def step(self, done: int) -> None: ...

    def evaluation(self, step: int, episodes: list[Episode]) -> None: ...

    def final(self, done: int, total: int) -> None: ...

    def stop(self) -> None: ...


class StopsAt(Silent):
    """Stops the run with SIGTERM at a step, as a queueing system does."""

    def __init__(self, step: int) -> None:
        self._step = step

    def step(self, done: int) -> None:
        if done == self._step:
            signal.raise_signal(signal.SIGTERM)


SMALL = TrainConfig(
    env="resume/Line-v0",
    act="swim(k=trainable)",
    steps=260,
    net="8x8",
    eval_every=60,
    eval_episodes=2,
    final_episodes=2,
    checkpoint_every=45,
    td3=TD3Config(learning_starts=30, batch_size=8, buffer_size=100),
)


def place(config: TrainConfig, study: Path) -> RunDirectory:
    return directory_of(resolve(config), study)


def begin(config: TrainConfig, study: Path, reporter: Silent | None = None) -> RunRecord:
    return execute(resolve(config), place(config, study), reporter or Silent())


def go_on(config: TrainConfig, study: Path, reporter: Silent | None = None) -> RunRecord:
    directory = place(config, study)
    continued = continuation(resolve(config).config, directory)
    return execute(resolve(config), directory, reporter or Silent(), continuation=continued)


def differences(config: TrainConfig, left: Path, right: Path) -> list[str]:
    return torture.differences(place(config, left).path, place(config, right).path)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study with the run of `SMALL`, never stopped."""
    study = tmp_path_factory.mktemp("alone")
    begin(SMALL, study)
    return study


@pytest.fixture
def stop_in_reset_with() -> Iterator[type[Signalling]]:
    yield Signalling
    Signalling.stop_in_reset_with = None


ARMS = {
    "fused": SMALL,
    "fused, two threads": replace(SMALL, threads=2),
    "residual": replace(SMALL, net="simba:8x1"),
    "module called by autograd": replace(SMALL, act="rrelu"),
    "sb3": replace(SMALL, engine="sb3"),
    "side by side": replace(SMALL, n_envs=3, normalize_obs=True),
    "mujoco": replace(SMALL, env="Reacher-v4"),
}


@pytest.mark.parametrize("arm", ARMS)
def test_stopped_twice_and_continued_is_never_stopped(arm: str, tmp_path: Path) -> None:
    config = replace(ARMS[arm], steps=180)
    done = begin(config, tmp_path / "alone")
    assert begin(config, tmp_path / "stopped", StopsAt(21)).status == "interrupted"  # among the first actions
    assert go_on(config, tmp_path / "stopped", StopsAt(150)).status == "interrupted"  # the buffer has wrapped
    record = go_on(config, tmp_path / "stopped")
    assert record.status == "done"
    assert [resume["step"] for resume in record.resumes] == [21, 150]
    assert record.steps_done == done.steps_done
    assert record.metrics == done.metrics
    assert differences(config, tmp_path / "alone", tmp_path / "stopped") == []


def test_a_resumed_run_keeps_the_number_of_threads_that_auto_chose(tmp_path: Path) -> None:
    config = replace(SMALL, threads="auto", steps=80)
    assert begin(config, tmp_path, StopsAt(50)).engine["threads"] in possible_threads()
    file = place(config, tmp_path).record_file
    record = json.loads(file.read_text())
    record["engine"]["threads"] = 3  # as a machine with more cores may have chosen
    file.write_text(json.dumps(record))
    assert go_on(config, tmp_path).engine["threads"] == 3


def test_stopped_before_the_first_step_it_begins_as_planned(alone: Path, tmp_path: Path) -> None:
    class StopsAtOnce(Silent):
        def start(self, steps: int) -> None:
            signal.raise_signal(signal.SIGTERM)

    assert begin(SMALL, tmp_path, StopsAtOnce()).steps_done == 0
    assert go_on(SMALL, tmp_path).resumes[0]["step"] == 0
    assert differences(SMALL, alone, tmp_path) == []


def test_checkpoints_change_nothing(alone: Path, tmp_path: Path) -> None:
    without = replace(SMALL, checkpoint_every=0)
    begin(without, tmp_path)
    runs = [place(config, study).path for config, study in ((SMALL, alone), (without, tmp_path))]
    assert not (runs[1] / "checkpoint").exists()
    for name in ("evaluations.csv", "final.csv", "policy.safetensors", "policy-best.safetensors"):
        assert (runs[0] / name).read_bytes() == (runs[1] / name).read_bytes()


@pytest.mark.parametrize("seed", [EVALUATION_SEED, FINAL_SEED], ids=["evaluation", "final episodes"])
def test_an_evaluation_that_was_broken_off_is_done_again(
    seed: int, alone: Path, tmp_path: Path, stop_in_reset_with: type[Signalling]
) -> None:
    class Arms(Silent):
        def step(self, done: int) -> None:
            stop_in_reset_with.stop_in_reset_with = seed if done > 100 else None

    assert begin(SMALL, tmp_path, Arms()).status == "interrupted"
    stop_in_reset_with.stop_in_reset_with = None
    go_on(SMALL, tmp_path)
    assert differences(SMALL, alone, tmp_path) == []


@pytest.mark.parametrize("steps", [180, 200], ids=["at an evaluation", "between evaluations"])
def test_a_finished_run_goes_on_further(steps: int, alone: Path, tmp_path: Path) -> None:
    begin(replace(SMALL, steps=steps), tmp_path)
    go_on(SMALL, tmp_path)
    assert differences(SMALL, alone, tmp_path) == []


def test_time_is_counted_on(tmp_path: Path) -> None:
    before = begin(SMALL, tmp_path, StopsAt(200))
    after = go_on(SMALL, tmp_path, StopsAt(201))
    assert after.started == before.started
    assert after.updates_done == before.updates_done + 1
    for part in ("total", "updates", "evaluation", "checkpoints"):
        # What came after the checkpoint is not counted on; beside other work this can be a large part.
        assert after.wall_clock_s[part] >= before.wall_clock_s[part] * 0.5 > 0


def test_without_a_checkpoint_a_run_starts_again(alone: Path, tmp_path: Path) -> None:
    begin(SMALL, tmp_path, StopsAt(100))
    shutil.rmtree(place(SMALL, tmp_path).checkpoint_folder)
    assert (
        continuation(resolve(SMALL).config, place(SMALL, tmp_path))
        .notes[0]
        .endswith("starts again at step 0")
    )
    go_on(SMALL, tmp_path)
    assert differences(SMALL, alone, tmp_path) == []


def test_two_checkpoints_are_kept_across_a_resume(tmp_path: Path) -> None:
    begin(SMALL, tmp_path, StopsAt(100))
    folder = place(SMALL, tmp_path).checkpoint_folder
    before = max(folder.glob("0*"))
    go_on(SMALL, tmp_path, StopsAt(101))
    assert sorted(folder.glob("0*"))[0] == before
    assert len(list(folder.glob("0*"))) == 2


def test_a_damaged_checkpoint_costs_only_time(
    alone: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begin(SMALL, tmp_path, StopsAt(170))
    last = max(place(SMALL, tmp_path).checkpoint_folder.glob("0*"))
    content = bytearray((last / "arrays.safetensors").read_bytes())
    content[len(content) // 2] ^= 255
    (last / "arrays.safetensors").write_bytes(content)
    with caplog.at_level(logging.WARNING, "swimrl.runs"):
        record = go_on(SMALL, tmp_path)
    assert f"{last / 'arrays.safetensors'} was altered" in caplog.text
    assert [resume["step"] for resume in record.resumes] == [135]
    assert differences(SMALL, alone, tmp_path) == []


def test_a_callback_that_ends_training_stops_the_run_where_it_can_be_resumed(
    alone: Path, tmp_path: Path
) -> None:
    config = replace(SMALL, callback=("tests.training.test_resume:Ends",))
    stopped = begin(config, tmp_path)
    assert (stopped.status, stopped.steps_done) == ("stopped", 130)
    assert stopped.reason == (
        "stopped by the callback Ends, which returned False at step 130; a callback that goes on returns True"
    )
    assert not is_finished(place(config, tmp_path), config)
    record = go_on(config, tmp_path)
    assert (record.status, record.steps_done, record.reason) == ("done", 260, None)
    assert [resume["step"] for resume in record.resumes] == [130]
    for name in ("evaluations.csv", "policy.safetensors", "final.csv"):
        assert (place(config, tmp_path).path / name).read_bytes() == (
            place(SMALL, alone).path / name
        ).read_bytes()


def test_an_environment_that_hides_its_state_is_noticed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = replace(SMALL, env="resume/Counting-v0")
    begin(config, tmp_path, StopsAt(150))
    with caplog.at_level(logging.WARNING, "swimrl.training"):
        record = go_on(config, tmp_path)
    assert "did not come to the same observation when its episode was repeated" in caplog.text
    assert record.status == "done"
    assert record.steps_done == 260


class TestRefusals:
    def test_other_settings(self, tmp_path: Path) -> None:
        begin(SMALL, tmp_path, StopsAt(50))
        other = replace(SMALL, td3=replace(SMALL.td3, lr=0.5), n_envs=2)
        directory = place(SMALL, tmp_path)
        with pytest.raises(ConfigError, match=r"n_envs 1 there, 2 here; td3\.lr 0\.0003 there, 0\.5 here"):
            continuation(resolve(other).config, directory)
        with pytest.raises(ConfigError, match="seed 0 there, 1 here"):
            continuation(resolve(replace(SMALL, seed=1)).config, directory)

    def test_a_record_that_was_changed_by_hand(self, tmp_path: Path) -> None:
        begin(SMALL, tmp_path, StopsAt(50))
        directory = place(SMALL, tmp_path)
        content = json.loads(directory.record_file.read_text())
        content["config"]["td3"]["gamma"] = 0.5
        directory.record_file.write_text(json.dumps(content))
        changed = resolve(replace(SMALL, td3=replace(SMALL.td3, gamma=0.5))).config
        with pytest.raises(ConfigError, match=r"td3\.gamma 0\.99 there, 0\.5 here"):
            continuation(changed, directory)

    def test_no_run_with_these_settings(self, tmp_path: Path) -> None:
        begin(SMALL, tmp_path, StopsAt(50))
        other = replace(SMALL, td3=replace(SMALL.td3, lr=0.5))
        nearest = re.escape(f"swimrl resume {place(SMALL, tmp_path).path}")
        with pytest.raises(InputError, match=rf"the nearest differs \(td3\.lr 0\.0003 .*{nearest}"):
            continuation(resolve(other).config, place(other, tmp_path))
        with pytest.raises(InputError, match="leave out --resume to start one"):
            continuation(resolve(SMALL).config, place(SMALL, tmp_path / "elsewhere"))

    def test_fewer_steps_than_done(self, alone: Path) -> None:
        with pytest.raises(ConfigError, match="--steps is 100, but the run has done 260"):
            continuation(resolve(replace(SMALL, steps=100)).config, place(SMALL, alone))

    def test_a_finished_run_without_checkpoint(self, tmp_path: Path) -> None:
        begin(replace(SMALL, checkpoint_every=0), tmp_path)
        with pytest.raises(InputError, match="its checkpoint was deleted"):
            continuation(resolve(replace(SMALL, steps=300)).config, place(SMALL, tmp_path))

    def test_evaluations_that_are_missing(self, tmp_path: Path) -> None:
        begin(SMALL, tmp_path, StopsAt(100))
        file = place(SMALL, tmp_path).evaluations_file
        content = file.read_bytes()
        file.write_bytes(content[:-5])
        with pytest.raises(DamagedFileError, match=r"evaluations\.csv is missing or cut off"):
            go_on(SMALL, tmp_path)
        file.unlink()
        with pytest.raises(DamagedFileError, match=r"evaluations\.csv is missing or cut off"):
            go_on(SMALL, tmp_path)

    def test_a_product_backend_that_does_not_exist(self, tmp_path: Path) -> None:
        begin(SMALL, tmp_path, StopsAt(100))
        directory = place(SMALL, tmp_path)
        folder = CheckpointFolder(directory.checkpoint_folder)
        found = folder.read()
        assert found is not None
        products = found.state["agent"]["engine"]["products"]
        products[next(iter(products))] = "abacus"
        folder.write(found.state, found.shared)
        before = directory.record_file.read_bytes(), directory.evaluations_file.read_bytes()
        with pytest.raises(ConfigError, match="is pinned to the backend 'abacus'"):
            go_on(SMALL, tmp_path)
        assert (directory.record_file.read_bytes(), directory.evaluations_file.read_bytes()) == before

    def test_a_run_that_another_process_is_working_on(self, tmp_path: Path) -> None:
        begin(SMALL, tmp_path, StopsAt(100))
        directory = place(SMALL, tmp_path)
        before = directory.record_file.read_bytes(), directory.evaluations_file.read_bytes()
        with directory.at_work(), pytest.raises(RunExistsError, match="another process is at work"):
            go_on(SMALL, tmp_path)
        assert (directory.record_file.read_bytes(), directory.evaluations_file.read_bytes()) == before


class TestCommand:
    LINE = shlex.split(
        "--import tests.training.test_resume --env resume/Line-v0 --act relu --net 8x8 --steps 90 "
        "--eval-every 60 --eval-episodes 1 --final-episodes 0 --td3.learning-starts 30 --td3.batch-size 8"
    )

    def run(self, *arguments: str) -> object:
        with pytest.raises(SystemExit) as end:
            main(arguments)
        return end.value.code

    def test_a_finished_run_says_so_and_nothing_happens(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        train = ["train", *self.LINE, "--out", str(tmp_path)]
        assert self.run(*train) == 0
        (record,) = tmp_path.rglob("run.json")
        before = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")}
        capsys.readouterr()
        for command in (["resume", str(record.parent)], [*train, "--resume"]):
            assert self.run(*command) == 0
            said = capsys.readouterr()
            assert said.out == f"the run in {record.parent} is finished; a larger --steps goes on further\n"
            assert said.err == ""
        assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*")} == before

    def test_more_steps_continue_it(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert self.run("train", *self.LINE, "--out", str(tmp_path)) == 0
        (file,) = tmp_path.rglob("run.json")
        capsys.readouterr()
        assert self.run("resume", str(file.parent), "--steps", "120", "--checkpoint-every", "40") == 0
        said = capsys.readouterr().out.splitlines()
        assert said[1:4] == [
            f"run directory: {file.parent}",
            "continues at step 90",
            "not in the checkpoint: what resume/Line-v0 remembers from one episode to the next",
        ]
        record = read_record(file)
        assert record.steps_done == record.config["steps"] == 120
        assert record.config["checkpoint_every"] == 40

    def test_resume_and_overwrite_exclude_each_other(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert self.run("train", *self.LINE, "--out", str(tmp_path), "--resume", "--overwrite") == 2
        assert "give one of the two" in capsys.readouterr().err
        assert list(tmp_path.iterdir()) == []


def test_what_lies_outside_the_promise_is_said(tmp_path: Path) -> None:
    config = replace(SMALL, callback=("tests.training.test_resume:Ends",))
    begin(config, tmp_path, StopsAt(50))
    directory = place(config, tmp_path)
    content = json.loads(directory.record_file.read_text())
    content["versions"]["mujoco"] = "1.50"
    directory.record_file.write_text(json.dumps(content))
    continued = continuation(resolve(config).config, directory)
    notes = "; ".join(continued.notes)
    assert "may not be exact: mujoco was 1.50, is " in notes
    assert "gymnasium" not in notes
    assert "what tests.training.test_resume:Ends remembers" in notes
    assert "what resume/Line-v0 remembers from one episode to the next" in notes
    assert continued.changed["mujoco"][0] == "1.50"


@pytest.mark.slow
def test_a_run_killed_up_to_three_times_is_the_run_left_alone(tmp_path: Path) -> None:
    world = torture.WORLDS["hopper"]
    alone = torture.left_alone(world, tmp_path / "alone")
    trained_s = read_record(alone / "run.json").wall_clock_s["total"]
    killed, moments = torture.killed(world, tmp_path / "killed", 3, trained_s / 6, random.Random(0))
    assert moments  # on a machine with other work a session can be faster than the one before
    assert torture.differences(alone, killed) == []


@pytest.mark.slow
def test_a_run_stopped_by_the_system_says_how_to_continue(tmp_path: Path) -> None:
    arguments = [*torture.WORLDS["hopper"], *torture.COMMON, "--out", str(tmp_path)]
    process = torture.start(["train", *arguments])
    assert torture.wait_until_it_trains(process, tmp_path)
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=120)
    run = torture.run_directory(tmp_path)
    assert process.returncode == 130
    assert f"continue it with: swimrl resume {run}" in said
    assert list((run / "checkpoint").glob("0*/manifest.json"))
