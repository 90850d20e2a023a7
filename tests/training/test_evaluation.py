"""Scoring a policy."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest

from swimrl.envs.make import make
from swimrl.errors import NonFiniteError
from swimrl.runs.directory import Episode
from swimrl.training.evaluation import Transition, evaluate, evaluate_final, metrics, run_episode


def controller(observation: np.ndarray) -> np.ndarray:
    """A policy without any network."""
    return np.clip(np.array([-2 * observation[2] - observation[0]]), -2, 2).astype(np.float32)


def score_by_hand(env: gym.Env, seed: int | None) -> tuple[float, int]:
    observation, _ = env.reset() if seed is None else env.reset(seed=seed)
    total, length = 0.0, 0
    while True:
        observation, reward, terminated, truncated, _ = env.step(controller(observation))
        total, length = total + float(reward), length + 1
        if terminated or truncated:
            return total, length


def as_pairs(episodes: list[Episode]) -> list[tuple[float, int]]:
    return [(episode.undiscounted_return, episode.length) for episode in episodes]


def test_an_evaluation_is_the_authors() -> None:
    """Their ``eval_policy``: an environment of its own, seeded once with seed + 100, then left to itself."""
    theirs = gym.make("Pendulum-v1")
    expected = [score_by_hand(theirs, 107), score_by_hand(theirs, None), score_by_hand(theirs, None)]
    ours = make("Pendulum-v1")
    assert as_pairs(evaluate(controller, ours, seed=7, episodes=3)) == expected
    # Also after it has been used: each evaluation starts from the same states.
    assert as_pairs(evaluate(controller, ours, seed=7, episodes=3)) == expected
    assert as_pairs(evaluate(controller, ours, seed=8, episodes=3)) != expected


def test_the_final_episodes_are_the_same_for_every_run() -> None:
    env = gym.make("Pendulum-v1")
    expected = [score_by_hand(env, 2**31), score_by_hand(env, 2**31 + 1)]
    assert as_pairs(list(evaluate_final(controller, make("Pendulum-v1"), episodes=2))) == expected


def test_an_episode_hands_out_its_transitions() -> None:
    steps: list[Transition] = []
    episode = run_episode(controller, make("Pendulum-v1"), 5, on_step=steps.append)
    env = gym.make("Pendulum-v1")
    observation, _ = env.reset(seed=5)
    for step in steps:
        np.testing.assert_array_equal(step.observation, observation)
        np.testing.assert_array_equal(step.action, controller(observation))
        observation, reward, terminated, truncated, _ = env.step(step.action)
        assert (step.reward, step.terminated, step.truncated) == (float(reward), terminated, truncated)
    assert len(steps) == episode.length == 200
    assert steps[-1].truncated
    assert episode.undiscounted_return == sum(step.reward for step in steps)


def test_a_return_that_is_not_finite_is_an_error() -> None:
    env = make("worlds/Line-v0", {"nan_reward_from": 5})
    with pytest.raises(NonFiniteError, match="episode of 20 steps sum to nan"):
        run_episode(lambda observation: np.zeros(1, np.float32), env, 0)


def test_metrics_of_a_curve_worked_by_hand() -> None:
    # Means 0, 10, ..., 110 at steps 0, 5, ..., 55: the last ten have the mean (20 + 110) / 2.
    steps = [5 * number for number in range(12)]
    returns = np.array([[10 * number - 1, 10 * number + 1] for number in range(12)], float)
    final = [Episode(1.0, 3), Episode(4.0, 3)]
    assert metrics(steps, returns, final) == {
        "last10": 65.0,
        "per_seed_max": 110.0,
        "auc": 55.0,
        "final100": 2.5,
    }


def test_auc_weighs_by_steps_and_the_best_may_come_early() -> None:
    # Trapezoids (2 + 8) / 2 * 10 and (8 + 4) / 2 * 30, over 40 steps.
    scores = metrics([0, 10, 40], np.array([[2.0], [8.0], [4.0]]), [])
    assert scores["auc"] == pytest.approx((50 + 180) / 40)
    assert scores["per_seed_max"] == 8.0
    assert scores["last10"] == pytest.approx(14 / 3)
    assert scores["final100"] is None


def test_one_evaluation_has_no_curve() -> None:
    scores = metrics([0], np.array([[1.0, 3.0]]), [])
    assert scores == {"last10": 2.0, "per_seed_max": 2.0, "auc": None, "final100": None}
