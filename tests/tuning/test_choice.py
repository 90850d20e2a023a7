"""The choice, and how much of it is chance."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from swimrl.tuning.choice import best, chosen, expected_best, share_that_chooses_otherwise


def test_the_best_come_first_and_of_equal_ones_the_lower_number() -> None:
    assert best({0: 1.0, 1: 3.0, 2: 3.0, 3: 2.0}, 3) == [1, 2, 3]
    assert chosen({4: [1.0, 9.0], 7: [4.0, 4.0]}) == 4


def test_the_expected_best_is_the_mean_over_all_subsets() -> None:
    scores = [3.0, 1.0, 4.0, 1.0, 5.0]
    for drawn, value in enumerate(expected_best(scores), 1):
        assert value == pytest.approx(np.mean([max(subset) for subset in combinations(scores, drawn)]))


def test_a_clear_choice_stays_and_a_toss_up_does_not() -> None:
    assert share_that_chooses_otherwise({0: [10.0, 11.0, 12.0], 1: [1.0, 2.0, 3.0]}) == 0
    assert share_that_chooses_otherwise({0: [1.0, 2.0, 3.0], 1: [3.0, 2.0, 0.9]}) > 0.3


def test_choosing_by_tuning_scores_overstates_the_score_of_the_choice() -> None:
    """A synthetic trainer: score = -(log10 lr + 3)^2 + noise. It finds the optimum and overstates it."""
    generator = np.random.Generator(np.random.PCG64(0))
    rates = np.linspace(-5, -1, 21)
    truth = -((rates + 3) ** 2)
    gaps, choices = [], []
    for _ in range(300):
        first = {i: float(truth[i] + generator.normal()) for i in range(21)}
        kept = best(first, 4)
        second = {i: [*(truth[i] + generator.normal(size=3))] for i in kept}
        choice = chosen(second)
        gaps.append(np.mean(second[choice]) - truth[choice])
        choices.append(rates[choice])
    assert np.mean(choices) == pytest.approx(-3, abs=0.1)
    assert np.mean(gaps) > 0.2
