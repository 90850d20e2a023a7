"""Play episodes together: one call of the policy for all that are running, those that end leave.

Letters in shapes: N episodes in all, M that are running, T steps of one episode, O observation, A action,
U actuators.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from swimrl.errors import InputError
from swimrl.rollouts.interface import BatchPolicy, Lockstep, Outcome, Start, State

Kept = Literal["observations", "actions", "rewards", "states", "x_velocities", "powers"]
"""What `play` can keep of each step."""

Until = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""(observations after a step [M, O], numbers of the episodes [M]) -> bool [M]: which episodes stop here."""


@dataclass(frozen=True)
class Rollouts:
    """The episodes that were played, in the order of their starts.

    What was not asked for in ``keep`` is empty.
    """

    returns: np.ndarray
    """Undiscounted sum of the rewards from the start, float64 [N]."""

    lengths: np.ndarray
    """Environment steps from the start, int [N]."""

    terminated: np.ndarray
    """Which episodes the environment ended, bool [N]."""

    truncated: np.ndarray
    """Which episodes the time limit ended, bool [N]; an episode that is neither was stopped by the caller."""

    observations: list[np.ndarray] = field(default_factory=list)
    """Of each episode [T + 1, O]: at the start and after each step."""

    actions: list[np.ndarray] = field(default_factory=list)
    """Of each episode [T, A], as the policy returned them."""

    rewards: list[np.ndarray] = field(default_factory=list)
    """Of each episode, float64 [T]."""

    states: list[list[State]] = field(default_factory=list)
    """Of each episode T + 1 states: at the start and after each step."""

    x_velocities: list[np.ndarray] = field(default_factory=list)
    """Of each episode in m/s, [T]; empty too if the environment has none."""

    powers: list[np.ndarray] = field(default_factory=list)
    """Of each episode the actuators' power in W, [T, U]; empty too without a MuJoCo simulator."""


def play(
    policy: BatchPolicy,
    lockstep: Lockstep,
    starts: Sequence[Start],
    *,
    most_steps: int | None = None,
    until: Until | None = None,
    keep: Collection[Kept] = (),
    on_end: Callable[[int], None] | None = None,
) -> Rollouts:
    """Return one episode for each start.

    Starts take the places in their order; as soon as an episode ends, the next start takes its place.

    Args:
        policy: Returns the actions of all running episodes.
        lockstep: Where the episodes are stepped.
        starts: Where each episode starts, N of them.
        most_steps: Steps from its start after which an episode is stopped; None for no limit but the
            environment's own.
        until: Returns, after each step, which episodes are stopped.
        keep: What to keep of each step.
        on_end: Receives the number of episodes that have ended, each time one ends.

    Raises:
        EnvironmentFaultError: If the environment fails.
        InputError: If there is no start, or ``keep`` or ``most_steps`` is out of range.
        NonFiniteError: If an action is NaN or infinite.
    """
    _check(starts, most_steps, keep)
    record = _Record(len(starts), keep)
    waiting = iter(enumerate(starts))
    running = _Running.start(lockstep, waiting, record)
    ended = 0
    while len(running.places):
        actions = np.asarray(policy(running.observations, running.episodes))
        outcome = lockstep.step(running.places, actions)
        record.add(running, actions, outcome, lockstep)
        over = outcome.terminated | outcome.truncated
        if most_steps is not None:
            over |= record.lengths[running.episodes] >= most_steps
        if until is not None:
            over |= until(outcome.observations, running.episodes)
        running.observations = outcome.observations
        if over.any():
            for _ in range(int(over.sum())):
                ended += 1
                if on_end:
                    on_end(ended)
            running.replace(over, lockstep, waiting, record)
    return record.rollouts()


def _check(starts: Sequence[Start], most_steps: int | None, keep: Collection[str]) -> None:
    if not len(starts):
        raise InputError("there is no start; give at least one seed or state")
    if most_steps is not None and most_steps < 1:
        raise InputError(f"most_steps is {most_steps}; expected a whole number of at least 1")
    unknown = sorted(set(keep) - set(get_args(Kept)))
    if unknown:
        raise InputError(f"cannot keep {unknown[0]!r}; expected some of {', '.join(get_args(Kept))}")


class _Record:
    """What is known of each episode so far."""

    def __init__(self, episodes: int, keep: Collection[str]) -> None:
        self.returns = np.zeros(episodes)
        self.lengths = np.zeros(episodes, np.int64)
        self.terminated = np.zeros(episodes, bool)
        self.truncated = np.zeros(episodes, bool)
        self._kept: dict[str, list[list[object]]] = {name: [[] for _ in range(episodes)] for name in keep}

    def begin(self, episode: int, observation: np.ndarray, lockstep: Lockstep, place: int) -> None:
        """Record the start of an episode."""
        if "observations" in self._kept:
            self._kept["observations"][episode].append(np.array(observation))
        if "states" in self._kept:
            self._kept["states"][episode].append(lockstep.state(place))

    def add(self, running: _Running, actions: np.ndarray, outcome: Outcome, lockstep: Lockstep) -> None:
        """Record one step."""
        episodes = running.episodes
        self.returns[episodes] += outcome.rewards
        self.lengths[episodes] += 1
        self.terminated[episodes] = outcome.terminated
        self.truncated[episodes] = outcome.truncated
        for name, kept in self._kept.items():
            values = self._values(name, running, actions, outcome, lockstep)
            if values is not None:
                for episode, value in zip(episodes, values, strict=True):
                    kept[episode].append(value)

    def _values(
        self, name: str, running: _Running, actions: np.ndarray, outcome: Outcome, lockstep: Lockstep
    ) -> Iterable[object] | None:
        """Return what to keep under a name, for each running episode; None if the environment has no such."""
        if name == "states":
            return [lockstep.state(place) for place in running.places]
        if name == "actions":
            return actions.copy()  # a policy may use its array again
        values: np.ndarray | None = (
            lockstep.powers(running.places) if name == "powers" else getattr(outcome, name)
        )
        return values

    def rollouts(self) -> Rollouts:
        """Return all episodes."""
        kept = {
            name: [path if name == "states" else np.array(path) for path in paths]
            for name, paths in self._kept.items()
            if any(paths)
        }
        return Rollouts(self.returns, self.lengths, self.terminated, self.truncated, **kept)  # type: ignore[arg-type]


@dataclass
class _Running:
    """The episodes that are running: row i of each array is one of them."""

    places: np.ndarray
    episodes: np.ndarray
    observations: np.ndarray

    @classmethod
    def start(cls, lockstep: Lockstep, waiting: Iterator[tuple[int, Start]], record: _Record) -> _Running:
        """Fill the places with the first starts."""
        rows = []
        for place, (episode, start) in zip(range(lockstep.size), waiting, strict=False):
            observation = lockstep.begin(place, start)
            record.begin(episode, observation, lockstep, place)
            rows.append((place, episode, observation))
        places, episodes, observations = zip(*rows, strict=True)
        return cls(np.array(places), np.array(episodes), np.array(observations))

    def replace(
        self, over: np.ndarray, lockstep: Lockstep, waiting: Iterator[tuple[int, Start]], record: _Record
    ) -> None:
        """Replace the episodes that are over by the next starts; those without a successor leave."""
        remaining = ~over
        self.observations = self.observations.copy()  # the record may keep its rows
        for row in np.flatnonzero(over):
            entry = next(waiting, None)
            if entry is None:
                continue
            episode, start = entry
            place = int(self.places[row])
            self.observations[row] = observation = lockstep.begin(place, start)
            record.begin(episode, observation, lockstep, place)
            self.episodes[row] = episode
            remaining[row] = True
        if not remaining.all():
            self.places, self.episodes = self.places[remaining], self.episodes[remaining]
            self.observations = self.observations[remaining]
