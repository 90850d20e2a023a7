"""Policies of Stable-Baselines3 in zip files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import stable_baselines3

from swimrl.errors import DamagedFileError, InputError
from swimrl.training.stored import open_zip


def test_a_foreign_zip_is_read_only_when_trusted(tmp_path: Path) -> None:
    agent = stable_baselines3.TD3("MlpPolicy", "Pendulum-v1", policy_kwargs={"net_arch": [8]}, seed=0)
    file = tmp_path / "theirs.zip"
    agent.save(file)
    with pytest.raises(InputError, match="if you trust its author, add --trust"):
        open_zip(file, "Pendulum-v1", trust=False)
    with pytest.raises(InputError, match="name it with --env"):
        open_zip(file, None, trust=True)
    stored = open_zip(file, "Pendulum-v1", trust=True)
    observation = np.array([0.3, -0.2, 1.0], np.float32)
    expected, _ = agent.predict(observation, deterministic=True)
    np.testing.assert_allclose(stored.policy(observation), expected, rtol=1e-6)
    with pytest.raises(InputError, match="holds one policy; --best needs the directory of a run"):
        _ = stored.best_policy


def test_a_zip_of_another_algorithm_is_refused_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "ppo.zip"
    stable_baselines3.PPO("MlpPolicy", "Pendulum-v1", n_steps=8, batch_size=8).save(file)
    with pytest.raises(DamagedFileError, match="is no TD3 policy of Stable-Baselines3") as error:
        open_zip(file, "Pendulum-v1", trust=True)
    assert "\n" not in str(error.value)
