"""An environment that follows a trace is the environment that left it, step for step."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box
from stable_baselines3.common.monitor import Monitor

from swimrl.envs.catalogue import TASKS
from swimrl.envs.make import make
from swimrl.envs.trace import Trace
from swimrl.envs.vector import LeanVecEnv


def random_actions(env: gym.Env[Any, Any], count: int, seed: int = 0) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    low, high = env.action_space.low, env.action_space.high
    return [generator.uniform(low, high).astype(np.float32) for _ in range(count)]


def same_future(left: gym.Env[Any, Any], right: gym.Env[Any, Any], steps: int) -> bool:
    """Say whether two environments answer the same actions, and resets where needed, with the same bits."""
    for action in random_actions(left, steps, seed=1):
        a, b = left.step(action), right.step(action)
        if a[0].tobytes() != b[0].tobytes() or a[1:4] != b[1:4]:
            return False
        if (a[2] or a[3]) and left.reset()[0].tobytes() != right.reset()[0].tobytes():
            return False
    return True


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("seeded", [True, False], ids=["first episode", "later episode"])
def test_every_task_continues_in_mid_episode(task: str, seeded: bool) -> None:
    env, trace = make(task), Trace()
    trace.begin(env, 7)
    env.reset(seed=7)
    if not seeded:
        for action in random_actions(env, 3):  # leaves marks in the simulator that the reset must wipe away
            env.step(action)
        trace.begin(env, None)
        env.reset()
    observation = None
    for action in random_actions(env, 30, seed=2):
        trace.add(action)
        observation, _, terminated, truncated, _ = env.step(action)
        if terminated or truncated:
            trace.begin(env, None)
            observation, _ = env.reset()

    copy, other = Trace(), make(task)
    copy.restore(trace.state())

    assert copy.follow(other).tobytes() == observation.tobytes()
    assert same_future(env, other, steps=150)


def test_a_trace_of_another_episode_leads_elsewhere() -> None:
    env, other, trace = make("Ant-v4"), make("Ant-v4"), Trace()
    trace.begin(env, 7)
    env.reset(seed=7)
    for action in random_actions(env, 10):
        env.step(action)
        trace.add(action)
    trace.actions[3] = trace.actions[3] + np.float32(1e-6)
    trace.follow(other)
    assert not same_future(env, other, steps=20)


def test_an_action_that_the_environment_changes_is_kept_as_it_was() -> None:
    trace, action = Trace(), np.ones(2, np.float32)
    trace.add(action)
    action *= 0
    assert trace.actions[0].tolist() == [1, 1]


def vectorised(task: str, count: int) -> LeanVecEnv:
    return LeanVecEnv([lambda: Monitor(make(task))] * count, traced=True)


def test_time_limit_and_monitor_continue_in_each_environment() -> None:
    env, other = vectorised("Reacher-v4", 2), vectorised("Reacher-v4", 2)
    env.seed(3)
    env.reset()
    actions = np.random.default_rng(0).uniform(-1, 1, (200, 2, 2)).astype(np.float32)
    for action in actions[:70]:  # 20 steps into the second episode of 50
        env.step(action)
    assert other.restore(env.state())
    episodes = []
    for action in actions[70:]:
        left, right = env.step(action), other.step(action)
        for a, b in zip(left[:3], right[:3], strict=True):
            assert a.tobytes() == b.tobytes()
        for a, b in zip(left[3], right[3], strict=True):
            assert a.get("episode", {}).get("r") == b.get("episode", {}).get("r")
            episodes.append(b.get("episode", {}).get("l"))
    assert [length for length in episodes if length] == [50, 50] * 3


class Counting(gym.Env[np.ndarray, np.ndarray]):
    """Hides in a counter of its own how many episodes it has begun."""

    observation_space = Box(-np.inf, np.inf, (1,), np.float64)
    action_space = Box(-1, 1, (1,), np.float32)
    episodes = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self.episodes += 1
        return np.array([float(self.episodes)]), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        return np.array([float(self.episodes)]), 0.0, False, False, {}


def test_a_hidden_state_is_noticed() -> None:
    env = LeanVecEnv([Counting], traced=True)
    env.reset()
    assert LeanVecEnv([Counting], traced=True).restore(env.state())
    env.reset()
    env.step([np.zeros(1, np.float32)])
    assert not LeanVecEnv([Counting], traced=True).restore(env.state())
