"""The scores of one run, by their published names. Light: NumPy alone.

| name | of one run |
|---|---|
| `last10` | mean of the last 10 evaluations |
| `final100` | mean return of 100 fresh episodes after training |
| `per_seed_max` | best evaluation; optimistic, because it selects on what it reports |
| `auc` | mean height of the learning curve |

Letters in shapes: E evaluations, P episodes of an evaluation, F fresh episodes after training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np

from swimrl.errors import UndeterminedError

Metric = Literal["last10", "final100", "per_seed_max", "auc"]

METRICS: tuple[Metric, ...] = get_args(Metric)

METRIC_TITLES: Mapping[str, str] = {
    "last10": "mean return of the last 10 evaluations",
    "final100": "mean return of 100 fresh episodes",
    "per_seed_max": "best evaluation of each run (optimistic)",
    "auc": "mean height of the learning curve",
}

_LAST_EVALUATIONS = 10


def scores(steps: np.ndarray, returns: np.ndarray, final: Sequence[float]) -> dict[str, float | None]:
    """Return all scores of a run; None where there are no data for one.

    Args:
        steps: Environment step of each evaluation, ascending, [E].
        returns: Returns of the evaluations' episodes, [E, P].
        final: Returns of the fresh episodes after training, [F]; may be empty.
    """
    means = returns.mean(axis=1)
    return {
        "last10": last10(means),
        "per_seed_max": per_seed_max(means),
        "auc": auc(steps, means) if len(steps) > 1 else None,
        "final100": final100(final) if len(final) else None,
    }


def last10(means: np.ndarray) -> float:
    """Return the mean of the last 10 evaluations, or of all if there are fewer.

    Args:
        means: Mean return of each evaluation, [E].
    """
    return float(means[-_LAST_EVALUATIONS:].mean())


def per_seed_max(means: np.ndarray) -> float:
    """Return the best evaluation; ``means`` is the mean return of each, [E]."""
    return float(means.max())


def final100(returns: Sequence[float]) -> float:
    """Return the mean of the fresh episodes' returns, [F]."""
    return float(np.mean(returns))


def auc(steps: np.ndarray, means: np.ndarray, until: float | None = None) -> float:
    """Return the mean height of a learning curve: its area by trapezoids, divided by the steps it spans.

    Args:
        steps: Environment steps of the evaluations, ascending, [E].
        means: Mean return of each, [E].
        until: Where to stop; between two evaluations the curve is a straight line.

    Raises:
        UndeterminedError: If the curve has fewer than two points up to ``until``, or ends before it.
    """
    steps, means = np.asarray(steps, float), np.asarray(means, float)
    end = steps[-1] if until is None else until
    if end > steps[-1]:
        raise UndeterminedError(f"the curve ends at step {steps[-1]:,.0f}, before {end:,.0f}")
    before = steps < end
    x = np.append(steps[before], end)
    if len(x) < 2:
        raise UndeterminedError(f"the curve has {len(x)} point up to step {end:,.0f}; its area needs two")
    y = np.append(means[before], np.interp(end, steps, means))
    return float(np.trapezoid(y, x) / (x[-1] - x[0]))
