"""Several hypotheses by a graph: the level of one that is rejected goes on to the others.

Bretz, Maurer, Brannath & Posch 2009; with looks, Maurer & Bretz 2013. The probability of any false rejection
is at most alpha, because the procedure is a short cut of closed testing with weighted Bonferroni tests. It
needs tests that reject at every level above one at which they reject.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class Graph:
    """Shares of alpha, and where the share of a rejected hypothesis goes.

    Raises:
        ValueError: If the weights, or the transitions from a hypothesis, sum to more than 1.
    """

    weights: Mapping[str, float]
    """Share of alpha of each hypothesis, by name."""

    transitions: Mapping[str, Mapping[str, float]]
    """By the name of a hypothesis: the parts of its share that others get when it is rejected."""

    def __post_init__(self) -> None:
        for shares in (self.weights, *self.transitions.values()):
            if min(shares.values(), default=0) < 0 or sum(shares.values()) > 1 + 1e-9:
                raise ValueError(f"shares {dict(shares)}; expected numbers from 0 that sum to at most 1")

    def without(self, name: str) -> Graph:
        """Return the graph after the rejection of a hypothesis (Bretz et al. 2009, algorithm 1)."""
        others = [other for other in self.weights if other != name]
        weights = {
            other: self.weights[other] + self.weights[name] * self._transition(name, other)
            for other in others
        }
        transitions: dict[str, dict[str, float]] = {}
        for start in others:
            around = self._transition(start, name) * self._transition(name, start)
            transitions[start] = {
                end: (
                    self._transition(start, end) + self._transition(start, name) * self._transition(name, end)
                )
                / (1 - around)
                for end in others
                if end != start and around < 1
            }
        return Graph(weights, transitions)

    def _transition(self, start: str, end: str) -> float:
        return self.transitions.get(start, {}).get(end, 0.0)


def holm(names: Sequence[str]) -> Graph:
    """Return the graph of Holm's procedure: equal shares, which go on to all others in equal parts."""
    others = len(names) - 1
    return Graph(
        {name: 1 / len(names) for name in names},
        {start: {end: 1 / others for end in names if end != start} for start in names},
    )


def fixed_sequence(names: Sequence[str]) -> Graph:
    """Return the graph that tests one hypothesis after the other, each at the whole alpha."""
    return Graph(
        {name: float(place == 0) for place, name in enumerate(names)},
        {start: {end: 1.0} for start, end in pairwise(names)},
    )


def rejected(graph: Graph, alpha: float, rejects: Callable[[str, float], bool]) -> tuple[str, ...]:
    """Return the hypotheses that are rejected, in the order of their rejection.

    Args:
        graph: The shares.
        alpha: Bound on the probability of any false rejection.
        rejects: Receives a name and a level, and returns whether the test of this hypothesis rejects there.

    Example:
        >>> p = {"a": 0.01, "b": 0.04, "c": 0.2}
        >>> rejected(holm(["a", "b", "c"]), 0.05, lambda name, level: p[name] <= level)
        ('a',)
    """
    names: list[str] = []
    while True:
        name = next((n for n, w in graph.weights.items() if w > 0 and rejects(n, alpha * w)), None)
        if name is None:
            return tuple(names)
        names.append(name)
        graph = graph.without(name)
