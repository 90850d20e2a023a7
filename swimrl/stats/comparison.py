"""Tests whether two arms differ, and corrections for several tests. Every p-value names its test.

The arms are unpaired unless a study declares otherwise beforehand: equal seeds give equal initial weights,
but training is chaotic, and the pairing is soon lost. Letters in shapes: N, M runs of the two arms.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from swimrl.errors import UndeterminedError
from swimrl.stats.aggregate import Scores, superiority

_DRAWS = 100_000


@dataclass(frozen=True)
class Test:
    """The result of a two-sided test."""

    p_value: float
    name: str
    """The test; exact, or with its number of draws."""

    __test__ = False  # pytest takes classes of this name for test cases


def stratified_mann_whitney(scores: Scores, baseline: Scores, *, seed: int = 0) -> Test:
    """Test over all tasks at once whether runs score above the baseline's on the same task.

    With one task it is the test of Mann & Whitney 1947. The statistic is the mean over tasks of the
    probability of improvement; runs change arms only within their task. The p-value is exact where there are
    no ties and all tasks have as many runs as each other; otherwise divisions of the runs are drawn.

    Args:
        scores: Task -> scores of one arm, [N].
        baseline: Task -> scores of the other, [M].
        seed: Seed of the draws.

    Raises:
        UndeterminedError: If a task has no run in an arm.
        ValueError: If the two have different tasks.
    """
    if scores.keys() != baseline.keys():
        raise ValueError(f"tasks differ: {sorted(scores)} and {sorted(baseline)}")
    pairs = [(np.asarray(scores[task], float), np.asarray(baseline[task], float)) for task in scores]
    for task, (x, y) in zip(scores, pairs, strict=True):
        if not len(x) or not len(y):
            raise UndeterminedError(f"no run of an arm{f' on {task}' if task else ''}")
    kind = "Mann-Whitney, unpaired" if len(pairs) == 1 else "Mann-Whitney, unpaired, stratified by task"
    sizes = {(len(x), len(y)) for x, y in pairs}
    tied = any(len(np.unique(np.concatenate(pair))) < len(pair[0]) + len(pair[1]) for pair in pairs)
    if tied or len(sizes) > 1:
        return Test(_drawn_p(pairs, seed), f"{kind}, {_DRAWS:,} draws")
    ((n, m),) = sizes
    total = sum(round(superiority(x, y) * n * m) for x, y in pairs)
    distribution = np.ones(1)
    for _ in pairs:
        distribution = np.convolve(distribution, _distribution_of_u(n, m))
    distance = np.abs(np.arange(len(distribution)) - (len(distribution) - 1) / 2)
    p = distribution[distance >= abs(total - (len(distribution) - 1) / 2) - 1e-9].sum()
    return Test(min(float(p), 1.0), f"exact {kind}")


def paired_permutation(differences: np.ndarray, *, seed: int = 0) -> Test:
    """Test whether the differences of pairs of runs, [N], are centred at 0, by changing their signs.

    Only for studies that declared the pairing beforehand.

    Raises:
        UndeterminedError: With no pair.
    """
    differences = np.asarray(differences, float)
    n = len(differences)
    if not n:
        raise UndeterminedError("no pair of runs")
    if n <= 16:
        signs = 1 - 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1)
        name = "exact permutation, paired"
    else:
        signs = np.random.Generator(np.random.PCG64(seed)).choice([-1, 1], size=(_DRAWS, n))
        signs[0] = 1
        name = f"permutation, paired, {_DRAWS:,} draws"
    sums = np.abs(signs @ differences)
    return Test(float((sums >= abs(differences.sum()) * (1 - 1e-12)).mean()), name)


def stratified_paired(differences: Scores, *, seed: int = 0) -> Test:
    """Test over all tasks at once whether the differences of pairs of runs are centred at 0.

    The differences of each task are divided by their root mean square, so that no task counts more because of
    its unit. A change of signs does not alter the root mean square.

    Args:
        differences: Task -> differences of its pairs, [N].
        seed: Seed of the draws.

    Raises:
        UndeterminedError: If a task has no pair, or no pair that differs.
    """
    scaled = []
    for task, of_task in differences.items():
        size = float(np.sqrt(np.mean(np.square(of_task)))) if len(of_task) else 0.0
        if not size:
            raise UndeterminedError(f"no pair of runs differs on {task}")
        scaled.append(np.asarray(of_task) / size)
    test = paired_permutation(np.concatenate(scaled), seed=seed)
    return Test(test.p_value, f"{test.name}, stratified by task" if len(scaled) > 1 else test.name)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values adjusted for the probability of any false finding (Holm 1979)."""
    adjusted, largest = {}, 0.0
    for rank, name in enumerate(sorted(p_values, key=p_values.__getitem__)):
        largest = max(largest, (len(p_values) - rank) * p_values[name])
        adjusted[name] = min(largest, 1.0)
    return {name: adjusted[name] for name in p_values}


def fixed_sequence(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values adjusted for tests one after the other, until the first that does not reject."""
    adjusted, largest = {}, 0.0
    for name, p in p_values.items():
        adjusted[name] = largest = max(largest, p)
    return adjusted


def benjamini_hochberg(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return p-values adjusted for the expected share of false findings (Benjamini & Hochberg 1995)."""
    adjusted, least = {}, 1.0
    ordered = sorted(p_values, key=p_values.__getitem__)
    for rank, name in reversed([*enumerate(ordered, 1)]):
        least = min(least, len(p_values) / rank * p_values[name])
        adjusted[name] = least
    return {name: adjusted[name] for name in p_values}


CORRECTIONS: Mapping[str, Callable[[Mapping[str, float]], dict[str, float]]] = {
    "holm": holm,
    "fixed-sequence": fixed_sequence,
    "benjamini-hochberg": benjamini_hochberg,
}
"""By the name under which a study declares it. ``fixed-sequence`` takes the order of the mapping."""


@cache
def _distribution_of_u(n: int, m: int) -> np.ndarray:
    """Return the probability of each value of U, [n m + 1], if all divisions of the ranks are equally likely.

    The number of ways is a Gaussian binomial coefficient, multiplied out factor by factor.
    """
    ways = np.zeros(n * m + 1)
    ways[0] = 1
    for i in range(1, n + 1):
        up = m + i
        ways[up:] -= ways[:-up].copy() if up < len(ways) else 0
        for position in range(i, len(ways)):
            ways[position] += ways[position - i]
    return ways / math.comb(n + m, n)


def _drawn_p(pairs: Sequence[tuple[np.ndarray, np.ndarray]], seed: int) -> float:
    observed, drawn = 0.0, np.zeros(_DRAWS)
    divisions = _drawn_divisions(tuple((len(x), len(y)) for x, y in pairs), seed)
    for (x, y), places in zip(pairs, divisions, strict=True):
        n, m = len(x), len(y)
        together = np.concatenate([x, y])
        below = (together[:, None] > together).sum(axis=1)
        ranks = below + 0.5 * ((together[:, None] == together).sum(axis=1) - 1)
        share = (n - 1) / 2  # the part of U that the arm's runs win against each other
        observed += (ranks[:n].mean() - share) / m - 0.5
        drawn += (ranks[places].mean(axis=1) - share) / m - 0.5
    extreme = int((np.abs(drawn) >= abs(observed) - 1e-12).sum())
    return (extreme + 1) / (_DRAWS + 1)


@lru_cache(maxsize=4)
def _drawn_divisions(sizes: tuple[tuple[int, int], ...], seed: int) -> tuple[np.ndarray, ...]:
    """Return, for each task with n and m runs, the places of n runs that are drawn from all of them, [R, n].

    A report makes hundreds of tests with equal numbers of runs, which all use the same divisions.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    divisions = []
    for n, m in sizes:
        places = np.arange(n + m, dtype=np.min_scalar_type(n + m))
        # A copy, so that the other places are not kept in memory.
        divisions.append(generator.permuted(np.broadcast_to(places, (_DRAWS, n + m)), axis=1)[:, :n].copy())
    return tuple(divisions)
