"""Counts of starts, and what is concluded from them."""

from __future__ import annotations

import numpy as np
import pytest

from swimrl.repairing.assessment import Assessment, Played
from swimrl.repairing.rates import Counts


def counts(repaired: int, broken: int, fails: int = 40, passes: int = 60) -> Counts:
    return Counts(fails, repaired, passes, broken)


def played(one: Counts) -> Played:
    before = np.arange(one.starts) < one.fails_before
    after = before.copy()
    after[: one.repaired] = False
    after[one.fails_before : one.fails_before + one.broken] = True
    numbers = np.arange(one.starts, dtype=float)
    return Played(before, after, numbers, numbers, numbers, numbers)


def assessed(fresh: Counts, null: tuple[Counts, ...]) -> Assessment:
    return Assessment(played(fresh), played(fresh), null, fresh.starts)


def test_the_counts_of_four_starts_are_those_counted_by_hand() -> None:
    one = Counts.of(np.array([True, True, False, False]), np.array([False, True, True, False]))
    assert (one.fails_before, one.repaired, one.passes_before, one.broken) == (2, 1, 2, 1)
    assert (one.repair_rate, one.broken_rate, one.change, one.fails_after) == (0.5, 0.5, 0.0, 2)
    assert one.p_value == 1


def test_rates_of_nothing_are_undetermined() -> None:
    none = Counts.of(np.zeros(3, bool), np.zeros(3, bool))
    assert none.repair_rate is None
    assert none.broken_rate == 0


def test_counts_are_read_off_the_episodes() -> None:
    assert played(counts(7, 3)).counts == counts(7, 3)


@pytest.mark.parametrize(
    ("fresh", "null", "beginning", "established"),
    [
        (counts(30, 2), counts(10, 12), "The repair is established", True),
        (counts(30, 2), counts(30, 2), "Nothing is established: fewer starts fail, but", False),
        (counts(10, 8), counts(10, 12), "Nothing is established: the difference", False),
        (counts(0, 0), counts(10, 12), "Nothing is established: the difference", False),
        (counts(2, 30), counts(10, 12), "The patch does harm", False),
    ],
)
def test_the_verdict_follows_from_chance_and_from_the_null(
    fresh: Counts, null: Counts, beginning: str, established: bool
) -> None:
    assessment = assessed(fresh, (null,) * 20)
    assert assessment.verdict.startswith(beginning)
    assert assessment.is_established is established


def test_few_random_changes_cannot_establish_anything() -> None:
    assessment = assessed(counts(40, 0), (counts(0, 20),) * 5)
    assert not assessment.is_established
    assert "a comparison with random changes needs 20 of them" in assessment.verdict
    assert "None of 5 random changes" in assessment.verdict
