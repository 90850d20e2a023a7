"""Learning curves with intervals, and sample efficiency."""

from __future__ import annotations

import numpy as np
from scipy import stats as scipy_stats

from swimrl.reporting.efficiency import efficiency, mean_curve
from tests.reporting.studies import STEPS, analysis_of, rising, run, two_arms


def test_the_band_is_students_interval_at_each_step() -> None:
    analysis = analysis_of(two_arms())
    arm = analysis.arm("Ant-v4", "relu")
    assert arm is not None
    steps, mean, band = mean_curve(analysis, arm)
    curves = np.array([rising(level, seed) for seed, level in enumerate((50, 60, 70, 80, 90))])
    np.testing.assert_array_equal(steps, STEPS)
    np.testing.assert_allclose(mean, curves.mean(axis=0))
    expected = scipy_stats.ttest_1samp(curves[:, 4], 0).confidence_interval()
    assert band is not None
    np.testing.assert_allclose(band[:, 4], expected)
    alone = analysis_of([run()])
    assert mean_curve(alone, alone.arms[0])[2] is None


def test_sample_efficiency_is_the_iqm_on_the_normalised_scale() -> None:
    analysis = analysis_of(two_arms())
    found = {(one.title, one.arm): one for one in efficiency(analysis)}
    assert set(found) == {
        (title, arm) for title in ("Ant-v4", "Hopper-v4", "all 2 tasks") for arm in ("relu", "swim")
    }
    one = found["Hopper-v4", "swim"]
    scale = analysis.scores("relu")["Hopper-v4"].mean() - 10
    curves = (np.array([rising(200 + 10 * seed, seed) for seed in range(5)]) - 10) / scale
    np.testing.assert_allclose(one.estimate, scipy_stats.trim_mean(curves, 0.25, axis=0))
    assert (one.low <= one.estimate).all()
    assert (one.estimate <= one.high).all()


def test_without_a_random_policy_there_is_none() -> None:
    assert efficiency(analysis_of(two_arms(), random_returns={})) == []
    only_ant = efficiency(analysis_of(two_arms(), random_returns={"Ant-v4": -20.0}))
    assert {one.title for one in only_ant} == {"Ant-v4"}
