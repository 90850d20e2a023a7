"""The replay buffer of rows behaves as Stable-Baselines3's."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3.common.buffers import ReplayBuffer

from swimrl.td3.replay import RowReplayBuffer

OBSERVATION = spaces.Box(-np.inf, np.inf, (5,), np.float64)
ACTION = spaces.Box(-1, 1, (2,), np.float32)


def filled(kind: type[ReplayBuffer], steps: int, n_envs: int = 2, capacity: int = 20) -> ReplayBuffer:
    buffer = kind(capacity * n_envs, OBSERVATION, ACTION, device="cpu", n_envs=n_envs)
    generator = np.random.RandomState(0)
    for step in range(steps):
        observation, following = generator.randn(2, n_envs, 5)
        action = generator.uniform(-1, 1, (n_envs, 2))
        done = generator.rand(n_envs) < 0.3
        infos = [{"TimeLimit.truncated": bool(d and step % 2)} for d in done]
        buffer.add(observation, following, action, generator.randn(n_envs), done, infos)
    return buffer


@pytest.mark.parametrize("steps", [7, 20, 33])
@pytest.mark.parametrize("n_envs", [1, 3])
def test_equals_stable_baselines3s_buffer(steps: int, n_envs: int) -> None:
    ours, theirs = (filled(kind, steps, n_envs) for kind in (RowReplayBuffer, ReplayBuffer))
    assert (ours.pos, ours.full, ours.size()) == (theirs.pos, theirs.full, theirs.size())
    for name in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts"):
        one, other = getattr(ours, name), getattr(theirs, name)
        assert one.shape == other.shape
        np.testing.assert_array_equal(one, other.astype(np.float32))
    np.random.seed(1)
    batch = ours.sample(64)
    np.random.seed(1)
    reference = theirs.sample(64)
    for one, other in zip(batch, reference, strict=True):
        if other is not None:
            np.testing.assert_array_equal(one.numpy(), other.numpy().astype(np.float32))


def test_columns_lie_as_the_update_needs_them() -> None:
    buffer = filled(RowReplayBuffer, 9)
    columns = buffer.columns
    step, env = 4, 1
    row = buffer.rows[step * 2 + env]
    np.testing.assert_array_equal(row[columns.observation], buffer.observations[step, env])
    np.testing.assert_array_equal(row[columns.next_observation], buffer.next_observations[step, env])
    np.testing.assert_array_equal(row[columns.action], buffer.actions[step, env])
    assert row[columns.reward] == buffer.rewards[step, env]
    both = row[columns.next_observation_action]
    assert both.base is not None
    assert len(both) == 7
    np.testing.assert_array_equal(row[columns.next_action], [0, 0])


def test_pickles_small_and_whole() -> None:
    buffer = filled(RowReplayBuffer, 15)
    stored = pickle.dumps(buffer)
    assert len(stored) < 1.5 * buffer.rows.nbytes + 5000
    again = pickle.loads(stored)
    np.testing.assert_array_equal(again.rows, buffer.rows)
    again.observations[0, 0] = 7
    assert again.rows[0, 0] == 7
