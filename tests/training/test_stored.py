"""A trained policy as it is found on disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import stable_baselines3

from swimrl.errors import DamagedFileError, InputError
from swimrl.training.stored import environment_for, open_run, open_zip
from tests.training.small_runs import train_line

OBSERVATIONS = np.random.default_rng(0).uniform(-3, 3, (10, 2))


def actions(policy) -> np.ndarray:
    return np.array([policy(observation) for observation in OBSERVATIONS])


def test_a_run_brings_its_environment(finished: Path) -> None:
    stored = open_run(finished)
    env = environment_for(stored)
    assert env.spec is not None
    assert env.spec.id == "worlds/Line-v0"
    assert stored.record is not None
    assert stored.record.steps_done == 250
    assert stored.config.seed == 3


def test_the_best_policy_is_another_file(finished: Path, tmp_path: Path) -> None:
    other = train_line(tmp_path, "--act 'swim(k=1)' --steps 1 --eval-episodes 1 --final-episodes 0 --seed 9")
    run = shutil.copytree(finished, tmp_path / "run")
    (run / "policy-best.safetensors").write_bytes((other / "policy.safetensors").read_bytes())
    np.testing.assert_array_equal(actions(open_run(run).policy), actions(open_run(finished).policy))
    np.testing.assert_array_equal(actions(open_run(run, best=True).policy), actions(open_run(other).policy))
    assert not np.allclose(actions(open_run(other).policy), actions(open_run(finished).policy))


def test_nothing_of_a_run_is_unpickled(finished: Path, tmp_path: Path) -> None:
    """The zip beside a run.json may be anything: the weights beside it are read."""
    run = shutil.copytree(finished, tmp_path / "run")
    (run / "policy.zip").write_bytes(b"not even a zip")
    np.testing.assert_array_equal(
        actions(open_zip(run / "policy.zip", None, trust=False).policy), actions(open_run(finished).policy)
    )


def test_a_foreign_zip_is_read_only_when_trusted(tmp_path: Path) -> None:
    agent = stable_baselines3.TD3("MlpPolicy", "Pendulum-v1", policy_kwargs={"net_arch": [8]}, seed=0)
    file = tmp_path / "theirs.zip"
    agent.save(file)
    with pytest.raises(InputError, match="if you trust its author, add --trust"):
        open_zip(file, "Pendulum-v1", trust=False)
    with pytest.raises(InputError, match="name it with --env"):
        open_zip(file, None, trust=True)
    stored = open_zip(file, "Pendulum-v1", trust=True)
    assert stored.record is None
    observation = np.array([0.3, -0.2, 1.0], np.float32)
    expected, _ = agent.predict(observation, deterministic=True)
    np.testing.assert_allclose(stored.policy(observation), expected, rtol=1e-6)


def test_a_zip_of_another_algorithm_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "ppo.zip"
    stable_baselines3.PPO("MlpPolicy", "Pendulum-v1", n_steps=8, batch_size=8).save(file)
    with pytest.raises(DamagedFileError, match="is no TD3 policy of Stable-Baselines3") as error:
        open_zip(file, "Pendulum-v1", trust=True)
    assert "\n" not in str(error.value)


def test_a_run_that_has_no_policy_yet_says_how_far_it_is(finished: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    (run / "policy.safetensors").unlink()
    with pytest.raises(InputError, match=r"has no policy\.safetensors: the run is 'done' after 250 steps"):
        open_run(run)
    assert actions(open_run(run, best=True).policy).shape == (10, 1)
