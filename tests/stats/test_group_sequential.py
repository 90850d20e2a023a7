"""Boundaries against published tables; probabilities against scipy's multivariate normal and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from swimrl.stats.group_sequential import after_stopping, boundaries, conditional_power, exits
from swimrl.stats.spending import Spending, parse_spending


@pytest.mark.parametrize(
    ("spending", "expected"),
    [
        # Upper bounds that gsDesign prints for these spending functions, one-sided alpha 0.025
        ("obrien-fleming", [2.9626, 1.9686]),
        ("obrien-fleming", [3.7103, 2.5114, 1.9930]),
        ("obrien-fleming", [4.3326, 2.9631, 2.3590, 2.0141]),
        ("obrien-fleming", [4.8769, 3.3569, 2.6803, 2.2898, 2.0310]),
        ("pocock", [2.4380, 2.4268, 2.4101, 2.3966, 2.3859]),
        ("hsd(-4)", [3.0107, 2.5465, 1.9992]),
    ],
)
def test_boundaries_equal_published_tables(spending: str, expected: list[float]) -> None:
    looks = len(expected)
    shares = [look / looks for look in range(1, looks + 1)]
    got = boundaries(shares, parse_spending(spending), 0.025)
    assert got == pytest.approx(expected, abs=6e-4)


def test_probabilities_equal_the_multivariate_normal_distribution() -> None:
    shares = np.array([0.2, 0.5, 1.0])
    bounds = boundaries(shares, Spending("pocock"), 0.05, sides=2)
    drift = 2.5
    correlation = np.sqrt(np.minimum.outer(shares, shares) / np.maximum.outer(shares, shares))
    inside = multivariate_normal(drift * np.sqrt(shares), correlation).cdf(bounds, lower_limit=-bounds)
    crossed = exits(shares, -bounds, bounds, drift=drift)
    assert crossed.above.sum() + crossed.below.sum() == pytest.approx(1 - inside, abs=1e-5)


def test_both_sides_together_spend_the_whole_level() -> None:
    shares = [0.125, 0.25, 0.5, 1.0]
    bounds = boundaries(shares, Spending("obrien-fleming"), 0.05, sides=2)
    crossed = exits(shares, -bounds, bounds, drift=0.0)
    assert crossed.above.sum() == pytest.approx(0.025, abs=1e-9)
    assert crossed.below.sum() == pytest.approx(0.025, abs=1e-9)


def test_with_one_look_the_interval_is_the_usual_one() -> None:
    got = after_stopping(2.0, 0.5, [10], [1.96])
    assert (got.estimate, got.low, got.high) == pytest.approx(
        (2.0, 2.0 - norm.ppf(0.975) * 0.5, 2.0 + norm.ppf(0.975) * 0.5), abs=1e-6
    )


@pytest.mark.parametrize(("stop", "z"), [(0, 3.0), (1, 2.5), (1, -3.0), (2, 1.0)])
def test_the_estimate_after_stopping_is_median_unbiased(stop: int, z: float) -> None:
    """If an end of the interval were the truth, the share of more extreme outcomes would be as stated."""
    seeds = np.array([5, 10, 20])
    bounds = boundaries(seeds / 20, Spending("pocock"), 0.05, sides=2)
    se = seeds[stop] ** -0.5  # unit variance for each seed
    got = after_stopping(z * se, se, [*seeds[: stop + 1]], [*bounds[: stop + 1]])
    assert abs(got.estimate) <= abs(z * se) + 1e-9
    steps = np.random.Generator(np.random.PCG64(0)).normal(size=(100_000, 3))
    walk = np.cumsum(steps * np.sqrt(np.diff(seeds, prepend=0)), axis=1)
    for truth, expected in ((got.low, 0.025), (got.estimate, 0.5), (got.high, 0.975)):
        simulated = walk / np.sqrt(seeds) + truth * np.sqrt(seeds)
        inside = np.ones(len(walk), bool)
        beyond = np.zeros(len(walk), bool)
        for look in range(stop):
            beyond |= inside & (simulated[:, look] > bounds[look])
            inside &= np.abs(simulated[:, look]) <= bounds[look]
        beyond |= inside & (simulated[:, stop] >= z)
        assert beyond.mean() == pytest.approx(expected, abs=0.005)


def test_conditional_power_equals_simulation() -> None:
    generator = np.random.Generator(np.random.PCG64(1))
    z, share, bound = 1.2, 0.4, 2.0
    drift = z / share**0.5
    last = z * share**0.5 + drift * (1 - share) + generator.normal(size=200_000) * (1 - share) ** 0.5
    assert conditional_power(z, share, bound) == pytest.approx((last > bound).mean(), abs=0.004)
