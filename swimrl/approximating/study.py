"""Paired episodes of a policy with exact activations and with polynomials, from the same starts.

Letters in shapes: A arms, E episodes of an arm, M episodes that are running.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from swimrl.approximating.actor import Actor, Array, Function, actor_of
from swimrl.approximating.arms import Arm, Settings, arms_of
from swimrl.envs.seeding import final_seeds
from swimrl.errors import InputError
from swimrl.rollouts import Overflows, Rollouts, lockstep, play
from swimrl.training import Run

_CALIBRATION = 1_000_000
"""The first calibration episode has this number, so that no episode is measured on its own ranges."""

_PLACES = 50
"""Episodes that are stepped together."""

Integers = np.ndarray[Any, np.dtype[np.int64]]


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
    """Counts what leaves the ranges of an arm, for each of its episodes."""

    arm: Arm
    episodes: int
    outside: Integers = field(init=False)
    seen: Integers = field(init=False)
    worst: Array = field(init=False)
    first: Integers = field(init=False)

    def __post_init__(self) -> None:
        self.outside, self.seen = (np.zeros(self.episodes, int) for _ in range(2))
        self.first = np.full(self.episodes, -1)
        self.worst = np.zeros(self.episodes)

    def look(self, number: int, z: Array, episodes: Integers, steps: Integers) -> None:
        """Count the pre-activations [M, N] of a hidden layer, at these steps of these episodes."""
        ratio: Array = np.nan_to_num(np.abs(z) / self.arm.bounds[number], nan=np.inf)
        is_outside = np.asarray(ratio > 1)
        self.outside[episodes] += is_outside.sum(axis=1)
        self.seen[episodes] += z.shape[1]
        self.worst[episodes] = np.maximum(self.worst[episodes], ratio.max(axis=1))
        is_first = np.asarray(is_outside.any(axis=1) & (self.first[episodes] < 0))
        self.first[episodes[is_first]] = steps[is_first]


@dataclass(frozen=True)
class _Player:
    """A policy, and the ranges that its episodes are watched with.

    The exact policy plays once for several studies, each of which has ranges of its own.
    """

    functions: tuple[Function, ...]
    watched: list[_Watched]
    episodes: int

    def act(self, actor: Actor, observations: Array, episodes: Integers, steps: Integers) -> Array:
        """Return the actions [M, A] at these steps of these episodes, and count what leaves the ranges."""

        def watch(number: int, z: Array) -> None:
            for one in self.watched:
                one.look(number, z, episodes, steps)

        return actor.act(observations, self.functions, watch)


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
    return measure_each(run, [settings or Settings()], best=best, threads=threads, on_end=on_end)[0]


def measure_each(
    run: Run,
    settings: Sequence[Settings],
    *,
    best: bool = False,
    threads: int = 1,
    on_end: Callable[[int, int], None] | None = None,
) -> tuple[Measured, ...]:
    """Return what `measure` returns for each of several settings; the exact policy plays once for all.

    Args:
        run: As in `measure`.
        settings: What to compare; all with the same calibration episodes.
        best: As in `measure`.
        threads: As in `measure`.
        on_end: As in `measure`.

    Raises:
        InputError: As `measure`; or if the settings have different calibration episodes, or there are none.
        UndeterminedError: As `measure`.
    """
    if len({one.calibration_episodes for one in settings}) != 1:
        raise InputError("settings that are measured together need the same calibration_episodes")
    actor = actor_of(run, best=best)
    env = run.make_environment()
    try:
        inputs = _inputs(actor, env, settings[0].calibration_episodes, threads)
        arms = [arms_of(actor, inputs, one) for one in settings]
        played = _played(actor, env, arms, [one.episodes for one in settings], threads, on_end)
    finally:
        env.close()
    quantiles = tuple(
        (*np.quantile(np.abs(z), [0.5, 0.99, 0.999]).tolist(), float(np.abs(z).max())) for z in inputs
    )
    return tuple(
        Measured(run, actor, one, quantiles, tuple(of_one))
        for one, of_one in zip(settings, played, strict=True)
    )


def _inputs(actor: Actor, env: Any, episodes: int, threads: int) -> list[Array]:
    """Return the pre-activations of each hidden layer in the calibration episodes, [M, N]."""
    seen: list[list[Array]] = [[] for _ in range(actor.depth)]

    def act(observations: Array, numbers: Integers) -> Array:
        return actor.act(observations, actor.functions, lambda number, z: seen[number].append(z))

    starts = [final_seeds(_CALIBRATION + number) for number in range(episodes)]
    play(act, lockstep(env, episodes, threads=threads), starts)
    return [np.concatenate(layer) for layer in seen]


def _played(
    actor: Actor,
    env: Any,
    arms: Sequence[Sequence[Arm]],
    episodes: Sequence[int],
    threads: int,
    on_end: Callable[[int, int], None] | None,
) -> list[list[ArmEpisodes]]:
    """Play the arms of each study from the same starts; the first arm of each is the exact policy."""
    most = max(episodes)
    watched = [
        [_Watched(arm, count if arm.layers else most) for arm in of_one]
        for of_one, count in zip(arms, episodes, strict=True)
    ]
    players = [_Player(actor.functions, [exact for exact, *_ in watched], most)]
    players += [_Player(one.arm.functions, [one], one.episodes) for _, *others in watched for one in others]
    begins = np.cumsum([0, *(player.episodes for player in players)])
    overflows = Overflows(int(begins[-1]))

    def act(observations: Array, numbers: Integers) -> Array:
        actions = np.zeros((len(numbers), actor.controller.action_size))
        of_player = np.searchsorted(begins, numbers, side="right") - 1
        for place in np.unique(of_player).tolist():
            rows = np.flatnonzero(of_player == place)
            within = numbers[rows] - begins[place]
            steps = overflows.steps[numbers[rows]]
            actions[rows] = players[place].act(actor, observations[rows], within, steps)
        return overflows.finite(actions, numbers)

    starts = [final_seeds(number) for player in players for number in range(player.episodes)]
    done = play(
        act,
        lockstep(env, min(_PLACES, len(starts)), threads=threads),
        starts,
        until=overflows.has_failed,
        on_end=None if on_end is None else lambda ended: on_end(ended, len(starts)),
    )
    begin_of = {
        id(one): begin
        for player, begin in zip(players, begins.tolist(), strict=False)
        for one in player.watched
    }
    return [
        [_arm_episodes(one, begin_of[id(one)], done, overflows, count) for one in of_one]
        for of_one, count in zip(watched, episodes, strict=True)
    ]


def _arm_episodes(one: _Watched, begin: int, done: Rollouts, overflows: Overflows, count: int) -> ArmEpisodes:
    """Return the first ``count`` episodes of an arm, whose policy's episodes begin at number ``begin``."""
    return ArmEpisodes(
        one.arm,
        done.returns[begin : begin + count],
        done.lengths[begin : begin + count],
        (one.outside / np.maximum(one.seen, 1))[:count],
        one.worst[:count],
        one.first[:count],
        overflows.failed_at[begin : begin + count],
    )
