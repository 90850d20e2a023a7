"""Aggregates against hand-worked cases and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from swimrl.stats import aggregate

SCORES = {"a": np.array([1.0, 2.0, 3.0, 10.0]), "b": np.array([0.0, 0.5, 1.0, 1.5])}


def test_means_and_medians_are_of_tasks() -> None:
    assert aggregate.mean(SCORES) == (4 + 0.75) / 2
    assert aggregate.median(SCORES) == (4 + 0.75) / 2
    assert aggregate.median({"a": SCORES["a"]}) == 2.5


def test_the_interquartile_mean_is_scipys_trimmed_mean() -> None:
    everything = np.concatenate([*SCORES.values()])
    assert aggregate.interquartile_mean(SCORES) == scipy_stats.trim_mean(everything, 0.25)
    assert aggregate.interquartile_mean({"a": np.array([1.0, 2.0, 6.0])}) == 3  # nothing to cut off


def test_what_exceeds_the_target_closes_no_gap() -> None:
    assert aggregate.optimality_gap({"a": np.array([0.5, 2.0])}) == 0.25
    assert aggregate.optimality_gap({"a": np.array([-1.0])}) == 2


def test_probability_of_improvement_is_mann_whitneys_u() -> None:
    x, y = np.array([4310.0, 4153, 4868, 4320, 3438]), np.array([3700.0, 3500, 3900, 4200, 3600])
    u = scipy_stats.mannwhitneyu(x, y).statistic
    assert aggregate.superiority(x, y) == u / 25
    assert aggregate.superiority(np.ones(3), np.ones(2)) == 0.5
    with pytest.raises(ValueError, match="tasks differ"):
        aggregate.probability_of_improvement({"a": x}, {"b": y})


def test_the_profile_falls_from_one_to_nothing() -> None:
    profile = aggregate.performance_profile(SCORES, [-1, 1, 100])
    np.testing.assert_array_equal(profile, [1, (3 / 4 + 1 / 4) / 2, 0])


def test_normalised_scores_are_not_clipped() -> None:
    scaled = aggregate.relative_to({"a": np.array([-10.0, 30.0])}, {"a": 10.0}, {"a": 20.0})
    np.testing.assert_array_equal(scaled["a"], [-2, 2])
    with pytest.raises(ValueError, match="both score"):
        aggregate.relative_to({"a": np.ones(1)}, {"a": 1.0}, {"a": 1.0})


def test_common_tasks_keep_their_order() -> None:
    assert aggregate.tasks_of([{"b": np.ones(1), "a": np.ones(1)}, {"a": np.ones(1)}]) == ["a"]


def test_leading_axes_are_kept() -> None:
    generator = np.random.RandomState(0)
    many = {"a": generator.randn(5, 7), "b": generator.randn(5, 4)}
    for of in (aggregate.mean, aggregate.median, aggregate.interquartile_mean, aggregate.optimality_gap):
        rows = [float(of({task: scores[i] for task, scores in many.items()})) for i in range(5)]
        np.testing.assert_allclose(of(many), rows)
    profiles = [
        aggregate.performance_profile({task: scores[i] for task, scores in many.items()}, [-1, 0, 1])
        for i in range(5)
    ]
    np.testing.assert_allclose(aggregate.performance_profile(many, [-1, 0, 1]), profiles)


def test_a_profile_counts_runs_at_a_level_as_not_above_it_in_any_order_of_levels() -> None:
    levels = [3.0, 1.0, 1.0, 10.0]
    expected = [np.mean([run > level for run in SCORES["a"]]) for level in levels]
    assert aggregate.performance_profile({"a": SCORES["a"]}, levels).tolist() == expected
