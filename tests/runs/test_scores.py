"""Scores of a run, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from swimrl.errors import UndeterminedError
from swimrl.runs.scores import METRIC_TITLES, METRICS, auc, scores


def test_scores_of_a_curve_worked_by_hand() -> None:
    # Means 0, 10, ..., 110 at steps 0, 5, ..., 55: the last ten have the mean (20 + 110) / 2.
    steps = np.arange(0, 60, 5)
    returns = np.array([[10 * number - 1, 10 * number + 1] for number in range(12)], float)
    final = [1.0, 4.0]
    assert scores(steps, returns, final) == {
        "last10": 65.0,
        "per_seed_max": 110.0,
        "auc": 55.0,
        "final100": 2.5,
    }


def test_auc_weighs_by_steps_and_the_best_may_come_early() -> None:
    # Trapezoids (2 + 8) / 2 * 10 and (8 + 4) / 2 * 30, over 40 steps.
    of_run = scores(np.array([0, 10, 40]), np.array([[2.0], [8.0], [4.0]]), [])
    assert of_run["auc"] == pytest.approx((50 + 180) / 40)
    assert of_run["per_seed_max"] == 8.0
    assert of_run["last10"] == pytest.approx(14 / 3)
    assert of_run["final100"] is None


def test_one_evaluation_has_no_curve() -> None:
    of_run = scores(np.array([0]), np.array([[1.0, 3.0]]), [])
    assert of_run == {"last10": 2.0, "per_seed_max": 2.0, "auc": None, "final100": None}


def test_the_area_is_the_mean_height() -> None:
    steps, returns = np.array([0, 10, 30]), np.array([0.0, 10.0, 10.0])
    assert auc(steps, returns) == pytest.approx(250 / 30)
    assert auc(steps, returns, until=5) == 2.5
    with pytest.raises(UndeterminedError, match="ends at step 30"):
        auc(steps, returns, until=31)
    with pytest.raises(UndeterminedError, match="needs two"):
        auc(steps[:1], returns[:1])


def test_every_score_has_a_title() -> None:
    assert set(METRIC_TITLES) == set(METRICS) == set(scores(np.array([0]), np.zeros((1, 1)), []))
