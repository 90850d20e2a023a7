"""Starts of episodes: where the policy fails and where it passes, and windows around them.

A start is a reset seed, or, with start noise, the state after some steps of noisy actions from it. Either way
the episode that follows is a function of the start and the weights.

Letters in shapes: N starts, O observation, A action.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from swimrl.errors import InputError
from swimrl.repairing.failure import Failure, Fall
from swimrl.rollouts import BatchPolicy, Lockstep, Rollouts, Start, play

NOISY_STEPS = 20
"""Environment steps with noisy actions before an episode, if there is start noise."""

STATES_OF_A_FAILURE = 50
"""States before a fall at which localisation looks."""

_LEAST = 4
"""Failing and passing starts without which there is nothing to search by."""

_FIRST = {"search": 0, "validation": 2**19, "test": 2**20}
"""The first seed of each kind of starts."""


def seeds(kind: str, count: int, seed: int) -> list[int]:
    """Return reset seeds. Those of each kind differ, and training uses none of them.

    Args:
        kind: ``"search"``, ``"validation"`` or ``"test"``.
        count: How many.
        seed: Seed of the repair.
    """
    # Training, evaluation and final seeds lie below 2^30 + 100 and from 2^31 - 2^16 to 2^31 + 2^16.
    first = 2**30 + 2**20 * (1 + 2 * (seed % 2**8)) + _FIRST[kind]
    return list(range(first, first + count))


@dataclass(frozen=True)
class Window:
    """A test of the search: an episode from a start, for some steps."""

    start: Start

    steps: int | None
    """None for the whole episode."""

    fails: bool
    """Whether the unpatched policy fails it."""


@dataclass(frozen=True)
class Collection:
    """What is known of the unpatched policy on the starts of the search."""

    starts: list[Start]
    """Those of the windows, the failing ones first, [N]."""

    numbers: list[int]
    """Their numbers among the starts that were played, [N]."""

    windows: list[Window]
    """One for each start, the failing ones first, [N]."""

    failing_states: np.ndarray
    """Observations of the failing episodes, for localisation, [F, O]."""

    passing_states: np.ndarray
    """Observations of the passing ones, [F, O]."""

    played: int
    """Starts that were played to find these."""

    failed: int
    """How many of them failed."""


def noisy_starts(
    policy: BatchPolicy, lockstep: Lockstep, reset_seeds: Sequence[int], noise: float, space: Any
) -> list[Start]:
    """Return the starts that belong to reset seeds, N.

    Args:
        policy: The unpatched policy.
        lockstep: Where to play.
        reset_seeds: The seeds, [N].
        noise: Standard deviation of the noise, as a part of half the action range; 0 for the resets
            themselves.
        space: The action space.
    """
    if noise == 0:
        return list(reset_seeds)
    half = (space.high - space.low) / 2
    draws = np.array(
        [
            np.random.Generator(np.random.PCG64(seed)).normal(size=(NOISY_STEPS, *space.shape))
            for seed in reset_seeds
        ]
    )
    steps = np.zeros(len(reset_seeds), int)

    def act(observations: np.ndarray, episodes: np.ndarray) -> np.ndarray:
        actions = policy(observations, episodes) + noise * half * draws[episodes, steps[episodes]]
        steps[episodes] += 1
        clipped: np.ndarray = np.clip(actions, space.low, space.high).astype(space.dtype)
        return clipped

    episodes = play(act, lockstep, reset_seeds, most_steps=NOISY_STEPS, keep=["states"])
    # Where the noise already ends the episode, the start is the state before its last step.
    return [
        states[-2] if over else states[-1]
        for states, over in zip(episodes.states, episodes.terminated | episodes.truncated, strict=True)
    ]


def collect(
    policy: BatchPolicy,
    lockstep: Lockstep,
    starts: Sequence[Start],
    failure: Failure,
    rollouts: Rollouts,
    *,
    count: int,
    lead: int,
    window: int,
) -> Collection:
    """Return the windows of the search: half of them from failing starts, half from passing ones.

    A failing window begins ``lead`` steps before the fall. A passing one begins at the same step of an
    episode that passes, or with the episode.

    Args:
        policy: The unpatched policy.
        lockstep: Where to play.
        starts: Starts that were played.
        failure: What counts as a failure.
        rollouts: The episodes from ``starts``.
        count: How many windows.
        lead: Steps from a window's start to the fall.
        window: Steps of a window.

    Raises:
        InputError: If too few starts fail or pass; the message says what to do.
    """
    failed = failure.failed(rollouts)
    failing, passing = np.flatnonzero(failed)[: count // 2], np.flatnonzero(~failed)[: count // 2]
    chosen = [starts[number] for number in (*failing, *passing)]
    again = play(policy, lockstep, chosen, keep=("states", "observations"))
    at_fall = isinstance(failure, Fall)
    ends = [length if at_fall else None for length in again.lengths[: len(failing)]]
    windows: list[Window] = []
    failing_states: list[np.ndarray] = []
    passing_states: list[np.ndarray] = []
    for number, (states, seen) in enumerate(zip(again.states, again.observations, strict=True)):
        is_failing = number < len(failing)
        end = ends[number % len(ends)]
        if not is_failing and end is not None:
            end = min(end, len(seen) - 1)
        part = _before(seen, end)
        (failing_states if is_failing else passing_states).append(part)
        if end is None:
            windows.append(Window(chosen[number], None, is_failing))
        else:
            # Every second passing window begins with its episode, so that a patch must also get that far.
            first = 0 if not is_failing and number % 2 else max(0, end - lead)
            windows.append(Window(states[first], window, is_failing))
    return Collection(
        chosen,
        [int(number) for number in (*failing, *passing)],
        windows,
        np.concatenate(failing_states),
        np.concatenate(passing_states),
        len(starts),
        int(failed.sum()),
    )


def _before(observations: np.ndarray, end: int | None) -> np.ndarray:
    """Return the observations before an end, or some of the whole episode's."""
    if end is not None:
        return observations[max(0, end - STATES_OF_A_FAILURE) : end]
    return observations[:: max(1, len(observations) // STATES_OF_A_FAILURE)]


def check_enough(failed: np.ndarray, count: int, what: str) -> None:
    """Check that enough starts fail and pass.

    Raises:
        InputError: If not.
    """
    failing, passing = int(failed.sum()), int((~failed).sum())
    if failing < _LEAST and passing < _LEAST:
        raise InputError(
            f"{len(failed)} starts were played, too few: {failing} failed and {passing} passed, and at least "
            f"{_LEAST} of each are needed; give a larger --repair-starts"
        )
    if failing < _LEAST:
        raise InputError(
            f"the policy fails on {failing} of {len(failed)} starts ({what}), so there is nothing to "
            f"repair; at least {_LEAST} failures are needed; try harder starts with --start-noise 0.3, or "
            "--failure return-below=0.3"
        )
    if passing < _LEAST:
        raise InputError(
            f"the policy fails on {failing} of {len(failed)} starts ({what}), and a repair needs at least "
            f"{_LEAST} starts on which it passes; train longer, try --best, or --failure return-below=0.5"
        )
