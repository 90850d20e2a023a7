"""Aggregates and intervals against rliable's, where it is installed: rliable 1.2.0 with pandas below 3."""

from __future__ import annotations

import numpy as np
import pytest

from swimrl.stats import aggregate, interval

pytest.importorskip("rliable", reason="an optional cross-check; pip install 'rliable==1.2.0' 'pandas<3'")

TASKS, RUNS = 4, 6
SCORES = np.random.RandomState(0).gamma(2, size=(RUNS, TASKS))  # as rliable takes them
OURS = {str(task): SCORES[:, task] for task in range(TASKS)}
BASELINE = np.random.RandomState(1).gamma(2, size=(RUNS, TASKS))


@pytest.mark.filterwarnings("ignore")
def test_aggregates_are_rliables() -> None:
    from rliable import metrics

    assert aggregate.mean(OURS) == pytest.approx(metrics.aggregate_mean(SCORES))
    assert aggregate.median(OURS) == pytest.approx(metrics.aggregate_median(SCORES))
    assert aggregate.interquartile_mean(OURS) == pytest.approx(metrics.aggregate_iqm(SCORES))
    assert aggregate.optimality_gap(OURS) == pytest.approx(metrics.aggregate_optimality_gap(SCORES, 1))
    ours = aggregate.probability_of_improvement(OURS, {str(t): BASELINE[:, t] for t in range(TASKS)})
    assert ours == pytest.approx(metrics.probability_of_improvement(SCORES, BASELINE))


@pytest.mark.filterwarnings("ignore")
def test_the_profile_is_rliables() -> None:
    from rliable import library

    levels = np.linspace(0, 6, 25)
    theirs, _ = library.create_performance_profile({"x": SCORES}, levels, reps=10)
    np.testing.assert_allclose(aggregate.performance_profile(OURS, levels), theirs["x"])


@pytest.mark.filterwarnings("ignore")
def test_the_percentile_bootstraps_interval_is_rliables() -> None:
    from rliable import library, metrics

    np.random.seed(0)  # rliable draws from the global generator, whatever its random_state
    _, theirs = library.get_interval_estimates(
        {"x": SCORES}, lambda x: np.array([metrics.aggregate_iqm(x)]), reps=20_000
    )
    ours = interval.percentile_bootstrap(aggregate.interquartile_mean, OURS, resamples=20_000)
    np.testing.assert_allclose([ours.low, ours.high], theirs["x"].ravel(), atol=0.02)
