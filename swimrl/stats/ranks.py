"""Average ranks of arms over tasks, and which of them differ (Demsar 2006, JMLR 7, 1-30).

The literature compares classifiers, and activations, so. The unit is the task: each task gives every arm one
rank, by its mean score. How sure a mean score is does not enter, and with few tasks hardly anything can be
established: the least p-value of Wilcoxon's test is 2 / 2^T. So a ranking is a screen.

Letters in shapes: T tasks, A arms.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from swimrl.errors import UndeterminedError
from swimrl.stats.comparison import Test, holm


@dataclass(frozen=True)
class Ranking:
    """Arms in the order of their average ranks, the best first."""

    names: tuple[str, ...]

    average: np.ndarray
    """Average rank over tasks, 1 is the best, float64 [A]."""

    firsts: np.ndarray
    """On how many tasks an arm is the first; the first place of several equal arms is divided, [A]."""

    tasks: int

    friedman: Test
    """Whether any arms differ: Friedman's test in the form of Iman & Davenport (1980)."""

    wilcoxon: np.ndarray
    """P-value of Wilcoxon's signed-rank test of each pair after Holm's correction over all pairs, [A, A]."""

    critical_difference: float
    """Average ranks that differ by at least this much differ by Nemenyi's test."""

    @property
    def least_p(self) -> float:
        """The least p-value that Wilcoxon's test can give with so many tasks."""
        return min(1.0, 2.0 ** (1 - self.tasks))

    def groups(self, alpha: float) -> list[tuple[int, int]]:
        """Return the first and the last place of every group in which Wilcoxon's tests establish nothing.

        Args:
            alpha: The level of the tests.
        """
        return _groups(self.wilcoxon > alpha)

    def nemenyi_groups(self) -> list[tuple[int, int]]:
        """Return the first and the last place of every group in which Nemenyi's test establishes nothing."""
        return _groups(np.abs(np.subtract.outer(self.average, self.average)) < self.critical_difference)


def ranking(scores: Mapping[str, Sequence[float]], *, alpha: float = 0.05) -> Ranking:
    """Rank arms by their scores on the same tasks.

    Args:
        scores: Arm -> its mean score on each task, [T], tasks in the same order.
        alpha: Level of Nemenyi's critical difference.

    Raises:
        UndeterminedError: With fewer than 2 tasks or 3 arms.

    Example:
        >>> of = ranking({"a": [3, 30, 300], "b": [2, 20, 200], "c": [1, 10, 100]})
        >>> of.names, of.average.tolist()
        (('a', 'b', 'c'), [1.0, 2.0, 3.0])
    """
    from scipy.stats import rankdata, studentized_range

    names = [*scores]
    values = np.array([scores[name] for name in names], float).T
    if len(names) < 3 or len(values) < 2:
        raise UndeterminedError(f"{len(values)} tasks and {len(names)} arms; ranks need at least 2 and 3")
    ranks = rankdata(-values, axis=1)
    order = np.argsort(ranks.mean(axis=0), kind="stable")
    values, ranks = values[:, order], ranks[:, order]
    tasks, arms = ranks.shape
    is_first = values == values.max(axis=1, keepdims=True)
    quantile = float(studentized_range.ppf(1 - alpha, arms, np.inf)) / math.sqrt(2)
    return Ranking(
        tuple(names[place] for place in order),
        ranks.mean(axis=0),
        (is_first / is_first.sum(axis=1, keepdims=True)).sum(axis=0),
        tasks,
        _friedman(ranks),
        _wilcoxon(values),
        quantile * math.sqrt(arms * (arms + 1) / (6 * tasks)),
    )


def _friedman(ranks: np.ndarray) -> Test:
    """Return Friedman's test, with ties, by the F distribution: chi-squared is too conservative."""
    from scipy.stats import f, friedmanchisquare

    tasks, arms = ranks.shape
    name = "Friedman, F of Iman & Davenport"
    if not np.ptp(ranks):
        return Test(1.0, name)
    chi_squared = float(friedmanchisquare(*ranks.T).statistic)
    left = tasks * (arms - 1) - chi_squared
    if left <= 1e-9:  # the same order on every task
        return Test(0.0, name)
    value = (tasks - 1) * chi_squared / left
    return Test(float(f.sf(value, arms - 1, (arms - 1) * (tasks - 1))), name)


def _wilcoxon(values: np.ndarray) -> np.ndarray:
    """Return the corrected p-values of all pairs, [A, A], from mean scores, [T, A]."""
    from scipy.stats import wilcoxon

    arms = values.shape[1]
    first, second = np.triu_indices(arms, 1)
    # Differences of 0 count half for each side, as in Demsar 2006.
    p = wilcoxon(values[:, first] - values[:, second], zero_method="zsplit", axis=0).pvalue
    corrected = holm({str(pair): float(of) for pair, of in enumerate(p)})
    adjusted = np.ones((arms, arms))
    adjusted[first, second] = adjusted[second, first] = [*corrected.values()]
    return adjusted


def _groups(alike: np.ndarray) -> list[tuple[int, int]]:
    """Return the longest runs of neighbours of which all are alike, those of one arm left out."""
    groups: list[tuple[int, int]] = []
    for start in range(len(alike)):
        end = start
        while end + 1 < len(alike) and alike[start : end + 1, end + 1].all():
            end += 1
        if end > start and (not groups or end > groups[-1][1]):
            groups.append((start, end))
    return groups
