"""Episodes of a deterministic policy in an environment of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from swimrl.envs.check import has_time_limit
from swimrl.envs.seeding import evaluation_seed, final_seeds
from swimrl.errors import EnvironmentFaultError, InputError, NonFiniteError
from swimrl.runs.directory import Episode
from swimrl.training.policy_function import Policy

MOST_STEPS_WITHOUT_LIMIT = 100_000
"""An evaluation episode in an environment without time limit fails if it takes more steps."""


class Transition(NamedTuple):
    """One environment step."""

    observation: np.ndarray
    """[O], before the step, in the environment's own dtype."""

    action: np.ndarray
    """[A], in the environment's own units."""

    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]


@dataclass(frozen=True)
class Episodes:
    """Scored episodes."""

    returns: np.ndarray
    """Undiscounted return of each episode, float64 [N]."""

    lengths: np.ndarray
    """Environment steps of each episode, int [N]."""

    @property
    def mean_return(self) -> float:
        """Mean of the returns."""
        return float(self.returns.mean())

    @property
    def standard_deviation(self) -> float | None:
        """Standard deviation of the returns over the episodes (N - 1); None for a single episode."""
        return float(self.returns.std(ddof=1)) if len(self.returns) > 1 else None


def run_episodes(
    policy: Policy,
    env: gym.Env[Any, Any],
    *,
    episodes: int,
    seed: int | None = None,
    on_step: Callable[[Transition], None] | None = None,
) -> Episodes:
    """Return the scores of fresh episodes.

    Args:
        policy: Chooses the actions.
        env: The environment.
        episodes: Number of episodes, N.
        seed: Reset seed of the first episode, the next has seed + 1 and so on; when not given, the seeds of
            the score ``final100``.
        on_step: Receives each transition, if it is given.

    Raises:
        InputError: If ``episodes`` or ``seed`` is out of range.
        NonFiniteError: If a return is NaN or infinite.
    """
    if episodes < 1:
        raise InputError(f"--episodes is {episodes}; expected a whole number of at least 1")
    if seed is not None and seed < 0:
        raise InputError(f"--seed is {seed}; expected a whole number of at least 0")
    seeds = [final_seeds(number) if seed is None else (seed + number,) for number in range(episodes)]
    done = [run_episode(policy, env, *of_episode, on_step=on_step) for of_episode in seeds]
    return Episodes(
        np.array([episode.undiscounted_return for episode in done]),
        np.array([episode.length for episode in done]),
    )


def evaluate(
    policy: Policy,
    env: gym.Env[Any, Any],
    *,
    seed: int,
    episodes: int,
    on_step: Callable[[Transition], None] | None = None,
) -> list[Episode]:
    """Return the episodes of one evaluation, as the authors do it (main.py, ``eval_policy``).

    The first reset is seeded with the run's seed + 100, and the others follow from it. So every evaluation of
    a run starts from the same states. ``on_step`` receives each transition.
    """
    resets: list[int | None] = [evaluation_seed(seed)] + [None] * (episodes - 1)
    return [run_episode(policy, env, reset_seed, on_step=on_step) for reset_seed in resets]


def evaluate_final(policy: Policy, env: gym.Env[Any, Any], *, episodes: int) -> Iterator[Episode]:
    """Yield the fresh episodes of the score ``final100``, whose seeds are the same for every run."""
    for number in range(episodes):
        yield run_episode(policy, env, *final_seeds(number))


def run_episode(
    policy: Policy,
    env: gym.Env[Any, Any],
    reset_seed: int | None,
    substitute_seed: int | None = None,
    *,
    on_step: Callable[[Transition], None] | None = None,
) -> Episode:
    """Return one episode from a reset with ``reset_seed``.

    Args:
        policy: Chooses the actions.
        env: The environment.
        reset_seed: Seed of the reset, or None to continue with the environment's own generator.
        substitute_seed: Seed of the reset if the environment refuses ``reset_seed``.
        on_step: Receives each transition.

    Raises:
        NonFiniteError: If an action or the return is NaN or infinite.
        EnvironmentFaultError: If the environment fails, or has no time limit and the episode does not end.
    """
    try:
        observation, _ = env.reset(seed=reset_seed)
    except EnvironmentFaultError:
        if substitute_seed is None:
            raise
        observation, _ = env.reset(seed=substitute_seed)
    total, length, is_over = 0.0, 0, False
    most = math.inf if has_time_limit(env) else MOST_STEPS_WITHOUT_LIMIT
    while not is_over:
        action = policy(observation)
        next_observation, reward, terminated, truncated, info = env.step(action)
        if on_step:
            on_step(Transition(observation, action, float(reward), terminated, truncated, info))
        observation = next_observation
        total += float(reward)
        length += 1
        is_over = terminated or truncated
        if length >= most and not is_over:
            name = env.spec.id if env.spec else env
            raise EnvironmentFaultError(
                f"the environment {name} has no time limit, and an evaluation episode has not ended after "
                f"{length:,} steps; give it one with --env-kwargs max_episode_steps=1000"
            )
    if not math.isfinite(total):
        raise NonFiniteError(
            f"the rewards of an evaluation episode of {length} steps sum to {total}; "
            "check the environment and its arguments"
        )
    return Episode(total, length)
