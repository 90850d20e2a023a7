"""Paired episodes of a policy with exact activations and with polynomials, from the same starts.

Letters in shapes: A arms, E episodes of an arm, M episodes that are running.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from swimrl.approximating.actor import Actor, Array, actor_of
from swimrl.approximating.arms import Arm, Settings, arms_of
from swimrl.envs.seeding import final_seeds
from swimrl.rollouts import lockstep, play
from swimrl.training import Run

_CALIBRATION = 1_000_000
"""The first calibration episode has this number, so that no episode is measured on its own ranges."""

_PLACES = 50
"""Episodes that are stepped together."""


@dataclass(frozen=True)
class ArmEpisodes:
    """The episodes of one arm. Nothing is clipped: what leaves a range is counted.

    Args:
        arm: The policy.
        returns: Undiscounted returns, [E].
        lengths: Environment steps, [E].
        share_outside: Share of pre-activations outside their range, [E].
        worst: Largest ``abs(z) / bound`` of any pre-activation, [E].
        first_outside: The first step with a pre-activation outside its range, [E]; -1 if there is none.
        failed_at: The step at which an action was not finite, which ends the episode, [E]; -1 if none.
    """

    arm: Arm
    returns: Array
    lengths: np.ndarray[Any, Any]
    share_outside: Array
    worst: Array
    first_outside: np.ndarray[Any, Any]
    failed_at: np.ndarray[Any, Any]

    @property
    def failures(self) -> int:
        """Episodes that ended because an action was not finite."""
        return int((self.failed_at >= 0).sum())


@dataclass(frozen=True)
class Measured:
    """The arms of one run; the first is the exact policy.

    Args:
        run: The run.
        actor: Its actor.
        settings: What was compared.
        quantiles: Of ``abs(z)`` in the calibration, of each hidden layer: median, 99 %, 99.9 %, largest.
        arms: The arms with their episodes.
    """

    run: Run
    actor: Actor
    settings: Settings
    quantiles: tuple[tuple[float, ...], ...]
    arms: tuple[ArmEpisodes, ...]

    @property
    def exact(self) -> ArmEpisodes:
        """The exact policy."""
        return self.arms[0]


@dataclass
class _Watched:
    """Counts what leaves its range, for each episode of an arm."""

    arm: Arm
    episodes: int
    outside: np.ndarray[Any, Any] = field(init=False)
    seen: np.ndarray[Any, Any] = field(init=False)
    worst: Array = field(init=False)
    first: np.ndarray[Any, Any] = field(init=False)
    steps: np.ndarray[Any, Any] = field(init=False)
    failed_at: np.ndarray[Any, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.outside, self.seen, self.steps = (np.zeros(self.episodes, int) for _ in range(3))
        self.first, self.failed_at = (np.full(self.episodes, -1) for _ in range(2))
        self.worst = np.zeros(self.episodes)

    def act(self, actor: Actor, observations: Array, episodes: np.ndarray[Any, Any]) -> Array:
        """Return the actions [M, A] and count; an episode whose action is not finite gets zeros and fails."""

        def watch(number: int, z: Array) -> None:
            ratio: Array = np.nan_to_num(np.abs(z) / self.arm.bounds[number], nan=np.inf)
            is_outside = np.asarray(ratio > 1)
            self.outside[episodes] += is_outside.sum(axis=1)
            self.seen[episodes] += z.shape[1]
            self.worst[episodes] = np.maximum(self.worst[episodes], ratio.max(axis=1))
            is_first = np.asarray(is_outside.any(axis=1) & (self.first[episodes] < 0))
            self.first[episodes[is_first]] = self.steps[episodes[is_first]]

        actions = actor.act(observations, self.arm.functions, watch)
        is_bad: np.ndarray[Any, Any] = np.asarray(~np.isfinite(actions).all(axis=1))
        self.failed_at[episodes[is_bad]] = self.steps[episodes[is_bad]]
        self.steps[episodes] += 1
        return np.where(is_bad[:, None], 0.0, actions)


def measure(
    run: Run,
    settings: Settings | None = None,
    *,
    best: bool = False,
    threads: int = 1,
    on_end: Callable[[int, int], None] | None = None,
) -> Measured:
    """Return the episodes of the exact policy and of one policy for each degree.

    Args:
        run: A run with a policy.
        settings: What to compare.
        best: Take the policy of the best evaluation instead of the last.
        threads: Processor threads for the simulation; results do not depend on it.
        on_end: Receives the number of episodes that have ended, and of all.

    Raises:
        InputError: If the policy has no formulas as activations, layer norms or blocks.
        UndeterminedError: If a polynomial cannot be fitted.
    """
    settings = settings or Settings()
    actor = actor_of(run, best=best)
    env = run.make_environment()
    try:
        inputs = _inputs(actor, env, settings, threads)
        arms = arms_of(actor, inputs, settings)
        episodes = _played(actor, env, arms, settings.episodes, threads, on_end)
    finally:
        env.close()
    quantiles = tuple(
        (*np.quantile(np.abs(z), [0.5, 0.99, 0.999]).tolist(), float(np.abs(z).max())) for z in inputs
    )
    return Measured(run, actor, settings, quantiles, tuple(episodes))


def _inputs(actor: Actor, env: Any, settings: Settings, threads: int) -> list[Array]:
    """Return the pre-activations of each hidden layer in the calibration episodes, [M, N]."""
    seen: list[list[Array]] = [[] for _ in range(actor.depth)]

    def act(observations: Array, episodes: np.ndarray[Any, Any]) -> Array:
        return actor.act(observations, actor.functions, lambda number, z: seen[number].append(z))

    count = settings.calibration_episodes
    starts = [final_seeds(_CALIBRATION + number) for number in range(count)]
    play(act, lockstep(env, count, threads=threads), starts)
    return [np.concatenate(layer) for layer in seen]


def _played(
    actor: Actor,
    env: Any,
    arms: Sequence[Arm],
    episodes: int,
    threads: int,
    on_end: Callable[[int, int], None] | None,
) -> list[ArmEpisodes]:
    """Play every arm from the same starts; arm a has the episodes a E to a E + E - 1."""
    watched = [_Watched(arm, episodes) for arm in arms]

    def act(observations: Array, numbers: np.ndarray[Any, Any]) -> Array:
        actions = np.zeros((len(numbers), actor.controller.action_size))
        of_arm, within = np.divmod(numbers, episodes)
        for number in np.unique(of_arm).tolist():
            rows = np.flatnonzero(of_arm == number)
            actions[rows] = watched[number].act(actor, observations[rows], within[rows])
        return actions

    def failed(observations: Array, numbers: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.array([watched[n // episodes].failed_at[n % episodes] >= 0 for n in numbers.tolist()], bool)

    starts = [final_seeds(number) for _ in arms for number in range(episodes)]
    done = play(
        act,
        lockstep(env, min(_PLACES, len(starts)), threads=threads),
        starts,
        until=failed,
        on_end=None if on_end is None else lambda ended: on_end(ended, len(starts)),
    )
    return [
        ArmEpisodes(
            one.arm,
            done.returns[place : place + episodes],
            done.lengths[place : place + episodes],
            one.outside / np.maximum(one.seen, 1),
            one.worst,
            one.first,
            one.failed_at,
        )
        for place, one in zip(range(0, len(starts), episodes), watched, strict=True)
    ]
