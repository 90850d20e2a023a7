"""The supported set against Gymnasium itself."""

import gymnasium as gym
import pytest

from swimrl.envs.catalogue import TASKS
from swimrl.envs.make import make


def test_every_mujoco_task_of_gymnasium_that_can_run_is_supported() -> None:
    registered = {
        env_id
        for env_id, spec in gym.registry.items()
        if str(spec.entry_point).startswith("gymnasium.envs.mujoco.")
    }
    assert set(TASKS) >= registered - {"Pusher-v4"}
    assert "Pusher-v4" not in TASKS


@pytest.mark.parametrize("env_id", TASKS)
def test_figures_are_those_of_the_environment(env_id: str) -> None:
    task = TASKS[env_id]
    with make(env_id) as env:
        assert env.observation_space.shape == (task.observation_size,)
        assert env.action_space.shape == (task.action_size,)
        env.reset(seed=0)
        steps = 0
        truncated = False
        while not truncated:
            *_, truncated, _ = env.step(env.action_space.high)
            steps += 1
        assert steps == task.horizon
    assert task.id == env_id


def test_only_swimmer_carries_the_note_on_gamma() -> None:
    assert {task.id for task in TASKS.values() if task.note} == {"Swimmer-v4", "Swimmer-v5"}
