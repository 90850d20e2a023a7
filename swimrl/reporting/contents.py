"""Everything that a report shows, as data; each part is computed when it is first asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from swimrl.fields import flatten, to_mapping
from swimrl.reporting.cost import Costs, read_costs
from swimrl.reporting.efficiency import Efficiency, efficiency
from swimrl.reporting.findings import Analysis, Undetermined
from swimrl.reporting.gait import Progress, Strip, strips
from swimrl.reporting.inside import Group, inside
from swimrl.reporting.published import Published, Reference, published, read_references
from swimrl.reporting.ranks import ranking
from swimrl.reporting.sensitivity import Sensitivity, sensitivity
from swimrl.reporting.training_time import TrainingTime, training_times
from swimrl.reporting.tuning import ArmTuning, tunings
from swimrl.stats.interval import Interval
from swimrl.stats.ranks import Ranking
from swimrl.training.config import TrainConfig


@dataclass(frozen=True)
class Contents:
    """What the tables, the figures and the page are made from."""

    analysis: Analysis

    costs: Costs | None = None
    """What each activation costs, if a record was given."""

    references: tuple[Reference, ...] = ()
    """Published learning curves, if a file of them was given."""

    strips: tuple[Strip, ...] = ()
    """Frames of some runs' policies, if they were asked for."""

    @cached_property
    def ranked(self) -> tuple[tuple[str, Interval], ...]:
        """The interquartile mean of each arm over all tasks, the best first; empty where there is none."""
        known = [
            (one.arm, interval)
            for one in self.analysis.normalised
            if one.env is None and isinstance(interval := one.aggregates["interquartile mean"], Interval)
        ]
        return tuple(sorted(known, key=lambda one: -one[1].estimate)) if len(known) > 1 else ()

    @cached_property
    def by_score(self) -> tuple[str, ...]:
        """The arms, the best first: over all tasks if there is such a number, else by their average ranks."""
        analysis, ranked = self.analysis, [name for name, _ in self.ranked]
        if len(analysis.tasks) == 1:
            first = [arm.name for arm in sorted(analysis.arms, key=lambda arm: -float(arm.scores.mean()))]
        elif not ranked and not isinstance(self.ranking, Undetermined):
            first = [*self.ranking.names]
        else:
            first = ranked
        return tuple(dict.fromkeys([*first, *analysis.names]))

    @cached_property
    def ranking(self) -> Ranking | Undetermined:
        """The average ranks of the arms over tasks, or why there are none."""
        return ranking(self.analysis)

    @cached_property
    def training_times(self) -> tuple[TrainingTime, ...]:
        """The seconds of training with each arm, if its runs recorded them."""
        return tuple(training_times(self.analysis))

    @cached_property
    def efficiency(self) -> tuple[Efficiency, ...]:
        """The normalised return of each arm over environment steps."""
        return tuple(efficiency(self.analysis))

    @cached_property
    def sensitivity(self) -> tuple[Sensitivity, ...]:
        """The score against a setting, if a setting tells the arms apart."""
        defaults = flatten(to_mapping(TrainConfig()))
        return tuple(sensitivity(self.analysis, defaults))

    @cached_property
    def tunings(self) -> tuple[ArmTuning, ...]:
        """What each arm was tuned with, if its runs have records."""
        return tuple(tunings([run for arm in self.analysis.ordered_arms for run in arm.runs]))

    @cached_property
    def inside(self) -> tuple[Group, ...]:
        """What the runs' diagnostics say."""
        return tuple(inside(self.analysis))

    @cached_property
    def published(self) -> tuple[Published, ...]:
        """Published scores on the same tasks."""
        return tuple(published(self.analysis))


def gather(
    analysis: Analysis,
    *,
    cost: Path | None = None,
    reference: Path | None = None,
    videos: bool = False,
    progress: Progress | None = None,
) -> Contents:
    """Return an analysis with the files that stand beside it.

    Args:
        analysis: What the runs say.
        cost: A record of `swimrl bench ... --json`.
        reference: A CSV file of published curves.
        videos: Whether to play and draw policies.
        progress: Receives how many policies are drawn, and of how many.

    Raises:
        InputError: If a file cannot be read or does not fit, or no policy can be drawn.
    """
    return Contents(
        analysis,
        costs=None if cost is None else read_costs(cost, analysis.arms),
        references=() if reference is None else tuple(read_references(reference)),
        strips=strips(analysis, progress) if videos else (),
    )
