"""Graphs that pass the error probability of an established comparison on to others (Bretz et al. 2009).

Each comparison has a share of the error probability, its weight. When it is established, its weight goes to
other comparisons along the edges of the graph. Holm's procedure (equal weights, equal edges) and the fixed
sequence (all weight on the first comparison, edges to the next) are such graphs. With the sequential p-values
of `swimrl.stats.sequential`, which spend a comparison's share over its looks, it is the procedure of Maurer &
Bretz 2013.
"""

from __future__ import annotations

import math
from collections.abc import Mapping


def graphical(
    p_values: Mapping[str, float], weights: Mapping[str, float], transfer: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    """Return p-values adjusted for the probability of any false finding (Bretz et al. 2009, algorithm 2).

    Args:
        p_values: By comparison.
        weights: The share of the error probability of each comparison; 0 where not given. The sum is at
            most 1.
        transfer: By comparison: the share of its weight that others get when it is established; 0 where not
            given. The sum over others is at most 1.

    Example:
        >>> graphical({"a": 0.01, "b": 0.03}, {"a": 0.5, "b": 0.5}, {"a": {"b": 1}, "b": {"a": 1}})
        {'a': 0.02, 'b': 0.03}
    """
    weight = {name: weights.get(name, 0.0) for name in p_values}
    edge = {
        (one, other): transfer.get(one, {}).get(other, 0.0)
        for one in p_values
        for other in p_values
        if one != other
    }
    left, adjusted, largest = list(p_values), {}, 0.0
    while left:
        ratio = {name: p_values[name] / weight[name] if weight[name] > 0 else math.inf for name in left}
        first = min(left, key=ratio.__getitem__)
        adjusted[first] = largest = min(max(largest, ratio[first]), 1.0)
        left.remove(first)
        for name in left:
            weight[name] += weight[first] * edge[first, name]
        edge = {
            (one, other): _shortened(edge, one, other, first)
            for one in left
            for other in left
            if one != other
        }
    return {name: adjusted[name] for name in p_values}


def _shortened(edge: Mapping[tuple[str, str], float], one: str, other: str, removed: str) -> float:
    """Return the weight of an edge after a comparison between its ends was removed from the graph."""
    back = edge[one, removed] * edge[removed, one]
    if back >= 1:
        return 0.0
    return (edge[one, other] + edge[one, removed] * edge[removed, other]) / (1 - back)
