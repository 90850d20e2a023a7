"""Scores of runs, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from swimrl.errors import UndeterminedError
from swimrl.reporting import metrics
from swimrl.runs.scores import METRICS, scores
from tests.reporting.studies import DIVERGED, run

STEPS = np.arange(0, 120_000, 10_000)  # 12 evaluations
RETURNS = np.array([0.0, 5, 1, 2, 3, 4, 50, 6, 7, 8, 9, 10])


def test_each_score_by_its_name() -> None:
    one = run(steps=STEPS, returns=RETURNS, final100=7.5)
    assert metrics.score(one, "last10") == RETURNS[2:].mean()
    assert metrics.score(one, "per_seed_max") == 50
    assert metrics.score(one, "final100") == 7.5
    assert metrics.score(one, "auc") == np.trapezoid(RETURNS, STEPS) / 110_000


@pytest.mark.parametrize("metric", METRICS)
def test_a_report_scores_a_whole_run_as_training_does(metric: str) -> None:
    final = [7.0, 8.0]
    one = run(steps=STEPS, returns=RETURNS, final100=np.mean(final))
    assert metrics.score(one, metric) == pytest.approx(scores(STEPS, RETURNS[:, None], final)[metric])


def test_scores_at_an_earlier_step() -> None:
    one = run(steps=STEPS, returns=RETURNS, final100=7.5)
    assert metrics.score(one, "last10", until=30_000) == 2  # fewer than 10 evaluations: all there are
    assert metrics.score(one, "per_seed_max", until=50_000) == 5
    assert metrics.score(one, "auc", until=20_000) == (2.5 + 3) / 2
    with pytest.raises(UndeterminedError, match="belong to step 110,000"):
        metrics.score(one, "final100", until=50_000)


def test_what_a_run_cannot_give_is_undetermined() -> None:
    one = run(steps=STEPS, returns=RETURNS)
    with pytest.raises(UndeterminedError, match="no fresh episodes"):
        metrics.score(one, "final100")
    with pytest.raises(UndeterminedError, match="at step 110,000, before 200,000"):
        metrics.score(one, "last10", until=200_000)
    with pytest.raises(UndeterminedError, match="at step 20,000 is not finite"):
        metrics.score(run(steps=STEPS, returns=np.where(STEPS == 20_000, np.nan, 1.0)), "last10")
    with pytest.raises(UndeterminedError, match="needs two"):
        metrics.score(run(steps=STEPS[:1], returns=RETURNS[:1]), "auc")


def test_a_diverged_run_goes_on_with_the_return_of_its_failure() -> None:
    one = run(steps=STEPS[:4], returns=np.full(4, 100.0), **DIVERGED)
    # Evaluations at 0 ... 110,000, the last 10 of which begin at 20,000: 2 of the run, 8 after its failure.
    assert metrics.score(one, "last10", 110_000, failure=-10) == (2 * 100 - 8 * 10) / 10
    assert metrics.score(one, "final100", 110_000, failure=-10) == -10
    assert metrics.score(one, "per_seed_max", 110_000, failure=-10) == 100
    assert metrics.score(one, "last10", 30_000, failure=-10) == 100


def test_a_run_that_failed_for_want_of_a_disk_has_no_score() -> None:
    one = run(status="failed", failure="storage", reason="cannot write events: No space left on device")
    with pytest.raises(UndeterminedError, match="did not diverge: cannot write"):
        metrics.score(one, "last10", 60_000, failure=0)


def test_a_run_that_a_callback_stopped_has_no_score() -> None:
    one = run(status="stopped", reason="the callback odd:Stop ended the run at step 60,000")
    with pytest.raises(UndeterminedError, match="before its last step: the callback odd:Stop"):
        metrics.score(one, "last10")


def test_max_of_mean_is_the_best_of_the_mean_where_all_were_evaluated() -> None:
    one = run(steps=np.array([0, 10, 20]), returns=np.array([0.0, 4, 2]))
    other = run(steps=np.array([0, 20, 30]), returns=np.array([2.0, 4, 100]))
    assert metrics.max_of_mean([one, other]) == 3
    assert metrics.max_of_mean([one, other], until=0) == 1
    with pytest.raises(UndeterminedError, match="no evaluation step in common"):
        metrics.max_of_mean([one, run(steps=np.array([5]), returns=np.array([1.0]))])
