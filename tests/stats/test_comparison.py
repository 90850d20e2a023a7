"""Tests and corrections against SciPy and exact enumeration."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from scipy import stats as scipy_stats

from swimrl.errors import UndeterminedError
from swimrl.stats import comparison


def mann_whitney(x: np.ndarray, y: np.ndarray) -> comparison.Test:
    """The test on one task."""
    return comparison.stratified_mann_whitney({"task": x}, {"task": y})


@pytest.mark.parametrize(("n", "m"), [(1, 1), (3, 3), (5, 5), (4, 7), (10, 10), (20, 15)])
def test_mann_whitney_is_scipys_exact_test(n: int, m: int) -> None:
    generator = np.random.RandomState(n)
    for shift in (0, 1, 3):
        x, y = generator.randn(n) + shift, generator.randn(m)
        ours = mann_whitney(x, y)
        assert ours.p_value == pytest.approx(scipy_stats.mannwhitneyu(x, y, method="exact").pvalue, rel=1e-9)
        assert ours.name == "exact Mann-Whitney, unpaired"


def test_ties_are_drawn() -> None:
    x, y = np.array([1.0, 2, 2, 3]), np.array([2.0, 3, 4, 5])
    ours = mann_whitney(x, y)
    together = np.concatenate([x, y])

    def wins(chosen: tuple[int, ...]) -> float:
        a, b = together[list(chosen)], np.delete(together, chosen)
        return abs(((a[:, None] > b) + 0.5 * (a[:, None] == b)).mean() - 0.5)

    exact = np.mean([wins(c) >= wins((0, 1, 2, 3)) - 1e-12 for c in combinations(range(8), 4)])
    assert ours.p_value == pytest.approx(exact, abs=0.005)
    assert "draws" in ours.name


def test_stratified_means_that_runs_stay_in_their_task() -> None:
    x = {"a": np.array([3.0, 4.0]), "b": np.array([30.0, 50.0])}
    y = {"a": np.array([1.0, 2.0]), "b": np.array([10.0, 40.0])}

    def statistic(chosen: tuple[tuple[int, ...], ...]) -> float:
        total = 0.0
        for task, first in zip("ab", chosen, strict=True):
            together = np.concatenate([x[task], y[task]])
            total += (together[list(first)][:, None] > np.delete(together, first)).mean() - 0.5
        return abs(total)

    ways = list(product(combinations(range(4), 2), repeat=2))
    exact = np.mean([statistic(way) >= statistic(((0, 1), (0, 1))) - 1e-12 for way in ways])
    assert comparison.stratified_mann_whitney(x, y).p_value == pytest.approx(exact)
    unequal = comparison.stratified_mann_whitney(x, {**y, "b": np.array([10.0, 40.0, 20.0])})
    assert "draws" in unequal.name
    with pytest.raises(ValueError, match="tasks differ"):
        comparison.stratified_mann_whitney(x, {"a": y["a"]})
    with pytest.raises(UndeterminedError, match="on b"):
        comparison.stratified_mann_whitney(x, {**y, "b": np.array([])})


def test_a_paired_test_changes_signs() -> None:
    differences = np.array([1.0, 2.0, -0.5, 3.0])
    sums = [abs(np.dot(signs, differences)) for signs in product((1, -1), repeat=4)]
    expected = np.mean(np.array(sums) >= abs(differences.sum()))
    assert comparison.paired_permutation(differences).p_value == expected
    many = comparison.paired_permutation(np.random.RandomState(0).randn(30) + 0.4)
    theirs = scipy_stats.ttest_1samp(np.random.RandomState(0).randn(30) + 0.4, 0).pvalue
    assert many.p_value == pytest.approx(theirs, abs=0.01)


def test_pairs_of_several_tasks_count_alike_whatever_their_unit() -> None:
    differences = {"a": np.array([1.0, 2.0, -0.5]), "b": np.array([0.3, 0.1])}
    found = comparison.stratified_paired(differences)
    thousandfold = {**differences, "a": 1000 * differences["a"]}
    assert comparison.stratified_paired(thousandfold).p_value == found.p_value
    scaled = np.concatenate([d / np.sqrt((d**2).mean()) for d in differences.values()])
    sums = [abs(np.dot(signs, scaled)) for signs in product((1, -1), repeat=5)]
    assert found.p_value == np.mean(np.array(sums) >= abs(scaled.sum()) - 1e-12)
    assert found.name == "exact permutation, paired, stratified by task"
    with pytest.raises(UndeterminedError, match="no pair of runs differs on b"):
        comparison.stratified_paired({**differences, "b": np.zeros(2)})


def test_corrections_are_hand_worked() -> None:
    p_values = {"a": 0.01, "b": 0.04, "c": 0.03}
    assert comparison.holm(p_values) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})
    theirs = scipy_stats.false_discovery_control([*p_values.values()])
    assert [*comparison.benjamini_hochberg(p_values).values()] == pytest.approx([*theirs])
    assert comparison.holm({"a": 0.6, "b": 0.9}) == {"a": 1, "b": 1}


def test_false_positives_stay_below_the_level() -> None:
    generator = np.random.RandomState(0)
    found = sum(
        min(
            comparison.holm(
                {name: mann_whitney(generator.randn(8), baseline).p_value for name in ("swish", "swim")}
            ).values()
        )
        <= 0.05
        for baseline in generator.randn(1000, 8)
    )
    assert found <= 65
