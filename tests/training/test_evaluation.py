"""Scoring a policy."""

from __future__ import annotations

from typing import Any

import faulty  # noqa: F401 - registers environments
import gymnasium as gym
import numpy as np
import pytest
import torch

from swimrl.envs.make import make
from swimrl.errors import EnvironmentFaultError, NonFiniteError
from swimrl.rollouts import Rollouts
from swimrl.runs.weights import Normalisation
from swimrl.td3.policy import TD3Policy
from swimrl.training import evaluation
from swimrl.training.evaluation import (
    Transition,
    episodes_of,
    evaluate,
    evaluate_final,
    rollouts,
    run_episodes,
)
from swimrl.training.policy_function import policy_function


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


def as_pairs(done: Rollouts) -> list[tuple[float, int]]:
    return [(episode.undiscounted_return, episode.length) for episode in episodes_of(done)]


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
    assert as_pairs(evaluate_final(controller, make("Pendulum-v1"), episodes=2)) == expected


@pytest.mark.parametrize("task", ["Hopper-v4", "Reacher-v5"])
def test_episodes_stepped_together_have_the_bits_of_one_after_the_other(task: str) -> None:
    env = make(task, {"max_episode_steps": 40})
    torch.manual_seed(0)
    space: Any = env.action_space
    weights = TD3Policy(env.observation_space, space, lambda _: 0.0, net_arch=[24, 16], activation_fn="swim")
    statistics = Normalisation(np.full(env.observation_space.shape or (), 0.1), np.full(1, 0.5))
    policy = policy_function(weights, statistics)
    together = evaluate(policy, env, seed=3, episodes=4, keep=("observations", "actions"))
    next_reset = env.reset()[0]
    # A plain function is called once for each observation of one episode after the other.
    alone = evaluate(lambda seen: policy(seen), env, seed=3, episodes=4, keep=("observations", "actions"))
    assert together.returns.tobytes() == alone.returns.tobytes()
    for first, second in zip(together.observations, alone.observations, strict=True):
        assert first.tobytes() == second.tobytes()
    for first, second in zip(together.actions, alone.actions, strict=True):
        assert first.tobytes() == second.tobytes()
    assert next_reset.tobytes() == env.reset()[0].tobytes()


def test_threads_simulate_the_same_episodes(monkeypatch: pytest.MonkeyPatch) -> None:
    env = make("Hopper-v4", {"max_episode_steps": 10})
    space: Any = env.action_space
    weights = TD3Policy(env.observation_space, space, lambda _: 0.0, net_arch=[8], activation_fn="relu")
    scores, asked_for = [], []

    def lockstep(*args: Any, threads: int) -> Any:
        asked_for.append(threads)
        return evaluation_lockstep(*args, threads=threads)

    evaluation_lockstep = evaluation.lockstep
    monkeypatch.setattr(evaluation, "lockstep", lockstep)
    for threads in (1, 2):
        scores.append(run_episodes(policy_function(weights), env, episodes=3, threads=threads))
    assert asked_for == [1, 2]
    assert scores[0].returns.tobytes() == scores[1].returns.tobytes()


def test_an_episode_hands_out_its_transitions() -> None:
    steps: list[Transition] = []
    scores = run_episodes(controller, make("Pendulum-v1"), episodes=1, seed=5, on_step=steps.append)
    env = gym.make("Pendulum-v1")
    observation, _ = env.reset(seed=5)
    for step in steps:
        np.testing.assert_array_equal(step.observation, observation)
        np.testing.assert_array_equal(step.action, controller(observation))
        observation, reward, terminated, truncated, _ = env.step(step.action)
        assert (step.reward, step.terminated, step.truncated) == (float(reward), terminated, truncated)
    assert len(steps) == scores.lengths[0] == 200
    assert steps[-1].truncated
    assert scores.returns[0] == sum(step.reward for step in steps)


def test_a_return_that_is_not_finite_is_an_error() -> None:
    env = gym.make("worlds/Line-v0", nan_reward_from=5)  # without the guard that names the step
    with pytest.raises(NonFiniteError, match="episode of 20 steps sum to nan"):
        rollouts(lambda observation: np.zeros(1, np.float32), env, [0])


def test_an_episode_without_end_and_time_limit_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MOST_STEPS_WITHOUT_LIMIT", 70)
    act = lambda observation: np.zeros(2, np.float32)  # noqa: E731
    with pytest.raises(
        EnvironmentFaultError, match=r"faulty/Endless-v0 has no time limit, .* not ended after 70 steps; give"
    ):
        rollouts(act, make("faulty/Endless-v0"), [0])
    assert rollouts(act, make("faulty/Endless-v0", {"max_episode_steps": 80}), [0]).lengths == [80]


def overflowing_policy(env: gym.Env[Any, Any]) -> TD3Policy:
    """A policy whose activation overflows at large inputs, as a polynomial does outside its range."""
    torch.manual_seed(0)
    kwargs = {"net_arch": [8], "activation_fn": "expr: x*exp((x/1.5)**8)"}
    return TD3Policy(env.observation_space, env.action_space, lr_schedule=lambda _: 0.0, **kwargs)


def test_an_episode_whose_action_overflows_ends_and_is_counted() -> None:
    env = make("Pendulum-v1")
    policy = policy_function(overflowing_policy(env))
    steps: list[Transition] = []
    done = run_episodes(policy, env, episodes=6, seed=0)
    watched = run_episodes(policy, env, episodes=6, seed=0, on_step=steps.append)
    failed = done.failed_at >= 0
    assert 0 < done.failures < 6
    np.testing.assert_array_equal(done.lengths, np.where(failed, done.failed_at + 1, 200))
    np.testing.assert_array_equal([done.returns, done.failed_at], [watched.returns, watched.failed_at])
    # The episode ends with an action of zeros.
    last = steps[: int(done.lengths[: np.argmax(failed) + 1].sum())][-1]
    assert last.action == 0
    assert not np.isfinite(policy.batch_or_nan(last.observation[None])).all()


def test_weights_that_are_not_finite_are_an_error() -> None:
    env = make("Pendulum-v1")
    policy = overflowing_policy(env)
    with torch.no_grad():
        policy.actor.mu[0].bias[1] = torch.nan
    with pytest.raises(NonFiniteError, match=r"the first tensor that is not finite is actor\.mu\.0\.bias"):
        run_episodes(policy_function(policy), env, episodes=2)
