"""What an evaluation's episodes cost, on steps worked out by hand and on a MuJoCo task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box

from swimrl.envs.make import make
from swimrl.rollouts import Rollouts
from swimrl.training.evaluation import evaluate
from swimrl.training.monitoring.gait import Gait


class Cart(gym.Env[Any, Any]):
    """What an evaluation asks of an environment with two actuators."""

    action_space = Box(np.array([-2, -1], np.float32), np.array([1, 4], np.float32))
    dt = 0.5


@dataclass
class Episode:
    """An episode in which every step is the same but for its reward."""

    rewards: list[float]
    terminated: bool = True
    action: tuple[float, float] = (0.0, 0.0)
    start: float = 0.0
    velocity: float | None = None
    power: tuple[float, float] | None = None


def gait(env: Any, *episodes: Episode) -> Gait:
    """The measurements of episodes given by hand."""
    return Gait(
        Rollouts(
            np.array([sum(episode.rewards) for episode in episodes]),
            np.array([len(episode.rewards) for episode in episodes]),
            np.array([episode.terminated for episode in episodes]),
            np.array([not episode.terminated for episode in episodes]),
            observations=[np.arange(len(e.rewards) + 1.0)[:, None] + e.start for e in episodes],
            actions=[np.array([e.action] * len(e.rewards)) for e in episodes],
            rewards=[np.array(e.rewards) for e in episodes],
            x_velocities=[np.full(len(e.rewards), e.velocity) for e in episodes if e.velocity is not None],
            powers=[np.array([e.power] * len(e.rewards)) for e in episodes if e.power is not None],
        ),
        env,
    )


def test_starts_are_the_first_observation_of_each_episode() -> None:
    episodes = [
        Episode([0, 0, 0], start=5),
        Episode([0], terminated=False, start=7),
        Episode([0, 0], start=9),
    ]
    assert gait(Cart(), *episodes).starts().tolist() == [[5], [7], [9]]


class TestDiscountedReturn:
    def test_is_the_mean_over_the_episodes(self) -> None:
        # 1 + 2/2 + 4/4 = 3 and 8.
        assert gait(Cart(), Episode([1, 2, 4]), Episode([8])).discounted_return(0.5) == pytest.approx(5.5)

    @pytest.mark.parametrize(("steps", "known"), [(6, False), (7, True)])
    def test_is_undetermined_where_what_was_cut_off_would_count(self, steps: int, *, known: bool) -> None:
        cut_off = Episode([1] * steps, terminated=False)  # 0.5^6 = 0.016, 0.5^7 = 0.008
        assert (gait(Cart(), Episode([1] * 2), cut_off).discounted_return(0.5) is not None) == known

    def test_without_discount_only_episodes_that_ended_have_one(self) -> None:
        ended, cut_off = Episode([1] * 1000), Episode([1] * 1000, terminated=False)
        assert gait(Cart(), ended).discounted_return(1.0) == 1000
        assert gait(Cart(), ended, cut_off).discounted_return(1.0) is None


class TestEffort:
    def test_by_hand(self) -> None:
        first = Episode([0] * 4, action=(1, -2), velocity=2.0, power=(6, -2))  # |6| + |-2| = 8 W
        second = Episode([0] * 4, action=(-2, 4), velocity=-1.0, power=(4, 0))  # 4 W
        effort = gait(Cart(), first, second).effort()
        # Largest actions 2 and 4: (1/2 + 2/4) / 2 in the first episode, 1 in the second.
        assert effort["gait/action_magnitude"] == pytest.approx(0.75)
        assert effort["gait/power"] == pytest.approx(6)
        # Mean velocity 0.5 m/s; 4 s between them two, 1 m each: not more.
        assert effort["gait/energy_per_metre"] is None
        third = Episode([0] * 4, velocity=2.0, power=(4, 0))
        # 1 m/s over 6 s in 3 episodes, power (8 + 4 + 4) / 3.
        energy = gait(Cart(), first, second, third).effort()["gait/energy_per_metre"]
        assert energy == pytest.approx(16 / 3)

    def test_without_mujoco_there_is_no_power(self) -> None:
        assert gait(Cart(), Episode([0], action=(2, 0), velocity=100.0)).effort() == {
            "gait/action_magnitude": 0.5,
            "gait/power": None,
            "gait/energy_per_metre": None,
        }

    def test_without_a_velocity_there_is_no_energy_per_metre(self) -> None:
        effort = gait(Cart(), Episode([0] * 9, power=(0, 0))).effort()
        assert effort["gait/power"] == 0
        assert effort["gait/energy_per_metre"] is None

    def test_on_half_cheetah_it_is_what_the_simulator_says(self) -> None:
        def policy(observation: np.ndarray) -> np.ndarray:
            return np.clip(10 * observation[:6], -1, 1).astype(np.float32)

        env = make("HalfCheetah-v4", {"max_episode_steps": 50})
        effort = Gait(evaluate(policy, env, seed=0, episodes=1, keep=Gait.KEEP), env).effort()

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
        assert effort["gait/power"] == pytest.approx(np.mean(powers))
        assert np.mean(powers) > 1
        assert abs(places[-1]) < 1
        assert effort["gait/energy_per_metre"] is None
