"""How much precision a policy needs: equivalence tests from the finest polynomial to the coarsest.

A degree suffices if the data exclude, at 95 %, that the loss of return is larger than a margin. The tests
begin with the finest degree and end at the first that does not suffice. So no correction for several tests is
needed: a coarser degree is tested only if every finer one has passed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from swimrl.approximating.study import Measured
from swimrl.errors import InputError, UndeterminedError
from swimrl.stats.interval import mean_student

MARGIN = 0.05
"""The share of the exact policy's return that may be lost."""

_LEVEL = 0.9  # of the two-sided interval, whose ends are one-sided limits of 95 %


@dataclass(frozen=True)
class Loss:
    """What a degree loses.

    Args:
        degree: The degree; of compositions alpha.
        loss: Mean share of the exact policy's return that is lost; negative if the polynomial does better.
        at_least: The one-sided 95 % limit from below; minus infinity if it is not determined.
        at_most: The one-sided 95 % limit from above; infinite if it is not determined.
        failures: Episodes that ended because an action was not finite. With one, a degree does not suffice: a
            failure is no number that a mean could contain.
        suffices: Whether the upper limit is within the margin; None if the degree was not tested any more.
    """

    degree: int
    loss: float
    at_least: float
    at_most: float
    failures: int
    suffices: bool | None


@dataclass(frozen=True)
class Answer:
    """The precision needed.

    Args:
        unit: What the intervals count: ``"run"``, or with one run ``"episode"``, which says nothing about
            other trainings.
        count: Number of units.
        losses: Of each degree, the finest first.
        needed: The smallest degree that suffices, as all finer ones do; None if not even the finest does.
        size: What the degrees are called.
        margin: The share of the return that may be lost.
    """

    unit: str
    count: int
    losses: tuple[Loss, ...]
    needed: int | None
    size: str = "degree"
    margin: float = MARGIN

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        units = f"{self.count} {self.unit}s"
        of = "this policy" if self.unit == "episode" else "these policies"
        finest = self.losses[0]
        if self.needed is None and finest.failures:
            return (
                f"Not even {self.size} {finest.degree} suffices for {of}: {finest.failures} of its episodes "
                "ended because an action was not finite."
            )
        if self.needed is None and finest.at_least > self.margin:
            return (
                f"Not even {self.size} {finest.degree} suffices for {of}: it loses {percent(finest.loss)} of "
                f"the return (at least {percent(finest.at_least)}, 95 % limit, {units}); a loss up to "
                f"{percent(self.margin)} is accepted."
            )
        if self.needed is None:
            return (
                f"Undetermined: {self.size} {finest.degree}, the finest, loses {percent(finest.loss)} of the "
                f"return, and at most {percent(finest.at_most)} (95 % limit, {units}), so that a loss above "
                f"{percent(self.margin)} is not excluded."
            )
        passed = next(loss for loss in self.losses if loss.degree == self.needed)
        limit = max(passed.at_most, 0.0)  # below 0 the polynomial earns more
        return (
            f"{self.size.capitalize()} {self.needed} suffices for {of}: it loses at most {percent(limit)} of "
            f"the return (95 % limit, {units}); a loss up to {percent(self.margin)} is accepted."
        )


def percent(share: float) -> str:
    """Return a share as text, such as ``5 %`` or ``17.2 %``."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def answer(measured: Sequence[Measured], margin: float = MARGIN) -> Answer:
    """Return the smallest degree that suffices.

    Args:
        measured: One run, or several that differ in their training seed, with the same degrees.
        margin: The share of the return that may be lost.

    Raises:
        InputError: If the runs have different degrees, or there is none.
        UndeterminedError: If the exact policy's return is not positive, so that it has no share.
    """
    if not measured or len({one.settings.degrees for one in measured}) > 1:
        raise InputError("an answer needs runs that were measured with the same degrees")
    for one in measured:
        if one.exact.returns.mean() <= 0:
            raise UndeterminedError(
                f"the exact policy of {one.run.path} has the mean return {one.exact.returns.mean():.1f}; a "
                "lost share of it means nothing; train longer, or compare the returns in polynomial.json"
            )
    returns, failures = {}, {}
    for arms in zip(*(one.arms[1:] for one in measured), strict=True):
        degree = arms[0].arm.degree
        assert degree is not None  # only the first arm is exact
        returns[degree] = [arm.returns for arm in arms]
        failures[degree] = sum(arm.failures for arm in arms)
    exact = [one.exact.returns for one in measured]
    return answer_from(exact, returns, failures, size=measured[0].settings.size, margin=margin)


def answer_from(
    exact: Sequence[np.ndarray],
    returns: Mapping[int, Sequence[np.ndarray]],
    failures: Mapping[int, int],
    *,
    size: str = "degree",
    margin: float = MARGIN,
) -> Answer:
    """Return the smallest degree that suffices, from returns alone.

    Args:
        exact: Of each run, the returns of the exact policy, [E]; their mean is positive.
        returns: By degree, of each run the returns from the same starts, [E].
        failures: By degree, the episodes that ended because an action was not finite.
        size: What the degrees are called.
        margin: The share of the return that may be lost.
    """
    losses, going_on, needed = [], True, None
    for degree in sorted(returns, reverse=True):
        shares = _shares(exact, returns[degree])
        try:
            interval = mean_student(shares, _LEVEL)
            low, high = interval.low, interval.high
        except UndeterminedError:
            low, high = -math.inf, math.inf
        suffices = (high <= margin and not failures[degree]) if going_on else None
        losses.append(Loss(degree, float(shares.mean()), low, high, failures[degree], suffices))
        if suffices:
            needed = degree
        else:
            going_on = False
    unit = "episode" if len(exact) == 1 else "run"
    count = len(exact[0]) if len(exact) == 1 else len(exact)
    return Answer(unit, count, tuple(losses), needed, size, margin)


def _shares(exact: Sequence[np.ndarray], returns: Sequence[np.ndarray]) -> np.ndarray:
    """Return the lost share of each episode of the one run, or the mean one of each run."""
    shares = [(one - other) / one.mean() for one, other in zip(exact, returns, strict=True)]
    return shares[0] if len(shares) == 1 else np.array([share.mean() for share in shares])
