"""What an analysis of runs finds, as data. Every number that the runs cannot give is an `Undetermined`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from swimrl.errors import UndeterminedError
from swimrl.reporting.metrics import curves
from swimrl.reporting.read import Excluded, Run
from swimrl.runs.declaration import Primary
from swimrl.stats import power
from swimrl.stats.comparison import Test
from swimrl.stats.interval import Interval

ALPHA = 0.05

T = TypeVar("T")


@dataclass(frozen=True)
class Undetermined:
    """A number that the data cannot give."""

    why: str


@dataclass(frozen=True)
class Arm:
    """One activation, or whatever else tells runs apart, on one task."""

    env: str
    name: str
    runs: tuple[Run, ...] = field(repr=False)
    """The runs that count."""

    scores: np.ndarray
    """[N], in the order of ``runs``."""

    mean: Interval | Undetermined
    """With Student's t interval."""

    mean_bootstrap_t: Interval | Undetermined

    mean_percentile: Interval | Undetermined
    """With rliable's interval, which is too narrow for few runs."""

    spread: float | Undetermined
    """Standard deviation over runs, with N - 1."""

    median: float

    iqm: Interval | Undetermined
    """Interquartile mean, with rliable's interval."""

    max_of_mean: float | Undetermined
    diverged: int
    """How many of the runs diverged."""

    @property
    def values(self) -> tuple[object, ...]:
        """Of the keys of the configuration that tell arms apart."""
        return self.runs[0].values


@dataclass(frozen=True)
class Comparison:
    """An arm against the baseline, on one task or over all of them."""

    env: str | None
    """None: over all tasks that both have, stratified."""

    arm: str
    baseline: str
    seeds: tuple[int, int]
    """Runs of the arm and of the baseline on a task, the fewest."""

    difference: Interval | Undetermined
    """Of means, by Welch's t; of pairs by Student's t."""

    by_permutation: Interval | Undetermined
    """The same by inverting a permutation test."""

    probability_of_improvement: float | Undetermined
    test: Test | Undetermined
    adjusted: float | None
    """The test's p-value after correction over its family; None if there is no test."""

    primary: bool
    """Whether it was declared before the first run, metric and baseline too."""

    correlation: float | None
    """Of the pairs' scores, where pairing was declared."""

    detectable: float | Undetermined
    """The least difference that these seeds find with probability 0.8, as a share of the baseline's score."""

    seeds_needed: Mapping[float, power.Seeds | Undetermined]
    """Effect as a share of the baseline's score -> seeds needed in each arm."""

    @property
    def established(self) -> bool:
        """Whether the corrected test rejects that there is no difference."""
        return self.adjusted is not None and self.adjusted <= ALPHA


@dataclass(frozen=True)
class Normalised:
    """An arm's scores on the scale of the random policy (0) and the baseline (1)."""

    env: str | None
    """None: over all tasks."""

    arm: str
    aggregates: Mapping[str, Interval | Undetermined]
    """By their names in `swimrl.reporting.analysis.AGGREGATES`, with rliable's interval; the baseline is
    resampled too."""


@dataclass(frozen=True)
class Analysis:
    """All that a report shows."""

    metric: str
    metric_declared: bool
    """Whether metric, baseline, arms and step are those that the study declared beforehand."""

    by: tuple[str, ...]
    """Keys of the configuration that tell the arms apart."""

    until: Mapping[str, float]
    """Task -> the environment step at which runs are compared."""

    baseline: str
    primary: Primary | None
    """What the study declared."""

    primary_sha256: str | None
    """Hash of the declaration."""

    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]
    normalised: tuple[Normalised, ...]
    excluded: tuple[Excluded, ...]
    interim: str | None
    """Why the results are not final, if they are not; then no winner is marked."""

    warnings: tuple[str, ...]
    failure: Mapping[str, float] = field(repr=False)
    """Task -> the return that counts for diverged runs."""

    zero: Mapping[str, float] = field(repr=False)
    """Task -> a random policy's return, where it was measured."""

    seed: int = 0
    """Of resampling."""

    @property
    def tasks(self) -> list[str]:
        """The tasks, in alphabetical order."""
        return sorted({arm.env for arm in self.arms})

    @property
    def names(self) -> list[str]:
        """The arms, the baseline first, and equal beginnings with numbers in their order."""
        values = {arm.name: tuple(map(_sortable, arm.values)) for arm in self.arms}
        return sorted(values, key=lambda name: (name != self.baseline, values[name], name))

    @property
    def ordered_arms(self) -> list[Arm]:
        """Every arm, task by task, within a task in the order of ``names``."""
        places = {name: place for place, name in enumerate(self.names)}
        return sorted(self.arms, key=lambda arm: (arm.env, places[arm.name]))

    def arm(self, env: str, name: str) -> Arm | None:
        """Return an arm on a task, if it has runs there."""
        return next((a for a in self.arms if (a.env, a.name) == (env, name)), None)

    def scores(self, name: str) -> dict[str, np.ndarray]:
        """Return an arm's scores on each of its tasks."""
        return {arm.env: arm.scores for arm in self.arms if arm.name == name}

    def curves(self, arm: Arm) -> tuple[np.ndarray, np.ndarray]:
        """Return the steps that all runs of an arm were evaluated at, [E], and the returns there, [N, E]."""
        return curves(arm.runs, self.until[arm.env], self.failure.get(arm.env))


def _sortable(value: object) -> tuple[bool, float, str]:
    is_number = isinstance(value, int | float)
    return (not is_number, float(value) if is_number else 0.0, str(value))  # type: ignore[arg-type]


def determined(compute: Callable[[], T]) -> T | Undetermined:
    """Return what ``compute`` gives, or why it cannot be told."""
    try:
        return compute()
    except UndeterminedError as error:
        return Undetermined(str(error))
