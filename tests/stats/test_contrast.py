"""Contrasts against SciPy's Welch test, a worked example and simulated coverage."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from swimrl.errors import UndeterminedError
from swimrl.stats.contrast import contrast
from swimrl.stats.interval import contrast_welch

X = np.array([4310.0, 4153, 4868, 4320, 3438])
Y = np.array([3700.0, 3500, 3900])


def test_of_two_arms_it_is_scipys_welch_test() -> None:
    ours, theirs = contrast([X, Y], [1, -1]), scipy_stats.ttest_ind(X, Y, equal_var=False)
    np.testing.assert_allclose([ours.p_value, ours.degrees_of_freedom], [theirs.pvalue, theirs.df])
    interval = contrast_welch([X, Y], [1, -1], 0.9)
    np.testing.assert_allclose([interval.low, interval.high], theirs.confidence_interval(0.9))


def test_arms_without_spread_only_shift_it() -> None:
    """The growth of a lead, where the lead of the shallow networks is 150 in every run."""
    ours = contrast([X, Y, np.full(3, 650.0), np.full(9, 500.0)], [1, -1, -1, 1])
    theirs = scipy_stats.ttest_ind(X - 150, Y, equal_var=False)
    np.testing.assert_allclose([ours.p_value, ours.degrees_of_freedom], [theirs.pvalue, theirs.df])


def test_with_equal_arms_the_degrees_of_freedom_add_up() -> None:
    """Four arms of equal size and spread: 4 (n - 1), as in one-way analysis of variance."""
    arms = [X + shift for shift in (0, 10, 20, 45)]
    ours = contrast(arms, [1, -1, -1, 1])
    assert ours.degrees_of_freedom == pytest.approx(16)
    assert ours.estimate == pytest.approx(0 - 10 - 20 + 45)
    assert ours.standard_error == pytest.approx(np.sqrt(4 * X.var(ddof=1) / 5))


def test_the_interval_contains_the_truth_at_its_level() -> None:
    generator = np.random.Generator(np.random.PCG64(0))
    spreads, truths, sizes, weights = (1, 5, 2, 9), (10, 8, 5, 1), (8, 5, 6, 8), (1, -1, -1, 1)
    truth = sum(w * m for w, m in zip(weights, truths, strict=True))
    contained = 0
    for _ in range(2000):
        arms = [generator.normal(*of) for of in zip(truths, spreads, sizes, strict=True)]
        contained += truth in contrast_welch(arms, weights)
    assert contained / 2000 == pytest.approx(0.95, abs=0.015)  # three standard errors


@pytest.mark.parametrize("arms", [[X, Y[:1]], [X, []], [np.ones(3), np.ones(2)]])
def test_without_runs_or_spread_it_is_undetermined(arms: list[np.ndarray]) -> None:
    with pytest.raises(UndeterminedError):
        contrast(arms, [1, -1])
