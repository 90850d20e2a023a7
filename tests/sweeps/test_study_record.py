"""study.json: written once, read back, kept by later sweeps; and the probe that fills it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.mujoco.inverted_pendulum_v5 import InvertedPendulumEnv

from swimrl.errors import ConfigError, DamagedFileError, SwimrlError
from swimrl.runs.lock import LOCK_NAME
from swimrl.runs.naming import STUDY_FILE
from swimrl.sweeps.plan import expand
from swimrl.sweeps.prepare import prepare
from swimrl.sweeps.probe import kind_of
from swimrl.sweeps.study_record import (
    SharedChoices,
    Speed,
    StudyRecord,
    alone,
    read_study_record,
    write_study_record,
)
from swimrl.td3.config import TD3Config
from swimrl.training.config import TrainConfig

RECORD = StudyRecord(
    study=SharedChoices(
        "name", {"2x3x4": "torch"}, "a processor", {"metric": "last10"}, {"study": "a tuning"}
    ),
    speeds={"1a2b3c4d": Speed(0.001, 0.01)},
    runs={"Hopper-v4/swim-1a2b3c4d/seed-0": 1000},
)
SMALL = TrainConfig(net="16x16", env="InvertedPendulum-v5", steps=100, td3=TD3Config(batch_size=16))


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_study_record(tmp_path) is None
    write_study_record(tmp_path, RECORD)
    assert read_study_record(tmp_path) == RECORD
    assert RECORD.paths(tmp_path) == {tmp_path / "Hopper-v4/swim-1a2b3c4d/seed-0": 1000}


@pytest.mark.parametrize("text", ["{", "[]", '{"schema_version": 1}', '{"schema_version": 1, "study": 3}'])
def test_a_damaged_one_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / STUDY_FILE).write_text(text)
    with pytest.raises(DamagedFileError, match=r"study\.json is damaged"):
        read_study_record(tmp_path)


def test_another_schema_is_refused(tmp_path: Path) -> None:
    write_study_record(tmp_path, RECORD)
    text = (tmp_path / STUDY_FILE).read_text()
    (tmp_path / STUDY_FILE).write_text(text.replace('"schema_version": 1', '"schema_version": 2'))
    with pytest.raises(DamagedFileError, match="schema version 2; this swimrl reads version 1"):
        read_study_record(tmp_path)


def test_a_run_is_told_the_name_the_declared_comparison_and_the_tuning() -> None:
    facts = RECORD.study.facts()
    assert (facts["name"], facts["products_chosen_on"]) == ("name", "a processor")
    assert facts["primary"] == {"metric": "last10"}
    assert facts["tuning"] == {"study": "a tuning"}
    assert (
        facts["primary_sha256"] != SharedChoices("name", primary={"metric": "auc"}).facts()["primary_sha256"]
    )
    assert set(SharedChoices("name").facts()) == {"name", "products_chosen_on"}


def test_two_sweeps_do_not_write_it_at_once(tmp_path: Path) -> None:
    count = (
        "import sys, time; from pathlib import Path; from swimrl.sweeps.study_record import alone\n"
        "folder = Path(sys.argv[1])\n"
        "for _ in range(10):\n"
        "    with alone(folder):\n"
        "        before = int((folder / 'count').read_text()); time.sleep(0.005)\n"
        "        (folder / 'count').write_text(str(before + 1))\n"
    )
    (tmp_path / "count").write_text("0")
    command = [sys.executable, "-c", count, str(tmp_path)]
    processes = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert (tmp_path / "count").read_text() == "20"
    assert not (tmp_path / LOCK_NAME).exists()


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(ConfigError, match="name a folder that can be written with --out"),
        alone(tmp_path / "file"),
    ):
        pass


def test_the_kind_of_a_run_is_what_decides_its_speed_not_its_activation() -> None:
    base = TrainConfig()
    same = replace(base, act="swim(k=1)", seed=5, steps=10, td3=replace(base.td3, lr=0.1, buffer_size=50_000))
    assert kind_of(same) == kind_of(base)
    for other in (
        replace(base, env="Ant-v4"),
        replace(base, net="64x64"),
        replace(base, engine="sb3"),
        replace(base, threads=2),
        replace(base, td3=replace(base.td3, batch_size=100)),
    ):
        assert kind_of(other) != kind_of(base)


def test_what_was_decided_when_the_study_began_stays(tmp_path: Path) -> None:
    runs = expand(SMALL, {"act": ["relu", "swim"]}, [0], tmp_path)
    primary = {"metric": "last10", "baseline": "relu", "comparisons": ["swim"], "planned_seeds": 1}
    first = prepare(tmp_path, runs[:1], name="mine", primary=primary)
    assert (first.study.name, first.study.primary) == ("mine", primary)
    assert set(first.study.products)
    (speed,) = first.speeds.values()
    assert 0 < speed.random_s < 1
    assert 0 < speed.learning_s < 1  # with networks this small it can be the shorter one
    assert list(first.runs.values()) == [100]

    # A choice that no measurement made is kept all the same.
    content = json.loads((tmp_path / STUDY_FILE).read_text())
    shape = next(iter(content["study"]["products"]))
    content["study"]["products"][shape] = "chosen by hand"
    (tmp_path / STUDY_FILE).write_text(json.dumps(content))

    second = prepare(tmp_path, runs, name="another name", primary=None)
    assert second.study.name == "mine"
    assert second.study.primary == primary
    assert second.study.products[shape] == "chosen by hand"
    assert second.speeds == first.speeds
    assert len(second.runs) == 2
    with pytest.raises(ConfigError, match="has begun with another primary comparison"):
        prepare(tmp_path, runs, name="mine", primary={**primary, "metric": "auc"})


def test_an_environment_that_calls_exit_at_once_is_an_error_not_the_end_of_the_sweep(tmp_path: Path) -> None:
    gym.register("exits-v0", entry_point=Exits, max_episode_steps=10)
    try:
        runs = expand(replace(SMALL, env="exits-v0"), {}, [0], tmp_path)
        with pytest.raises(SwimrlError, match="exits-v0"):
            prepare(tmp_path, runs, name="study", primary=None)
    finally:
        gym.registry.pop("exits-v0")


class Exits(InvertedPendulumEnv):
    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, float]]:
        raise SystemExit(0)
