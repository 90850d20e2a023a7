"""From the scores of trials to a choice, and how much the choice owes to chance.

Letters in shapes: N trials, P points, S seeds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

_RESAMPLES = 10_000


def best(scores: Mapping[int, float], keep: int) -> list[int]:
    """Return the numbers of the best points; of equal ones, the one with the lower number first."""
    return sorted(scores, key=lambda number: (-scores[number], number))[:keep]


def chosen(scores: Mapping[int, Sequence[float]]) -> int:
    """Return the number of the point with the highest mean over fresh seeds."""
    return best({number: float(np.mean(of)) for number, of in scores.items()}, 1)[0]


def share_that_chooses_otherwise(scores: Mapping[int, Sequence[float]], *, seed: int = 0) -> float:
    """Return how often another point would be chosen if the seeds were drawn again, with replacement.

    Args:
        scores: By the number of a point: its scores, [S], on the same seeds for all points.
        seed: Seed of the draws.
    """
    numbers = sorted(scores)
    table = np.array([scores[number] for number in numbers])
    generator = np.random.Generator(np.random.PCG64(seed))
    drawn = generator.integers(table.shape[1], size=(_RESAMPLES, table.shape[1]))
    winners = table[:, drawn].mean(axis=2).argmax(axis=0)
    return float((winners != numbers.index(chosen(scores))).mean())


def expected_best(scores: Sequence[float]) -> np.ndarray:
    """Return the expected highest score of 1, 2, ... N of these trials, drawn without replacement, [N].

    The unbiased form of Tang et al. 2020 (arXiv:2004.13705), equation 5, of what Dodge et al. 2019 plot.

    Args:
        scores: Score of each trial, [N].
    """
    ordered = sorted(scores)
    count = len(ordered)
    return np.array(
        [
            sum(math.comb(rank, drawn - 1) * score for rank, score in enumerate(ordered))
            / math.comb(count, drawn)
            for drawn in range(1, count + 1)
        ]
    )
