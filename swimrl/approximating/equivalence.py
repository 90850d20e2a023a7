"""How much precision a policy needs: equivalence tests from the finest polynomial to the coarsest.

A degree suffices if the data exclude, at 95 %, that the loss of return is larger than a margin. The tests
begin with the finest degree and end at the first that does not suffice. So no correction for several tests is
needed: a coarser degree is tested only if every finer one has passed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from swimrl.approximating.study import Measured
from swimrl.errors import InputError, UndeterminedError
from swimrl.stats.interval import mean_student

MARGIN = 0.05
"""The share of the exact policy's return that may be lost."""

_LEVEL = 0.9  # of the two-sided interval, whose upper end is a one-sided limit of 95 %


@dataclass(frozen=True)
class Loss:
    """What a degree loses.

    Args:
        degree: The degree; of compositions alpha.
        loss: Mean share of the exact policy's return that is lost; negative if the polynomial does better.
        at_most: The one-sided 95 % limit of the loss; infinite if it is not determined.
        suffices: Whether the limit is within the margin; None if the degree was not tested any more.
    """

    degree: int
    loss: float
    at_most: float
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
    """

    unit: str
    count: int
    losses: tuple[Loss, ...]
    needed: int | None
    size: str = "degree"

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        units = f"{self.count} {self.unit}s"
        finest = self.losses[0]
        if self.needed is None:
            return (
                f"Undetermined: not even {self.size} {finest.degree} excludes a loss above {MARGIN:.0%} of "
                f"the return (95 % limit {finest.at_most:.1%}, {units})."
            )
        of = "this policy" if self.unit == "episode" else "these policies"
        passed = next(loss for loss in self.losses if loss.degree == self.needed)
        limit = max(passed.at_most, 0.0)  # below 0 the polynomial earns more
        return (
            f"{self.size.capitalize()} {self.needed} suffices for {of}: it loses at most {limit:.1%} of the "
            f"return (95 % limit, {units}); a loss up to {MARGIN:.0%} is accepted."
        )


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
    returns, failed = {}, set()
    for arms in zip(*(one.arms[1:] for one in measured), strict=True):
        degree = arms[0].arm.degree
        assert degree is not None  # only the first arm is exact
        returns[degree] = [arm.returns for arm in arms]
        if any(arm.failures for arm in arms):
            failed.add(degree)
    exact = [one.exact.returns for one in measured]
    return answer_from(exact, returns, failed, size=measured[0].settings.size, margin=margin)


def answer_from(
    exact: Sequence[np.ndarray],
    returns: Mapping[int, Sequence[np.ndarray]],
    failed: Collection[int] = (),
    *,
    size: str = "degree",
    margin: float = MARGIN,
) -> Answer:
    """Return the smallest degree that suffices, from returns alone.

    Args:
        exact: Of each run, the returns of the exact policy, [E]; their mean is positive.
        returns: By degree, of each run the returns from the same starts, [E].
        failed: Degrees with an action that was not finite; a failure is no number that a mean could contain.
        size: What the degrees are called.
        margin: The share of the return that may be lost.
    """
    losses, going_on, needed = [], True, None
    for degree in sorted(returns, reverse=True):
        shares = _shares(exact, returns[degree])
        try:
            at_most = mean_student(shares, _LEVEL).high
        except UndeterminedError:
            at_most = float("inf")
        suffices = (at_most <= margin and degree not in failed) if going_on else None
        losses.append(Loss(degree, float(shares.mean()), float(at_most), suffices))
        if suffices:
            needed = degree
        else:
            going_on = False
    unit = "episode" if len(exact) == 1 else "run"
    count = len(exact[0]) if len(exact) == 1 else len(exact)
    return Answer(unit, count, tuple(losses), needed, size)


def _shares(exact: Sequence[np.ndarray], returns: Sequence[np.ndarray]) -> np.ndarray:
    """Return the lost share of each episode of the one run, or the mean one of each run."""
    shares = [(one - other) / one.mean() for one, other in zip(exact, returns, strict=True)]
    return shares[0] if len(shares) == 1 else np.array([share.mean() for share in shares])
