"""Normalised scores: hand-worked, and the baseline resampled together with the arm."""

from __future__ import annotations

import numpy as np
import pytest

from swimrl.errors import UndeterminedError
from swimrl.stats import aggregate, normalised

ZERO = {"a": 10.0, "b": -20.0}
BASELINE = {"a": np.array([100.0, 120.0, 110.0]), "b": np.array([30.0, 20.0, 40.0, 50.0])}
SCORES = {"a": np.array([150.0, 90.0, 200.0]), "b": np.array([-40.0, 60.0, 20.0, 10.0])}


def test_0_is_the_random_policy_and_1_the_baselines_mean_and_nothing_is_clipped() -> None:
    found = normalised.normalised(SCORES, BASELINE, ZERO)
    np.testing.assert_allclose(found["a"], [1.4, 0.8, 1.9])
    np.testing.assert_allclose(found["b"], np.array([-20, 80, 40, 30]) / 55)


def test_the_baseline_is_resampled_too() -> None:
    # The interval is as wide as the ratio's uncertainty by the delta method, not as the arm's alone.
    generator = np.random.RandomState(0)
    arm, baseline = ({"a": 10 + level * (1 + 0.2 * generator.randn(60))} for level in (200, 100))
    found = normalised.normalised_intervals({"": aggregate.mean}, arm, baseline, ZERO, resamples=4000)[""]
    x, y = arm["a"] - 10, baseline["a"] - 10
    ratio = x.mean() / y.mean()
    parts = [s.var(ddof=1) / len(s) / s.mean() ** 2 for s in (x, y)]
    assert found.estimate == pytest.approx(ratio)
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * ratio * np.sqrt(sum(parts)), rel=0.07)
    assert (found.high - found.low) / 2 > 1.25 * 1.96 * ratio * np.sqrt(parts[0])


def test_the_baseline_against_itself_is_1_in_every_resample() -> None:
    found = normalised.normalised_intervals({"": aggregate.mean}, BASELINE, BASELINE, ZERO)[""]
    np.testing.assert_allclose([found.low, found.estimate, found.high], 1)
    # Another arm with the same scores is another arm.
    twin = {task: scores.copy() for task, scores in BASELINE.items()}
    assert normalised.normalised_intervals({"": aggregate.mean}, twin, BASELINE, ZERO)[""].low < 0.95


def test_the_same_seed_gives_the_same_interval() -> None:
    one, two, other = (
        normalised.normalised_intervals(
            {"": aggregate.interquartile_mean}, SCORES, BASELINE, ZERO, seed=seed
        )[""]
        for seed in (1, 1, 2)
    )
    assert one == two != other


def test_without_a_scale_the_score_is_undetermined() -> None:
    with pytest.raises(UndeterminedError, match="on b was never measured"):
        normalised.normalised(SCORES, BASELINE, {"a": 10.0})
    with pytest.raises(UndeterminedError, match="no better than a random policy on a"):
        normalised.normalised(SCORES, BASELINE, {**ZERO, "a": 500.0})
    with pytest.raises(UndeterminedError, match="may score no better"):
        normalised.resampled_normalised(SCORES, BASELINE, {**ZERO, "a": 105.0})
    with pytest.raises(UndeterminedError, match="1 run on a"):
        normalised.resampled_normalised({"a": np.ones(1)}, {"a": np.array([100.0, 110])}, ZERO)
