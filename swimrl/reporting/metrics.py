"""The scores of runs (`swimrl.runs.scores`) at the step at which runs are compared.

`max_of_mean`, the best evaluation of the mean over seeds, is what the Swim paper reports. It is a number of
an arm, not of a run, so it has neither an interval nor a test.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from swimrl.errors import UndeterminedError
from swimrl.reporting.read import Run
from swimrl.runs.scores import auc, last10, per_seed_max


def score(run: Run, metric: str, until: float | None = None, failure: float | None = None) -> float:
    """Return a run's score.

    Args:
        run: The run.
        metric: One of `swimrl.runs.scores.METRICS`.
        until: The step up to which runs are compared; the end of the curve when not given.
        failure: The return that a diverged run scores from its failure up to ``until``.

    Raises:
        UndeterminedError: If the run has no such score; the message says why.
    """
    if run.status == "failed" and not run.has_diverged:
        raise UndeterminedError(f"it failed, but did not diverge: {run.reason}")
    if run.status == "stopped":
        raise UndeterminedError(f"it ended before its last step: {run.reason}")
    steps, returns = filled(run, until, failure)
    if not np.isfinite(returns).all():
        raise UndeterminedError(f"its return at step {steps[~np.isfinite(returns)][0]:,.0f} is not finite")
    end = steps[-1] if until is None else until
    if metric == "final100":
        if run.has_diverged and failure is not None:
            return failure
        if run.final100 is None:
            raise UndeterminedError("no fresh episodes were run after training")
        if until is not None and steps[-1] != end:
            raise UndeterminedError(f"the fresh episodes belong to step {steps[-1]:,.0f}")
        return run.final100
    if steps[-1] < end:
        raise UndeterminedError(f"its last evaluation is at step {steps[-1]:,.0f}, before {end:,.0f}")
    inside = returns[steps <= end]
    match metric:
        case "last10":
            return last10(inside)
        case "per_seed_max":
            return per_seed_max(inside)
        case "auc":
            return auc(steps, returns, end)
    raise AssertionError(f"a report cannot compute {metric} yet; add it here")


def filled(run: Run, until: float | None, failure: float | None) -> tuple[np.ndarray, np.ndarray]:
    """Return a run's learning curve; a diverged run continues at the return ``failure``, if that is given."""
    if not run.has_diverged or failure is None or until is None or run.steps[-1] >= until:
        return run.steps, run.returns
    interval = np.diff(run.steps).min() if len(run.steps) > 1 else until
    more = np.append(np.arange(run.steps[-1] + interval, until, interval), until)
    return np.append(run.steps, more), np.append(run.returns, np.full(len(more), failure))


def curves(
    runs: Sequence[Run], until: float | None, failure: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the steps at which all runs were evaluated, [E], and the returns there, [N, E].

    Raises:
        UndeterminedError: If the runs have no evaluation step in common.
    """
    lines = [filled(run, until, failure) for run in runs]
    common = sorted(set.intersection(*({float(s) for s in steps} for steps, _ in lines)))
    steps = np.array([step for step in common if until is None or step <= until])
    if not len(steps):
        raise UndeterminedError("the runs have no evaluation step in common")
    return steps, np.array([returns[np.isin(x, steps)] for x, returns in lines])


def max_of_mean(runs: Sequence[Run], until: float | None = None, failure: float | None = None) -> float:
    """Return the best evaluation of the mean over seeds, at the steps at which all runs were evaluated.

    Raises:
        UndeterminedError: If the runs have no evaluation step in common.
    """
    return float(curves(runs, until, failure)[1].mean(axis=0).max())
