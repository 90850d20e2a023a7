"""One number for the scores of several runs on several tasks.

A score belongs to one run: the unit of every statistic is the seed, never the episode. Tasks may have
different numbers of runs. Definitions as in Agarwal et al. 2021 (arXiv:2108.13264), section 4.

Letters in shapes: N runs, T thresholds. Leading axes, such as those of resamples, are kept: what is [..., N]
for each task gives [...].
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

Scores = Mapping[str, np.ndarray]
"""Task -> the scores of its runs, [..., N]; N may differ between tasks."""

Aggregate = Callable[[Scores], np.ndarray]


def mean(scores: Scores) -> np.ndarray:
    """Return the mean over tasks of each task's mean, [...].

    Example:
        >>> float(mean({"Hopper-v4": np.array([1.0, 3.0]), "Ant-v4": np.array([5.0])}))
        3.5
    """
    return np.asarray(np.mean([of_task.mean(axis=-1) for of_task in scores.values()], axis=0))


def median(scores: Scores) -> np.ndarray:
    """Return the median over tasks of each task's mean; with one task, the median of its runs. [...]."""
    if len(scores) == 1:
        (of_task,) = scores.values()
        return np.asarray(np.median(of_task, axis=-1))
    return np.asarray(np.median([of_task.mean(axis=-1) for of_task in scores.values()], axis=0))


def interquartile_mean(scores: Scores) -> np.ndarray:
    """Return the mean of the middle half of all tasks' runs: a quarter is cut off on each side. [...].

    Example:
        >>> float(interquartile_mean({"Hopper-v4": np.array([0.0, 1.0, 3.0, 100.0])}))
        2.0
    """
    ordered = np.sort(np.concatenate([*scores.values()], axis=-1), axis=-1)
    cut = ordered.shape[-1] // 4
    return np.asarray(ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1))


def optimality_gap(scores: Scores, target: float = 1.0) -> np.ndarray:
    """Return the mean shortfall of runs below ``target``; scores above it count as ``target``. [...]."""
    short = [np.minimum(of_task, target).mean(axis=-1) for of_task in scores.values()]
    return np.asarray(target - np.mean(short, axis=0))


def probability_of_improvement(scores: Scores, baseline: Scores) -> float:
    """Return the probability that a run scores above one of the baseline on the same task, ties counted half.

    Raises:
        ValueError: If the two have different tasks.
    """
    if scores.keys() != baseline.keys():
        raise ValueError(f"tasks differ: {sorted(scores)} and {sorted(baseline)}")
    return float(np.mean([superiority(scores[task], baseline[task]) for task in scores]))


def superiority(x: np.ndarray, y: np.ndarray) -> float:
    """Return the share of pairs of ``x`` [N] and ``y`` [M] in which ``x`` is larger, ties counted half.

    It is the U of Mann and Whitney divided by N M.

    Example:
        >>> superiority(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
        0.875
    """
    difference = np.subtract.outer(np.asarray(x), np.asarray(y))
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def performance_profile(scores: Scores, thresholds: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the share of runs above each threshold, averaged over tasks, [..., T]."""
    levels = np.asarray(thresholds, float)
    ordered, places = np.unique(levels, return_inverse=True)
    above = []
    for of_task in scores.values():
        *leading, runs = of_task.shape
        # A run is not above the first level that reaches it, nor above those after it.
        first = np.searchsorted(ordered, of_task.reshape(-1, runs), side="left")
        rows = np.arange(len(first))[:, None]
        counted = np.bincount(
            (rows * (len(ordered) + 1) + first).ravel(), minlength=len(first) * (len(ordered) + 1)
        )
        below = counted.reshape(len(first), -1)[:, :-1].cumsum(axis=1)
        above.append((1 - below / runs)[:, places].reshape(*leading, len(levels)))
    return np.asarray(np.mean(above, axis=0))


def relative_to(scores: Scores, zero: Mapping[str, float], one: Mapping[str, float]) -> dict[str, np.ndarray]:
    """Return scores on the scale on which ``zero`` is 0 and ``one`` is 1; nothing is clipped.

    Args:
        scores: Raw returns.
        zero: A random policy's return on each task.
        one: The baseline's return on each task.

    Raises:
        ValueError: If the two agree on a task, which leaves no scale.
    """
    for task in scores:
        if one[task] == zero[task]:
            raise ValueError(f"on {task} baseline and random policy both score {zero[task]:g}")
    return {task: (s - zero[task]) / (one[task] - zero[task]) for task, s in scores.items()}


def tasks_of(arms: Iterable[Scores]) -> list[str]:
    """Return the tasks that all arms have, in the order of the first."""
    first, *others = arms
    return [task for task in first if all(task in other for other in others)]
