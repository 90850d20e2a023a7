"""Intervals against SciPy, exact enumeration and simulated coverage."""

from __future__ import annotations

import csv
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from swimrl.errors import UndeterminedError
from swimrl.stats import aggregate, interval

X = np.array([4310.0, 4153, 4868, 4320, 3438])
Y = np.array([3700.0, 3500, 3900, 4200, 3600])


def test_students_interval_is_scipys() -> None:
    ours = interval.mean_student(X)
    theirs = scipy_stats.ttest_1samp(X, 0).confidence_interval()
    np.testing.assert_allclose([ours.low, ours.high], theirs, rtol=1e-12)


def test_welchs_interval_is_scipys() -> None:
    ours = interval.difference_welch(X, Y[:3], level=0.9)
    theirs = scipy_stats.ttest_ind(X, Y[:3], equal_var=False).confidence_interval(0.9)
    np.testing.assert_allclose([ours.low, ours.high], theirs, rtol=1e-12)


def test_the_permutation_interval_ends_where_an_exact_test_rejects() -> None:
    found = interval.difference_permutation(X, Y)
    assert found.estimate in found

    def p_value(shift: float) -> float:
        together = np.concatenate([X - shift, Y])
        observed = abs((X - shift).mean() - Y.mean())
        differences = [
            abs(together[list(c)].mean() - np.delete(together, c).mean()) for c in combinations(range(10), 5)
        ]
        return float(np.mean(np.array(differences) >= observed - 1e-9))

    for end, inwards in ((found.low, 1), (found.high, -1)):
        assert p_value(end + inwards) > 0.05
        assert p_value(end - inwards) <= 0.05


def test_many_runs_are_divided_at_random_with_a_seed() -> None:
    generator = np.random.RandomState(0)
    x, y = generator.randn(15), generator.randn(15) + 1
    one, two = (interval.difference_permutation(x, y, seed=3) for _ in range(2))
    assert one == two
    welch = interval.difference_welch(x, y)
    assert abs(one.low - welch.low) < 0.15
    assert abs(one.high - welch.high) < 0.15


@pytest.mark.parametrize("method", [interval.mean_bootstrap_t, None])
def test_the_same_seed_gives_the_same_interval(method: object) -> None:
    def compute(seed: int) -> interval.Interval:
        if method is not None:
            return interval.mean_bootstrap_t(X, seed=seed)
        return interval.percentile_bootstrap(aggregate.mean, {"a": X}, seed=seed, resamples=500)

    assert compute(1) == compute(1)
    assert compute(1) != compute(2)


def test_the_percentile_bootstrap_resamples_within_tasks() -> None:
    found = interval.percentile_bootstrap(
        aggregate.mean, {"a": np.array([0.0, 0.0]), "b": np.array([10.0, 10.0])}, resamples=50
    )
    assert (found.low, found.estimate, found.high) == (5, 5, 5)


def test_what_too_few_runs_cannot_give_is_undetermined() -> None:
    for compute in (
        lambda: interval.mean_student(X[:1]),
        lambda: interval.mean_bootstrap_t(X[:3]),
        lambda: interval.difference_permutation(X[:3], Y[:3]),
        lambda: interval.difference_welch(np.ones(3), np.ones(3)),
        lambda: interval.mean_bootstrap_t(np.ones(5)),
    ):
        with pytest.raises(UndeterminedError):
            compute()


def test_the_coverage_that_is_printed_is_the_published_one() -> None:
    table = Path(__file__).parents[2] / "results" / "interval-coverage" / "coverage.csv"
    with table.open() as file:
        published = {
            int(row["runs"]): float(row["coverage"])
            for row in csv.DictReader(file)
            if (row["of"], row["interval"], row["scores"]) == ("mean", "percentile bootstrap", "normal")
        }
    assert {n: interval.percentile_coverage(n) for n in published} == {
        n: (n, coverage) for n, coverage in published.items()
    }
    assert interval.percentile_coverage(7) == (5, published[5])
    assert interval.percentile_coverage(2) is None


def test_few_runs_make_the_percentile_bootstrap_too_narrow_and_students_interval_not() -> None:
    x = np.random.RandomState(1).randn(400, 5)
    percentile = [interval.percentile_bootstrap(aggregate.mean, {"": row}, resamples=400) for row in x]
    assert np.mean([0 in one for one in percentile]) < 0.9
    assert np.mean([0 in interval.mean_student(row) for row in x]) > 0.925
