"""The results of an analysis, as data. A number that cannot be computed is an `Undetermined`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, TypeVar

import numpy as np

from swimrl.errors import UndeterminedError
from swimrl.reporting.metrics import curves
from swimrl.reporting.read import Excluded, Run
from swimrl.runs.declaration import Primary
from swimrl.stats import power
from swimrl.stats.comparison import Test
from swimrl.stats.interval import Interval

ALPHA = 0.05
"""The level of every test."""

MOST_TOGETHER = 5
"""Up to this many arms share a panel of a figure; more arms have a small panel each."""

T = TypeVar("T")


@dataclass(frozen=True)
class Undetermined:
    """A number that cannot be computed from the data."""

    why: str
    """The reason, such as "1 run; at least 2 are needed"."""


@dataclass(frozen=True)
class Arm:
    """The runs on one task that share an activation, or another setting that is compared."""

    env: str
    name: str
    runs: tuple[Run, ...] = field(repr=False)
    """The runs that have a score."""

    scores: np.ndarray
    """The score of each run, [N], in the order of ``runs``."""

    mean: Interval | Undetermined
    """The mean score, with Student's t interval."""

    mean_bootstrap_t: Interval | Undetermined
    """The mean score, with the bootstrap-t interval."""

    mean_percentile: Interval | Undetermined
    """The mean score, with rliable's interval, which is too narrow for few runs."""

    spread: float | Undetermined
    """Standard deviation over runs, with N - 1."""

    median: float

    iqm: Interval | Undetermined
    """Interquartile mean, with rliable's interval."""

    max_of_mean: float | Undetermined
    """The best evaluation of the mean over runs; optimistic."""

    diverged: int
    """The number of runs that diverged."""

    @property
    def by_seed(self) -> dict[int, float]:
        """The score of each run, by its seed."""
        return {run.seed: score for run, score in zip(self.runs, self.scores.tolist(), strict=True)}

    @property
    def values(self) -> tuple[object, ...]:
        """The values of the configuration by which the arms are told apart."""
        return self.runs[0].values


Outcome = Literal["better", "worse", "equal", "futile", "undecided", "open"]
"""How a declared comparison stands. ``undecided``: all looks are taken; ``open``: the next may decide."""


@dataclass(frozen=True)
class Decision:
    """The decision on a declared comparison, at the last look that is complete."""

    outcome: Outcome

    look: int
    """The last complete look, from 1."""

    looks: int
    """How many looks are planned."""

    seeds: int
    """Seeds of each arm at this look."""

    spending: str

    p_value: float
    """The least level at which the sequential test rejects."""

    adjusted: float
    """The same after correction for the number of comparisons."""

    margin: str | None
    p_equal: float | None
    """The least level at which both one-sided tests at the margin's ends reject; None without a margin."""

    adjusted_equal: float | None

    equal_welch: Test | Undetermined
    """The one-sided tests by Welch, without regard to the looks."""

    is_equal: bool
    """Whether equality within the margin is established."""

    chance: float | None
    """The chance that the last look decides if the trend so far is the truth; None at the last look."""

    naive: Interval | Undetermined
    """The difference of means at this look, which is too far from 0 where a study stops early."""

    unbiased: Interval | Undetermined
    """The median-unbiased estimate after stopping."""

    repeated: Interval | Undetermined
    """The interval that holds the truth at all looks at once with probability 0.95."""

    more_seeds: int | None
    """More seeds of each arm that would be expected to decide by the trend so far; None if unknown."""

    @property
    def is_over(self) -> bool:
        """Whether no further look is taken."""
        return self.outcome != "open"


@dataclass(frozen=True)
class Comparison:
    """An arm against the baseline, on one task or over all of them."""

    env: str | None
    """The task; None for all tasks that both have, stratified."""

    arm: str
    baseline: str
    seeds: tuple[int, int]
    """Runs of the arm and of the baseline; over several tasks, on the task with the fewest."""

    difference: Interval | Undetermined
    """Mean of the arm minus mean of the baseline: Welch's t interval, or Student's for pairs."""

    by_permutation: Interval | Undetermined
    """The same difference, with the interval that a permutation test does not reject."""

    probability_of_improvement: float | Undetermined
    """The probability that a run of the arm scores higher than a run of the baseline, ties counted half."""

    test: Test | Undetermined
    adjusted: float | None
    """The test's p-value after correction over its family; None if there is no test."""

    primary: bool
    """Whether it was declared before the first run, with this metric and this baseline."""

    correlation: float | None
    """Correlation of the scores of pairs; None without pairing."""

    detectable: float | Undetermined
    """The smallest difference that a test finds with probability 0.8 with these seeds, as a share of the
    baseline's score."""

    seeds_needed: Mapping[float, power.Seeds | Undetermined]
    """Seeds needed in each arm, by the effect as a share of the baseline's score."""

    decision: Decision | None = None
    """The decision on a comparison whose declaration has looks or a margin."""

    @property
    def established(self) -> bool:
        """Whether the corrected test rejects the hypothesis of no difference."""
        return self.adjusted is not None and self.adjusted <= ALPHA


@dataclass(frozen=True)
class Normalised:
    """An arm's scores on the scale on which a random policy scores 0 and the baseline 1."""

    env: str | None
    """The task; None for all tasks together."""

    arm: str
    aggregates: Mapping[str, Interval | Undetermined]
    """The aggregates, by their names in `swimrl.reporting.analysis.AGGREGATES`, with rliable's interval;
    the baseline is resampled too."""


@dataclass(frozen=True)
class Analysis:
    """All results on a set of runs."""

    metric: str
    metric_declared: bool
    """Whether metric, baseline, arms and step are those that the study declared beforehand."""

    by: tuple[str, ...]
    """The keys of the configuration by which the arms are told apart."""

    until: Mapping[str, float]
    """The environment step at which runs are compared, by task."""

    baseline: str
    primary: Primary | None
    """The comparison that the study declared."""

    primary_sha256: str | None
    """Hash of the declaration."""

    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]
    normalised: tuple[Normalised, ...]
    excluded: tuple[Excluded, ...]
    interim: str | None
    """Why the results are not final; None if they are. While they are not, no winner is marked."""

    warnings: tuple[str, ...]
    failure: Mapping[str, float] = field(repr=False)
    """The return that diverged runs score, by task."""

    zero: Mapping[str, float] = field(repr=False)
    """The return of a random policy, by task, where it was measured."""

    seed: int = 0
    """Seed of resampling."""

    @cached_property
    def tasks(self) -> list[str]:
        """The tasks, in alphabetical order."""
        return sorted({arm.env for arm in self.arms})

    @cached_property
    def names(self) -> list[str]:
        """The names of the arms: the baseline first, then by their values, numbers in numerical order."""
        values = {arm.name: tuple(map(_sortable, arm.values)) for arm in self.arms}
        return sorted(values, key=lambda name: (name != self.baseline, values[name], name))

    @cached_property
    def ordered_arms(self) -> list[Arm]:
        """Every arm, task by task, within a task in the order of ``names``."""
        places = {name: place for place, name in enumerate(self.names)}
        return sorted(self.arms, key=lambda arm: (arm.env, places[arm.name]))

    def arm(self, env: str, name: str) -> Arm | None:
        """Return an arm on a task, if it has runs there."""
        return self._by_name.get(name, {}).get(env)

    def scores(self, name: str) -> dict[str, np.ndarray]:
        """Return an arm's scores on each of its tasks."""
        return {env: arm.scores for env, arm in self._by_name.get(name, {}).items()}

    @cached_property
    def _by_name(self) -> Mapping[str, Mapping[str, Arm]]:
        """The arms by name and task."""
        by_name: dict[str, dict[str, Arm]] = defaultdict(dict)
        for arm in self.arms:
            by_name[arm.name][arm.env] = arm
        return by_name

    def curves(self, arm: Arm) -> tuple[np.ndarray, np.ndarray]:
        """Return the steps at which all runs of an arm were evaluated, [E], and the returns there, [N, E]."""
        return curves(arm.runs, self.until[arm.env], self.failure.get(arm.env))


def _sortable(value: object) -> tuple[bool, float, str]:
    is_number = isinstance(value, int | float)
    return (not is_number, float(value) if is_number else 0.0, str(value))  # type: ignore[arg-type]


def determined(compute: Callable[[], T]) -> T | Undetermined:
    """Return the result of ``compute``, or the reason why there is none."""
    try:
        return compute()
    except UndeterminedError as error:
        return Undetermined(str(error))
