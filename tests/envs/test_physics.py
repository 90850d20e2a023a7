"""What MuJoCo says, and who hears it; in processes of their own, because it is said past Python."""

import logging
import subprocess
import sys
from pathlib import Path

import mujoco
import pytest

from swimrl.envs import physics

QUIET = """
from swimrl.envs.make import make
for env_id in ("HalfCheetah-v4", "HalfCheetah-v5", "Ant-v4"):
    env = make(env_id)
    env.reset(seed=0)
    env.step(env.action_space.sample())
"""

UNSTABLE = """
from swimrl.envs import physics
from swimrl.envs.make import make
env = make("HalfCheetah-v4")
for name in ("qvel", "qvel", "qpos", "qvel"):
    env.reset(seed=0)
    getattr(env.unwrapped.data, name)[0] = 1e12
    env.step(env.action_space.sample())
print(physics.warning_counts())
"""


def run_in(directory: Path, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script], cwd=directory, capture_output=True, text=True, check=True
    )


def test_nothing_is_said_when_all_is_well(tmp_path: Path) -> None:
    assert run_in(tmp_path, QUIET).stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_gymnasium_alone_does_say_it(tmp_path: Path) -> None:
    """Without the routing the test above would fail: mujoco still has something to say."""
    said = run_in(tmp_path, "import gymnasium; gymnasium.make('HalfCheetah-v4')").stderr
    assert "settotalmass" in said
    assert "out of date" in said
    assert (tmp_path / "MUJOCO_LOG.TXT").exists()


def test_an_unstable_simulation_is_reported_once_per_kind(tmp_path: Path) -> None:
    done = run_in(tmp_path, UNSTABLE)
    velocity, position = done.stderr.splitlines()
    assert velocity.startswith("MuJoCo: Nan, Inf or huge value in QVEL at DOF 0. The simulation is unstable.")
    assert velocity.endswith("Further warnings of this kind are counted, not shown.")
    assert position.startswith("MuJoCo: Nan, Inf or huge value in QPOS at DOF 0.")
    text = "Nan, Inf or huge value in {} at DOF #. The simulation is unstable. Time = #."
    assert done.stdout.strip() == str({text.format("QVEL"): 3, text.format("QPOS"): 1})
    assert list(tmp_path.iterdir()) == []


def test_routing_keeps_working_after_a_second_make(caplog: pytest.LogCaptureFixture) -> None:
    physics.route_warnings()
    physics.route_warnings()
    before = sum(physics.warning_counts().values())
    with caplog.at_level(logging.DEBUG, logger="swimrl.mujoco"):
        mujoco.mj_step(model := falling_into_nan(), mujoco.MjData(model))
    assert [record.name for record in caplog.records] == ["swimrl.mujoco"]
    assert sum(physics.warning_counts().values()) == before + 1


def falling_into_nan() -> mujoco.MjModel:
    model = mujoco.MjModel.from_xml_string(
        "<mujoco><worldbody><body><freejoint/><geom size='1'/></body></worldbody></mujoco>"
    )
    model.opt.gravity[2] = float("nan")
    return model
