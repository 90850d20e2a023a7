"""Ratios of recorded readings; no clock is read here."""

import numpy as np
import pytest
from scipy.stats import bootstrap

from swimrl.timing.ratio import MIN_READINGS, Ratio, median, ratio, spread
from tests.timing.readings import noisy


def test_median_and_spread_by_hand() -> None:
    readings = ((1.0, 2.0, 3.0), (4.0, 5.0, 100.0))
    assert median(readings) == 3.5
    # Quartiles of 1 2 3 4 5 100 by linear interpolation: 2.25 and 4.75.
    assert spread(readings) == pytest.approx((4.75 - 2.25) / 2 / 3.5)


def test_what_is_twice_as_slow_is_reported_so() -> None:
    for seed in range(50):
        result = ratio(noisy(2.0, seed=seed), noisy(1.0, seed=1000 + seed))
        assert 1.9 < result.value < 2.1
        assert result.interval is not None
        assert 1.9 < result.interval[0] <= result.value <= result.interval[1] < 2.1
        assert result.distinguishable


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_equals_are_not_distinguishable_in_nine_of_ten_replays(processes: int) -> None:
    called_different = sum(
        ratio(
            noisy(1, seed=seed, processes=processes), noisy(1, seed=1000 + seed, processes=processes)
        ).distinguishable
        for seed in range(100)
    )
    assert called_different <= 10


def test_a_difference_of_five_percent_is_found_mostly() -> None:
    detected = sum(
        ratio(noisy(1.05, seed=seed), noisy(1, seed=1000 + seed)).distinguishable for seed in range(100)
    )
    assert detected >= 80


def test_the_interval_is_that_of_scipy_with_one_process() -> None:
    a, b = (
        noisy(1.1, seed=0, processes=1, rounds=40, noise=0.2),
        noisy(1, seed=1, processes=1, rounds=40, noise=0.2),
    )
    oracle = bootstrap(
        (a[0], b[0]),
        lambda x, y, axis: np.median(x, axis=axis) / np.median(y, axis=axis),
        paired=True,
        method="percentile",
        n_resamples=20_000,
        rng=np.random.default_rng(5),
    ).confidence_interval
    result = ratio(a, b).interval
    assert result == pytest.approx((oracle.low, oracle.high), rel=0.01)


def test_a_disturbance_that_both_share_leaves_the_ratio_alone() -> None:
    slowdown = np.linspace(1, 3, 20)  # the machine becomes three times as slow during the measurement
    a, b = (
        np.asarray(noisy(c, seed=int(c), processes=1, rounds=20, noise=0.01)) * slowdown for c in (2.0, 1.0)
    )
    result = ratio(a.tolist(), b.tolist())
    assert result.value == pytest.approx(2, rel=0.05)
    # Rounds are resampled in pairs: resampled apart, the drift would make this interval far wider.
    assert result.interval is not None
    assert result.interval[1] - result.interval[0] < 0.2


def test_processes_that_differ_widen_the_interval() -> None:
    calm = ((1.0,) * 10,) * 2
    lucky_and_unlucky = ((1.0,) * 10, (1.3,) * 10)
    assert ratio(calm, calm).interval == (1, 1)
    assert ratio(lucky_and_unlucky, calm).interval == pytest.approx((1.0, 1.3))


def test_the_same_seed_gives_the_same_interval() -> None:
    a, b = noisy(1, seed=0), noisy(1, seed=1)
    assert ratio(a, b) == ratio(a, b)
    assert ratio(a, b) != ratio(a, b, seed=1)


def test_too_few_readings_are_undetermined() -> None:
    few = ratio(((2.0,) * (MIN_READINGS - 1),), ((1.0,) * (MIN_READINGS - 1),))
    assert few == Ratio(2.0, None)
    assert not few.distinguishable
    assert ratio(((2.0,) * MIN_READINGS,), ((1.0,) * MIN_READINGS,)).interval == (2, 2)


@pytest.mark.parametrize("other", [((1.0, 2.0),), ((1.0,), (2.0,), (3.0,))])
def test_readings_of_other_rounds_cannot_be_compared(other: tuple[tuple[float, ...], ...]) -> None:
    with pytest.raises(ValueError, match=r"were not taken in the same rounds"):
        ratio(((1.0, 2.0, 3.0),), other)
