"""Power against simulation and textbook values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from swimrl.errors import UndeterminedError
from swimrl.stats import power


def test_cohens_table() -> None:
    # Cohen 1988, table 2.4.1: seeds in each arm for power 0.80 at two-sided 0.05.
    assert power.seeds_needed(1, 0.5) == 64
    assert power.seeds_needed(1, 0.8) == 26
    assert power.seeds_needed(1, 1.0) == 17


def test_the_detectable_effect_is_found_as_often_as_said() -> None:
    effect = power.minimum_detectable_effect(2.0, 5)
    generator = np.random.RandomState(0)
    x, y = 2 * generator.randn(2, 5, 20_000)
    found = scipy_stats.ttest_ind(x + effect, y).pvalue < 0.05
    assert found.mean() == pytest.approx(0.8, abs=0.01)


def test_a_badly_known_spread_gives_a_wide_interval() -> None:
    x = np.array([1.0, 2.0, 3.0])
    seeds = power.seeds_needed_from(x, x, effect=1.0)
    assert seeds.low < seeds.needed < seeds.high
    many = power.seeds_needed_from(np.tile(x, 30), effect=1.0)
    assert many.high - many.low < seeds.high - seeds.low


def test_spreads_are_pooled_over_arms() -> None:
    spread, freedom = power.pooled_spread(np.array([1.0, 3.0]), np.array([5.0]), np.array([0.0, 0.0, 0.0]))
    assert (spread, freedom) == (np.sqrt(2 / 3), 3)


def test_what_cannot_be_known_is_undetermined() -> None:
    for compute in (
        lambda: power.pooled_spread(np.array([1.0])),
        lambda: power.minimum_detectable_effect(1.0, 1),
        lambda: power.seeds_needed(1.0, 0.0),
        lambda: power.seeds_needed(1.0, 1e-6),
    ):
        with pytest.raises(UndeterminedError):
            compute()
