"""Two proportions of the same cases."""

from __future__ import annotations

import math

import numpy as np
import pytest

from swimrl.errors import UndeterminedError
from swimrl.stats.paired_proportions import difference_newcombe, mcnemar


def test_the_interval_contains_the_true_difference_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    both, only_first, only_second, neither = shares = (0.1, 0.05, 0.2, 0.65)
    truth = only_first - only_second
    drawn = generator.multinomial(60, shares, 1500)
    assert np.mean([truth in difference_newcombe(*map(int, row)) for row in drawn]) == pytest.approx(
        0.95, abs=0.015
    )
    assert sum((both, only_first, only_second, neither)) == pytest.approx(1)


def test_without_correlation_it_is_the_interval_of_newcombe_for_pairs_that_agree_in_nothing() -> None:
    interval = difference_newcombe(0, 0, 0, 20)
    assert (interval.estimate, interval.low < 0, interval.high > 0) == (0.0, True, True)
    assert interval.high == pytest.approx(-interval.low)


@pytest.mark.parametrize("counts", [(5, 3, 1, 11), (0, 9, 1, 10), (20, 0, 0, 0), (0, 0, 7, 0)])
def test_exchanging_the_two_turns_the_interval_round(counts: tuple[int, int, int, int]) -> None:
    both, first, second, neither = counts
    one = difference_newcombe(both, first, second, neither)
    other = difference_newcombe(both, second, first, neither)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert -1 <= one.low <= one.estimate <= one.high <= 1


def test_no_pair_is_undetermined() -> None:
    with pytest.raises(UndeterminedError):
        difference_newcombe(0, 0, 0, 0)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (3, 3), (9, 2), (0, 6)])
def test_mcnemar_is_the_two_sided_sign_test_of_the_pairs_that_differ(first: int, second: int) -> None:
    n, most = first + second, max(first, second)
    tail = sum(math.comb(n, k) for k in range(most, n + 1)) / 2**n
    assert mcnemar(first, second).p_value == pytest.approx(min(1.0, 2 * tail))
