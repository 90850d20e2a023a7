"""What an evaluation's episodes cost, on steps worked out by hand and on a MuJoCo task."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box

from swimrl.envs.make import make
from swimrl.training.evaluation import Transition, evaluate
from swimrl.training.monitoring.gait import GaitRecorder


class Cart(gym.Env[Any, Any]):
    """What a recorder wants to know of an environment with two actuators."""

    action_space = Box(np.array([-2, -1], np.float32), np.array([1, 4], np.float32))
    dt = 0.5

    def __init__(self) -> None:
        self.data = SimpleNamespace(actuator_force=np.zeros(2), actuator_velocity=np.zeros(2))


def record(
    recorder: GaitRecorder,
    rewards: list[float],
    *,
    terminated: bool,
    action: tuple[float, float] = (0.0, 0.0),
    info: dict[str, Any] | None = None,
    start: float = 0.0,
) -> None:
    """One episode; ``start`` is the first observation."""
    for number, reward in enumerate(rewards):
        is_last = number == len(rewards) - 1
        recorder(
            Transition(
                np.array([start + number]),
                np.array(action),
                reward,
                is_last and terminated,
                is_last and not terminated,
                info or {},
            )
        )


def test_starts_are_the_first_observation_of_each_episode() -> None:
    recorder = GaitRecorder(Cart())
    record(recorder, [0, 0, 0], terminated=True, start=5)
    record(recorder, [0], terminated=False, start=7)
    record(recorder, [0, 0], terminated=True, start=9)
    assert recorder.starts().tolist() == [[5], [7], [9]]


def test_a_start_stays_when_the_environment_writes_over_its_observation() -> None:
    recorder, observation = GaitRecorder(Cart()), np.array([1.0])
    recorder(Transition(observation, np.zeros(2), 0.0, False, False, {}))
    observation[0] = 2
    assert recorder.starts().tolist() == [[1]]


class TestDiscountedReturn:
    def test_is_the_mean_over_the_episodes(self) -> None:
        recorder = GaitRecorder(Cart())
        record(recorder, [1, 2, 4], terminated=True)
        record(recorder, [8], terminated=True)
        # 1 + 2/2 + 4/4 = 3 and 8.
        assert recorder.discounted_return(0.5) == pytest.approx(5.5)

    @pytest.mark.parametrize(("steps", "known"), [(6, False), (7, True)])
    def test_is_undetermined_where_what_was_cut_off_would_count(self, steps: int, *, known: bool) -> None:
        recorder = GaitRecorder(Cart())
        record(recorder, [1] * 2, terminated=True)
        record(recorder, [1] * steps, terminated=False)  # 0.5^6 = 0.016, 0.5^7 = 0.008
        assert (recorder.discounted_return(0.5) is not None) == known

    def test_without_discount_only_episodes_that_ended_have_one(self) -> None:
        recorder = GaitRecorder(Cart())
        record(recorder, [1] * 1000, terminated=True)
        assert recorder.discounted_return(1.0) == 1000
        record(recorder, [1] * 1000, terminated=False)
        assert recorder.discounted_return(1.0) is None


class TestEffort:
    def test_by_hand(self) -> None:
        env = Cart()
        recorder = GaitRecorder(env)
        env.data.actuator_force[:], env.data.actuator_velocity[:] = (3, -2), (2, 1)  # |6| + |-2| = 8 W
        record(recorder, [0] * 4, terminated=True, action=(1, -2), info={"x_velocity": 2.0})
        env.data.actuator_force[:], env.data.actuator_velocity[:] = (1, 0), (4, 9)  # 4 W
        record(recorder, [0] * 4, terminated=True, action=(-2, 4), info={"x_velocity": -1.0})
        effort = recorder.effort()
        # Largest actions 2 and 4: (1/2 + 2/4) / 2 in the first episode, 1 in the second.
        assert effort["gait/action_magnitude"] == pytest.approx(0.75)
        assert effort["gait/power"] == pytest.approx(6)
        # Mean velocity 0.5 m/s; 4 s between them two, 1 m each: not more.
        assert effort["gait/energy_per_metre"] is None
        record(recorder, [0] * 4, terminated=True, action=(0, 0), info={"x_velocity": 2.0})
        # 1 m/s over 6 s in 3 episodes, power (8 + 4 + 4) / 3.
        assert recorder.effort()["gait/energy_per_metre"] == pytest.approx(16 / 3)

    def test_without_mujoco_there_is_no_power(self) -> None:
        env = Cart()
        del env.data
        recorder = GaitRecorder(env)
        record(recorder, [0], terminated=True, action=(2, 0), info={"x_velocity": 100.0})
        assert recorder.effort() == {
            "gait/action_magnitude": 0.5,
            "gait/power": None,
            "gait/energy_per_metre": None,
        }

    def test_without_a_velocity_there_is_no_energy_per_metre(self) -> None:
        recorder = GaitRecorder(Cart())
        record(recorder, [0] * 9, terminated=True)
        assert recorder.effort()["gait/power"] == 0
        assert recorder.effort()["gait/energy_per_metre"] is None

    def test_on_half_cheetah_it_is_what_the_simulator_says(self) -> None:
        def policy(observation: np.ndarray) -> np.ndarray:
            return np.clip(10 * observation[:6], -1, 1).astype(np.float32)

        env = make("HalfCheetah-v4", {"max_episode_steps": 50})
        recorder = GaitRecorder(env)
        evaluate(policy, env, seed=0, episodes=1, on_step=recorder)

        simulation = make("HalfCheetah-v4", {"max_episode_steps": 50})
        observation, _ = simulation.reset(seed=100)
        powers, places = [], []
        for _ in range(50):
            observation, *_ = simulation.step(policy(observation))
            data = simulation.unwrapped.data  # type: ignore[attr-defined]
            powers.append(
                sum(abs(f * v) for f, v in zip(data.actuator_force, data.actuator_velocity, strict=True))
            )
            places.append(data.qpos[0])
        effort = recorder.effort()
        assert effort["gait/power"] == pytest.approx(np.mean(powers))
        assert np.mean(powers) > 1
        assert abs(places[-1]) < 1
        assert effort["gait/energy_per_metre"] is None
