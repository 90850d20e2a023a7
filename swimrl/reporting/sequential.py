"""The decisions on declared comparisons: at each look of a study, or at its end.

A comparison ends as better, worse, equal within the margin, or futile. Tests are exact
(`swimrl.stats.sequential`, `swimrl.stats.equivalence`). Estimates after a stop are corrected by normal theory
(`swimrl.stats.group_sequential`): Welch's t is replaced by the Z that has the same p-value.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from swimrl.errors import UndeterminedError
from swimrl.reporting.declaration import corrected
from swimrl.reporting.findings import ALPHA, Decision, Outcome, Undetermined, determined
from swimrl.runs.declaration import Primary, Sequential
from swimrl.stats import equivalence, group_sequential, interval, sequential
from swimrl.stats.comparison import Test
from swimrl.stats.contrast import contrast
from swimrl.stats.interval import Interval
from swimrl.stats.sequential import Design, Look
from swimrl.stats.spending import Spending

BySeed = Mapping[str, Mapping[int, float]]
"""The scores of an arm by task and seed."""

_POWER_Z = 0.8416  # of a test with power 0.8
_ONE_SIDED_Z, _TWO_SIDED_Z = 1.6449, 1.9600  # of tests at level 0.05


@dataclass(frozen=True)
class _Evidence:
    """The runs of one comparison up to its last complete look, and the tests on them."""

    looks: list[Look]
    difference: sequential.Statistics
    ends: equivalence.Ends | None
    """At the ends of the margin; None without one."""


def decide(
    pairs: Mapping[str, tuple[BySeed, BySeed]], primary: Primary, seeds: Sequence[int], *, seed: int
) -> dict[str, Decision]:
    """Return the decision on each declared comparison that has data up to the first look.

    Args:
        pairs: By the name of a comparison: the scores of the arm and of the baseline.
        primary: The declaration. Without looks, all seeds are one look.
        seeds: The seeds of the study, in ascending order; the first look has the first of them.
        seed: Seed of the divisions.
    """
    planned = primary.sequential
    evidence: dict[str, _Evidence] = {}
    for name, (arm, baseline) in pairs.items():
        sizes = planned.looks if planned is not None else (_common(arm, baseline, seeds),)
        looks = _looks(arm, baseline, seeds, sizes)
        if looks:
            evidence[name] = _evidence(looks, primary, seed)
    if not evidence:
        return {}
    designs = {name: _design(planned, of.looks) for name, of in evidence.items()}
    p = {name: of.difference.p_value(designs[name]) for name, of in evidence.items()}
    p_equal = {name: _equal_p(of.ends, designs[name]) for name, of in evidence.items() if of.ends is not None}
    adjusted, adjusted_equal = corrected(p, primary), corrected(p_equal, primary)
    return {
        name: _decision(
            of, designs[name], primary, p[name], adjusted[name], p_equal.get(name), adjusted_equal.get(name)
        )
        for name, of in evidence.items()
    }


def _common(arm: BySeed, baseline: BySeed, seeds: Sequence[int]) -> int:
    """Return how many of the first seeds all tasks have in both arms."""
    count = 0
    for seed in seeds:
        if not all(seed in of[task] for of in (arm, baseline) for task in arm):
            break
        count += 1
    return count


def _looks(arm: BySeed, baseline: BySeed, seeds: Sequence[int], sizes: Sequence[int]) -> list[Look]:
    """Return the complete looks: both arms have every seed of each of them, on all tasks."""
    scores = (arm, baseline)
    looks, start = [], 0
    for size in sizes:
        new = seeds[start:size]
        if (
            size > len(seeds)
            or not new
            or any(s not in of for by in scores for of in by.values() for s in new)
        ):
            break
        looks.append(
            Look(*({task: np.array([of[s] for s in new]) for task, of in by.items()} for by in scores))
        )
        start = size
    return looks


def _evidence(looks: list[Look], primary: Primary, seed: int) -> _Evidence:
    margin = primary.parsed_margin
    ends = None
    if margin is not None:
        try:
            ends = equivalence.ends(looks, margin, seed=seed)
        except UndeterminedError:
            ends = None
    return _Evidence(looks, sequential.mann_whitney(looks, seed=seed), ends)


def _design(planned: Sequential | None, looks: Sequence[Look]) -> Design:
    if planned is not None:
        return planned.design
    return Design((sum(_size(look) for look in looks),), Spending("pocock"))


def _size(look: Look) -> int:
    return len(next(iter(look.arm.values())))


def _equal_p(ends: equivalence.Ends, design: Design) -> float:
    return sequential.least_level(
        lambda alpha: ends.crossing(design, alpha) is not None, 1 / len(ends.lower.values)
    )


def _decision(
    evidence: _Evidence,
    design: Design,
    primary: Primary,
    p: float,
    adjusted: float,
    p_equal: float | None,
    adjusted_equal: float | None,
) -> Decision:
    taken, count = len(evidence.looks), len(design.seeds)
    is_equal = adjusted_equal is not None and adjusted_equal <= ALPHA
    chance = chance_at_the_end(evidence.difference, evidence.ends, design) if taken < count else None
    futility = primary.sequential.futility if primary.sequential is not None else None
    outcome: Outcome
    if adjusted <= ALPHA:
        outcome = "better" if evidence.difference.values[0, -1] > 0 else "worse"
    elif is_equal:
        outcome = "equal"
    elif taken == count:
        outcome = "undecided"
    elif futility is not None and chance is not None and chance < futility:
        outcome = "futile"
    else:
        outcome = "open"
    x, y = (_only([getattr(look, side) for look in evidence.looks]) for side in ("arm", "baseline"))
    corrected = determined(lambda: corrected_difference(*_both(x, y), design, evidence.difference))
    unbiased, repeated = (corrected, corrected) if isinstance(corrected, Undetermined) else corrected
    return Decision(
        outcome=outcome,
        look=taken,
        looks=count,
        seeds=design.seeds[taken - 1],
        spending=str(design.spending),
        p_value=p,
        adjusted=adjusted,
        margin=primary.margin,
        p_equal=p_equal,
        adjusted_equal=adjusted_equal,
        equal_welch=determined(lambda: _welch(x, y, primary)),
        is_equal=is_equal,
        chance=chance,
        naive=determined(lambda: interval.difference_welch(*_both(x, y))),
        unbiased=unbiased,
        repeated=repeated,
        more_seeds=_more_seeds(evidence, design.seeds[taken - 1])
        if outcome in ("undecided", "futile")
        else None,
    )


def _only(scores: Sequence[Mapping[str, np.ndarray]]) -> np.ndarray | Undetermined:
    """Return all scores of the only task."""
    if len(scores[0]) > 1:
        return Undetermined("returns of different tasks have no common unit")
    return np.concatenate([np.asarray(of_task, float) for of in scores for of_task in of.values()])


def _both(*scores: np.ndarray | Undetermined) -> tuple[np.ndarray, np.ndarray]:
    x, y = scores
    for of in (x, y):
        if isinstance(of, Undetermined):
            raise UndeterminedError(of.why)
    assert isinstance(x, np.ndarray)
    assert isinstance(y, np.ndarray)
    return x, y


def _welch(x: np.ndarray | Undetermined, y: np.ndarray | Undetermined, primary: Primary) -> Test:
    margin = primary.parsed_margin
    if margin is None:
        raise UndeterminedError("no margin was declared")
    arm, baseline = _both(x, y)
    return equivalence.two_one_sided_welch({"": arm}, {"": baseline}, margin)


def corrected_difference(
    x: np.ndarray, y: np.ndarray, design: Design, difference: sequential.Statistics
) -> tuple[Interval, Interval]:
    """Return the median-unbiased estimate after stopping, and the repeated interval, of mean(x) - mean(y).

    The boundaries are those of a normal statistic that spends at each look what the permutation test spends.
    """
    from scipy.stats import norm, t

    welch = contrast([x, y], [1, -1])
    error, freedom = welch.standard_error, welch.degrees_of_freedom
    spent = difference.spent(design, ALPHA)
    seeds = design.seeds[: len(spent)]
    bounds = group_sequential.boundaries_of(spent, [n / design.seeds[-1] for n in seeds], sides=2)
    if not math.isfinite(bounds[-1]):
        raise UndeterminedError(f"look {len(spent)} spends no error probability")
    z = float(norm.isf(t.sf(abs(welch.estimate) / error, freedom)))
    error_z = abs(welch.estimate) / z if z > 0 else error
    unbiased = group_sequential.after_stopping(welch.estimate, error_z, seeds, [*bounds])
    half = float(t.isf(norm.sf(bounds[-1]), freedom)) * error
    repeated = Interval(welch.estimate, welch.estimate - half, welch.estimate + half, "repeated")
    return unbiased, repeated


@cache
def _last_bound(design: Design, sides: int) -> float:
    shares = [seeds / design.seeds[-1] for seeds in design.seeds]
    return float(group_sequential.boundaries(shares, design.spending, ALPHA, sides=sides)[-1])


def chance_at_the_end(
    difference: sequential.Statistics, ends: equivalence.Ends | None, design: Design
) -> float:
    """Return the chance that the last look decides, by the trend so far: a difference, or equality.

    Args:
        difference: The statistic of the difference at the looks so far.
        ends: The statistics at the ends of the margin; None without one.
        design: The looks and the spending.
    """
    share = design.seeds[difference.values.shape[1] - 1] / design.seeds[-1]

    def chance(z: float, sides: int) -> float:
        return group_sequential.conditional_power(z, share, _last_bound(design, sides))

    differs = chance(abs(float(difference.z[-1])), 2)
    if ends is None:
        return differs
    above, below = float(ends.lower.z[-1]), -float(ends.upper.z[-1])
    return max(differs, chance(above, 1) + chance(below, 1) - 1)


def _more_seeds(evidence: _Evidence, seeds: int) -> int | None:
    """Return how many more seeds of an arm would be expected to decide, by the trend so far; None if any."""
    trends = [(abs(float(evidence.difference.z[-1])), _TWO_SIDED_Z)]
    if evidence.ends is not None:
        ends = float(evidence.ends.lower.z[-1]), -float(evidence.ends.upper.z[-1])
        trends.append((min(ends), _ONE_SIDED_Z))
    needed = [seeds * ((level + _POWER_Z) / z) ** 2 for z, level in trends if z > 1e-6]
    return max(math.ceil(min(needed)) - seeds, 1) if needed else None
