"""Learning curves: the mean of an arm with its interval, and sample efficiency on the normalised scale.

Letters in shapes: E evaluations, N runs, R resamples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from swimrl.errors import UndeterminedError
from swimrl.reporting.findings import MOST_TOGETHER, Analysis, Arm
from swimrl.stats.aggregate import interquartile_mean
from swimrl.stats.normalised import normalised, resampled_normalised

_RESAMPLES = 1_000  # at each step; the band moves by less than its line is wide


@dataclass(frozen=True)
class Efficiency:
    """The interquartile mean of an arm's normalised returns over environment steps."""

    title: str
    """The name of the task, or "all N tasks"."""

    arm: str
    steps: np.ndarray
    """[E]."""

    estimate: np.ndarray
    """[E]."""

    low: np.ndarray
    """Lower end of the 95 % band, [E]."""

    high: np.ndarray
    """Upper end, [E]."""


def mean_curve(analysis: Analysis, arm: Arm) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return an arm's steps [E], the mean over runs [E] and the mean's interval [2, E].

    The interval is Student's t at each step by itself; None with fewer than 2 runs.
    """
    steps, values = analysis.curves(arm)
    mean = values.mean(axis=0)
    if len(values) < 2:
        return steps, mean, None
    from scipy.special import stdtrit

    half = stdtrit(len(values) - 1, 0.975) * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return steps, mean, np.array([mean - half, mean + half])


def efficiency(analysis: Analysis) -> list[Efficiency]:
    """Return the sample efficiency of every arm, where it is determined.

    It is that on each task and over all tasks; with more than `MOST_TOGETHER` arms only that over all tasks.
    """
    groups = [[env] for env in analysis.tasks]
    if len(groups) > 1:
        # A page cannot show each of many arms on each task, and the bands take most of the time.
        groups = [*(groups if len(analysis.names) <= MOST_TOGETHER else []), analysis.tasks]
    curves: list[Efficiency] = []
    for group in groups:
        title = group[0] if len(group) == 1 else f"all {len(group)} tasks"
        for name in analysis.names:
            curves += _of(analysis, name, group, title)
    return curves


def _of(analysis: Analysis, name: str, group: Sequence[str], title: str) -> Iterator[Efficiency]:
    arms = [analysis.arm(env, name) for env in group]
    ones = {env: analysis.arm(env, analysis.baseline) for env in group}
    curves = [analysis.curves(arm) for arm in arms if arm is not None]
    if len(curves) < len(group) or any(one is None for one in ones.values()):
        return
    common = sorted(set.intersection(*({float(s) for s in steps} for steps, _ in curves)))
    if len(common) < 2:
        return
    baseline = {env: one.scores for env, one in ones.items() if one is not None}
    at: dict[str, np.ndarray] = {
        env: values[:, np.isin(steps, common)] for env, (steps, values) in zip(group, curves, strict=True)
    }
    try:
        shown = normalised(at, baseline, analysis.zero)
        drawn = resampled_normalised(at, baseline, analysis.zero, seed=analysis.seed, resamples=_RESAMPLES)
    except UndeterminedError:
        return
    estimates, bands = [], []
    for step in range(len(common)):
        estimates.append(interquartile_mean({env: values[..., step] for env, values in shown.items()}))
        at_step = interquartile_mean({env: values[..., step] for env, values in drawn.items()})
        bands.append(np.quantile(at_step, [0.025, 0.975]))
    low, high = np.array(bands).T
    yield Efficiency(title, name, np.array(common), np.array(estimates), low, high)
