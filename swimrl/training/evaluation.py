"""Episodes of a deterministic policy in an environment of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, SupportsFloat

import gymnasium as gym
import numpy as np

from swimrl.envs.check import has_time_limit
from swimrl.envs.seeding import evaluation_seed, final_seeds
from swimrl.errors import EnvironmentFaultError, InputError, NonFiniteError
from swimrl.rollouts import (
    BatchPolicy,
    EnvironmentLockstep,
    Overflows,
    Rollouts,
    Start,
    lockstep,
    play,
    row_by_row,
)
from swimrl.rollouts.choice import PLACES
from swimrl.rollouts.episodes import Kept, Until
from swimrl.runs.directory import Episode
from swimrl.training.policy_function import Policy, PolicyFunction

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

    failed_at: np.ndarray
    """The step at which an action was NaN or infinite, int [N]; -1 if there is none. The episode ends there,
    after a step with zeros in place of the action."""

    @property
    def failures(self) -> int:
        """Episodes that ended because an action was NaN or infinite."""
        return int((self.failed_at >= 0).sum())

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
    threads: int = 1,
) -> Episodes:
    """Return the scores of fresh episodes.

    An episode whose action is not finite, though the policy's weights are, ends and is counted: an
    activation overflowed, such as a polynomial far outside its range.

    Args:
        policy: Chooses the actions.
        env: The environment.
        episodes: Number of episodes, N.
        seed: Reset seed of the first episode, the next has seed + 1 and so on; when not given, the seeds of
            the score ``final100``.
        on_step: Receives each transition, if it is given; the episodes then follow one another.
        threads: Threads of the processor that simulate, with the same numbers.

    Raises:
        InputError: If ``episodes``, ``threads`` or ``seed`` is out of range.
        NonFiniteError: If a return is NaN or infinite, or an action because of the policy's weights.
    """
    for name, count in (("episodes", episodes), ("threads", threads)):
        if count < 1:
            raise InputError(f"--{name} is {count}; expected a whole number of at least 1")
    if seed is not None and seed < 0:
        raise InputError(f"--seed is {seed}; expected a whole number of at least 0")
    starts = [final_seeds(number) if seed is None else seed + number for number in range(episodes)]
    overflows = Overflows(episodes)
    env = _Watched(env, on_step) if on_step else env
    done = rollouts(policy, env, starts, threads=threads, overflows=overflows)
    return Episodes(done.returns, done.lengths, overflows.failed_at)


def evaluate(
    policy: Policy,
    env: gym.Env[Any, Any],
    *,
    seed: int,
    episodes: int,
    keep: Collection[Kept] = (),
    threads: int = 1,
) -> Rollouts:
    """Return the episodes of one evaluation, as the authors do it (main.py, ``eval_policy``).

    The first reset is seeded with the run's seed + 100, and the others follow from it. So every evaluation of
    a run starts from the same states. ``keep`` names what is kept of each step.
    """
    starts = [evaluation_seed(seed)] + [None] * (episodes - 1)
    return rollouts(policy, env, starts, keep=keep, threads=threads)


def evaluate_final(
    policy: Policy,
    env: gym.Env[Any, Any],
    *,
    episodes: int,
    on_end: Callable[[int], None] | None = None,
    threads: int = 1,
) -> Rollouts:
    """Return the fresh episodes of the score ``final100``, whose seeds are the same for every run.

    ``on_end`` receives the number of episodes that have ended, each time one ends.
    """
    starts = [final_seeds(number) for number in range(episodes)]
    return rollouts(policy, env, starts, on_end=on_end, threads=threads)


def rollouts(
    policy: Policy,
    env: gym.Env[Any, Any],
    starts: Sequence[Start],
    *,
    keep: Collection[Kept] = (),
    on_end: Callable[[int], None] | None = None,
    threads: int = 1,
    overflows: Overflows | None = None,
) -> Rollouts:
    """Return one episode for each start, with the bits of a plain loop that plays one after the other.

    Episodes of a MuJoCo task are stepped together if the policy computes many actions at once. Any other
    policy may have a state of its own, and gets one episode after the other. ``threads`` are those of the
    processor that simulate. ``overflows`` ends and counts episodes whose action is not finite though the
    weights are.

    Raises:
        NonFiniteError: If an action or a return is NaN or infinite.
        EnvironmentFaultError: If the environment fails, or has no time limit and an episode does not end.
    """
    until: Until | None = None if has_time_limit(env) else _Patience(env)
    if isinstance(policy, PolicyFunction) and policy.has_batch:
        places = lockstep(env, min(len(starts), PLACES), threads=threads)
        if overflows is None:
            act = _batches(policy)
        else:
            act, until = _finite_batches(policy, overflows), _either(overflows.has_failed, until)
        done = play(act, places, starts, until=until, keep=keep, on_end=on_end)
    else:
        one = EnvironmentLockstep([env])
        done = play(row_by_row(policy), one, starts, until=until, keep=keep, on_end=on_end)
    finite = np.isfinite(done.returns)
    if not finite.all():
        number = int(np.argmin(finite))
        raise NonFiniteError(
            f"the rewards of an evaluation episode of {done.lengths[number]} steps sum to "
            f"{done.returns[number]}; check the environment and its arguments"
        )
    return done


def episodes_of(done: Rollouts) -> list[Episode]:
    """Return the scores of rollouts for the files of a run."""
    return [Episode(*pair) for pair in zip(done.returns.tolist(), done.lengths.tolist(), strict=True)]


def _batches(policy: PolicyFunction) -> BatchPolicy:
    return lambda observations, _: policy.batch(observations)


def _finite_batches(policy: PolicyFunction, overflows: Overflows) -> BatchPolicy:
    return lambda observations, episodes: overflows.finite(policy.batch_or_nan(observations), episodes)


def _either(one: Until, other: Until | None) -> Until:
    """Return what stops the episodes that one of both stops."""
    if other is None:
        return one
    return lambda observations, episodes: one(observations, episodes) | other(observations, episodes)


class _Watched(gym.Wrapper[Any, Any, Any, Any]):
    """Hands each transition to ``on_step``."""

    def __init__(self, env: gym.Env[Any, Any], on_step: Callable[[Transition], None]) -> None:
        super().__init__(env)
        self._on_step = on_step
        self._observation: Any = None

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        self._observation, info = super().reset(**kwargs)
        return self._observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        before = self._observation
        self._observation, reward, terminated, truncated, info = super().step(action)
        self._on_step(Transition(before, action, float(reward), terminated, truncated, info))
        return self._observation, reward, terminated, truncated, info


class _Patience:
    """Breaks off an episode that does not end, in an environment without time limit."""

    def __init__(self, env: gym.Env[Any, Any]) -> None:
        self._name = env.spec.id if env.spec else env
        self._steps: Counter[int] = Counter()

    def __call__(self, observations: np.ndarray, episodes: np.ndarray) -> np.ndarray:
        self._steps.update(episodes.tolist())
        longest = max(self._steps[episode] for episode in episodes)
        if longest >= MOST_STEPS_WITHOUT_LIMIT:
            raise EnvironmentFaultError(
                f"the environment {self._name} has no time limit, and an evaluation episode has not ended "
                f"after {longest:,} steps; give it one with --env-kwargs max_episode_steps=1000"
            )
        return np.zeros(len(episodes), bool)
