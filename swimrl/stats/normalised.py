"""Scores of several tasks on one scale: 0 is a random policy, 1 the study's baseline; nothing is clipped.

The score of the baseline is itself an estimate from few runs, so every resample draws the runs of the
baseline and those of the arm. The baseline on its own scale is 1 in the mean by construction.

Letters in shapes: N runs, R resamples.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from swimrl.errors import UndeterminedError
from swimrl.stats.aggregate import Aggregate, Scores, relative_to
from swimrl.stats.interval import LEVEL, RESAMPLES, Interval, from_resamples, resampled


def normalised(scores: Scores, baseline: Scores, zero: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Return scores, [N] for each task, on the scale of the random policy and the baseline's mean.

    Args:
        scores: Task -> scores of an arm, [N].
        baseline: Task -> scores of the baseline, [M].
        zero: Task -> the random policy's return.

    Raises:
        UndeterminedError: If the baseline scores no better than the random policy, or that is not known.

    Example:
        >>> normalised({"a": np.array([30.0])}, {"a": np.array([10.0, 30.0])}, {"a": 10.0})
        {'a': array([2.])}
    """
    one = {task: float(np.mean(baseline[task])) for task in scores}
    for task in scores:
        if task not in zero:
            raise UndeterminedError(f"a random policy's return on {task} was never measured")
        if one[task] <= zero[task]:
            raise UndeterminedError(f"the baseline scores no better than a random policy on {task}")
    return relative_to(scores, zero, one)


def resampled_normalised(
    scores: Scores,
    baseline: Scores,
    zero: Mapping[str, float],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, np.ndarray]:
    """Return normalised scores of resampled runs over those of a resampled baseline, [R, N] for each task.

    Args:
        scores: Task -> scores of an arm, [N]; the same object as ``baseline`` for the baseline itself. Runs
            may have several numbers each, [N, ...], such as one for each evaluation; these are kept.
        baseline: Task -> scores of the baseline, [M].
        zero: Task -> the random policy's return.
        seed: Of resampling.
        resamples: R.

    Raises:
        UndeterminedError: As `normalised`; or if the baseline's runs, drawn anew, may score no better than
            the random policy, so that the scale may vanish; or if a task has fewer than 2 runs of an arm.
    """
    normalised(scores, baseline, zero)
    for task in scores:
        least = min(len(scores[task]), len(baseline[task]))
        if least < 2:
            raise UndeterminedError(f"{least} run on {task}; at least 2 are needed")
    ones = resampled({task: baseline[task] for task in scores}, seed=seed, resamples=resamples)
    # The second stream is another one, for the two arms' runs have nothing to do with each other.
    runs = ones if scores is baseline else resampled(scores, seed=seed + 2**32, resamples=resamples)
    result = {}
    for task, drawn in runs.items():
        scale = ones[task].mean(axis=1, keepdims=True) - zero[task]
        if not (scale > 0).all():
            raise UndeterminedError(f"the baseline may score no better than a random policy on {task}")
        result[task] = (drawn - zero[task]) / scale.reshape(-1, *[1] * (drawn.ndim - 1))
    return result


def normalised_intervals(
    aggregates: Mapping[str, Aggregate],
    scores: Scores,
    baseline: Scores,
    zero: Mapping[str, float],
    *,
    seed: int = 0,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> dict[str, Interval]:
    """Return aggregates of normalised scores, each with the stratified percentile bootstrap's interval.

    All of them are computed from the same resamples. Args and Raises: as `resampled_normalised`; ``level`` is
    that of confidence.
    """
    drawn = resampled_normalised(scores, baseline, zero, seed=seed, resamples=resamples)
    shown = normalised(scores, baseline, zero)
    return {
        name: from_resamples(float(aggregate(shown)), aggregate(drawn), level)
        for name, aggregate in aggregates.items()
    }
