"""What a collection of runs says: scores, intervals, tests, and what they cannot say. No files, no figures.

The unit is the run. Arms are unpaired. Every number that the data cannot give is an `Undetermined` with the
reason, and is printed as that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import numpy as np

from swimrl.errors import ConfigError, UndeterminedError, closest
from swimrl.report.metrics import METRICS, filled, max_of_mean, score
from swimrl.report.read import Collection, Excluded, Run
from swimrl.stats import aggregate, comparison, interval, power
from swimrl.stats.comparison import Test
from swimrl.stats.interval import Interval

ALPHA = 0.05
EFFECTS = (0.05, 0.1, 0.2)
"""Shares of the baseline's score for which the seeds needed are told."""

T = TypeVar("T")


@dataclass(frozen=True)
class Undetermined:
    """A number that the data cannot give."""

    why: str


@dataclass(frozen=True)
class Primary:
    """What a study declared beforehand to compare; the test family that is corrected together."""

    metric: str = "last10"
    baseline: str | None = None
    comparisons: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    planned_seeds: int | None = None
    correction: str = "holm"


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

    spread: float | Undetermined
    """Standard deviation over runs, with N - 1."""

    iqm: float
    """Interquartile mean."""

    max_of_mean: float | Undetermined
    failed: int
    """How many of the runs failed (diverged)."""


@dataclass(frozen=True)
class Comparison:
    """An arm against the baseline, on one task or over all of them."""

    env: str | None
    """None: over all common tasks, stratified."""

    arm: str
    baseline: str
    difference: Interval | Undetermined
    """Of means, by Welch's t."""

    by_permutation: Interval | Undetermined
    """The same by inverting a permutation test."""

    probability_of_improvement: float | Undetermined
    test: Test | Undetermined
    adjusted: float | None
    """The test's p-value after correction over its family; None if there is no test."""

    primary: bool
    """Whether it was declared beforehand, or stands for the only family there is."""

    detectable: float | Undetermined
    """The least difference that these seeds find with probability 0.8, as a share of the baseline's score."""

    seeds: Mapping[float, power.Seeds | Undetermined]
    """Effect as a share of the baseline's score -> seeds needed in each arm."""

    @property
    def established(self) -> bool:
        """Whether the corrected test rejects that there is no difference."""
        return self.adjusted is not None and self.adjusted <= ALPHA


@dataclass(frozen=True)
class Analysis:
    """All that a report shows."""

    metric: str
    metric_declared: bool
    """Whether the study declared the metric beforehand."""

    until: Mapping[str, float]
    """Task -> the environment step at which runs are compared."""

    baseline: str
    correction: str
    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...]
    excluded: tuple[Excluded, ...]
    interim: str | None
    """Why the results are not final, if they are not; then no winner is marked."""

    warnings: tuple[str, ...]
    seed: int

    @property
    def tasks(self) -> list[str]:
        """The tasks, in alphabetical order."""
        return sorted({arm.env for arm in self.arms})

    @property
    def names(self) -> list[str]:
        """The arms, the baseline first."""
        others = sorted({arm.name for arm in self.arms} - {self.baseline})
        return [self.baseline, *others]

    def arm(self, env: str, name: str) -> Arm | None:
        """Return an arm on a task, if it has runs there."""
        return next((a for a in self.arms if (a.env, a.name) == (env, name)), None)


def analyse(
    collection: Collection,
    *,
    metric: str | None = None,
    baseline: str | None = None,
    until: float | None = None,
    primary: Primary | None = None,
    random_returns: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Analysis:
    """Compare the arms of a collection.

    Args:
        collection: What was read.
        metric: One of `METRICS`; the declared one when not given.
        baseline: The arm that others are compared with; the declared one, else relu, else the first.
        until: The environment step at which runs are compared; for each task the last one that all its
            finished runs reached when not given.
        primary: What the study declared beforehand.
        random_returns: Task -> a random policy's return, which counts for failed runs from the failure on.
        seed: Of resampling.

    Raises:
        ConfigError: If the metric or the baseline does not exist.
    """
    declared = primary or Primary()
    metric = metric or declared.metric
    if metric not in METRICS:
        guess = f"; did you mean {closest(metric, METRICS)[0]!r}?" if closest(metric, METRICS) else ""
        raise ConfigError(f"--metric {metric!r} is unknown{guess} Expected one of {', '.join(METRICS)}")
    names = sorted({run.arm for run in collection.runs})
    baseline = _baseline(names, baseline or declared.baseline)
    excluded = list(collection.excluded)
    ends: dict[str, float] = {}
    arms: list[Arm] = []
    for env in sorted({run.env for run in collection.runs}):
        here = [run for run in collection.runs if run.env == env]
        ends[env] = _end(here) if until is None else until
        failure = (random_returns or {}).get(env)
        for name in names:
            arm, left_out = _arm([r for r in here if r.arm == name], metric, ends[env], failure)
            excluded += left_out
            if arm is not None:
                arms.append(arm)
    comparisons = _compare(arms, baseline, primary, seed)
    return Analysis(
        metric=metric,
        metric_declared=primary is not None and metric == primary.metric,
        until=ends,
        baseline=baseline,
        correction=declared.correction,
        arms=tuple(arms),
        comparisons=tuple(comparisons),
        excluded=tuple(excluded),
        interim=_interim(collection.runs, arms, primary),
        warnings=tuple(_warnings(collection.runs)),
        seed=seed,
    )


def _baseline(names: Sequence[str], wanted: str | None) -> str:
    if wanted is not None and wanted not in names:
        raise ConfigError(
            f"--baseline {wanted!r} is no arm of these runs; expected one of {', '.join(names)}"
        )
    return wanted or ("relu" if "relu" in names else names[0])


def _end(runs: Sequence[Run]) -> float:
    """Return the last step that all runs reached which neither failed nor still run."""
    finished = [run.steps[-1] for run in runs if run.status == "done"] or [run.steps[-1] for run in runs]
    return float(min(finished))


def _arm(
    runs: Sequence[Run], metric: str, until: float, failure: float | None
) -> tuple[Arm | None, list[Excluded]]:
    kept, scores, excluded = [], [], []
    for run in sorted(runs, key=lambda run: run.seed):
        try:
            scores.append(score(run, metric, until, failure))
            kept.append(run)
        except UndeterminedError as error:
            state = "" if run.status == "done" else f" ({run.status})"
            excluded.append(Excluded(str(run.source), f"{run.arm}, seed {run.seed}{state}: {error}"))
    if not kept:
        return None, excluded
    values = np.array(scores)
    arm = Arm(
        env=kept[0].env,
        name=kept[0].arm,
        runs=tuple(kept),
        scores=values,
        mean=determined(lambda: interval.mean_student(values)),
        spread=determined(lambda: power.pooled_spread(values)[0]),
        iqm=aggregate.interquartile_mean({"": values}),
        max_of_mean=determined(lambda: max_of_mean(kept, until)),
        failed=sum(run.status == "failed" for run in kept),
    )
    return arm, excluded


def _compare(arms: Sequence[Arm], baseline: str, primary: Primary | None, seed: int) -> list[Comparison]:
    scores: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
    for arm in arms:
        scores[arm.name][arm.env] = arm.scores
    pairs: list[tuple[str | None, str]] = []
    for name in sorted(scores):
        if name == baseline:
            continue
        tasks = aggregate.tasks_of([scores[name], scores[baseline]])
        pairs += [(env, name) for env in tasks]
        if len(tasks) > 1:
            pairs.append((None, name))
    tests = {
        (env, name): determined(partial(_test, scores[name], scores[baseline], env, seed))
        for env, name in pairs
    }
    families: dict[bool, dict[tuple[str | None, str], float]] = {True: {}, False: {}}
    for pair, test in tests.items():
        if isinstance(test, Test):
            families[_is_primary(pair, primary, len(arms))][pair] = test.p_value
    correct = (
        comparison.holm if primary is None or primary.correction == "holm" else comparison.benjamini_hochberg
    )
    # Names, for the corrections know only text.
    adjusted: dict[tuple[str | None, str], float] = {}
    for is_primary, family in families.items():
        text = {f"{env}\t{name}": p for (env, name), p in family.items()}
        corrected = (correct if is_primary else comparison.benjamini_hochberg)(text)
        adjusted.update({pair: corrected[f"{pair[0]}\t{pair[1]}"] for pair in family})
    return [
        _comparison(
            env, name, baseline, scores, tests[env, name], adjusted.get((env, name)), primary, len(arms)
        )
        for env, name in pairs
    ]


def _test(
    scores: Mapping[str, np.ndarray], baseline: Mapping[str, np.ndarray], env: str | None, seed: int
) -> Test:
    tasks = aggregate.tasks_of([scores, baseline]) if env is None else [env]
    return comparison.stratified_mann_whitney(
        {task: scores[task] for task in tasks}, {task: baseline[task] for task in tasks}, seed=seed
    )


def _is_primary(pair: tuple[str | None, str], primary: Primary | None, arms: int) -> bool:
    env, name = pair
    if primary is None:
        return True
    if primary.comparisons and name not in primary.comparisons:
        return False
    return env is None or not primary.environments or env in primary.environments


def _comparison(
    env: str | None,
    name: str,
    baseline: str,
    scores: Mapping[str, Mapping[str, np.ndarray]],
    test: Test | Undetermined,
    adjusted: float | None,
    primary: Primary | None,
    arms: int,
) -> Comparison:
    is_primary = _is_primary((env, name), primary, arms)
    if env is None:
        tasks = aggregate.tasks_of([scores[name], scores[baseline]])
        many = Undetermined("returns of different tasks have no common unit")
        pooled = determined(
            lambda: aggregate.probability_of_improvement(
                {t: scores[name][t] for t in tasks}, {t: scores[baseline][t] for t in tasks}
            )
        )
        return Comparison(env, name, baseline, many, many, pooled, test, adjusted, is_primary, many, {})
    x, y = scores[name][env], scores[baseline][env]
    scale = abs(float(y.mean()))

    def detectable() -> float:
        spread, _ = power.pooled_spread(x, y)
        if not scale:
            raise UndeterminedError("the baseline scores 0")
        return power.minimum_detectable_effect(spread, min(len(x), len(y))) / scale

    return Comparison(
        env,
        name,
        baseline,
        determined(lambda: interval.difference_welch(x, y)),
        determined(lambda: interval.difference_permutation(x, y)),
        aggregate.superiority(x, y),
        test,
        adjusted,
        is_primary,
        determined(detectable),
        {
            effect: determined(partial(power.seeds_needed_from, x, y, effect=effect * scale))
            for effect in EFFECTS
        },
    )


def determined(compute: Callable[[], T]) -> T | Undetermined:
    """Return what ``compute`` gives, or why it cannot be told."""
    try:
        return compute()
    except UndeterminedError as error:
        return Undetermined(str(error))


def _interim(runs: Sequence[Run], arms: Sequence[Arm], primary: Primary | None) -> str | None:
    unfinished = sum(run.status in ("running", "interrupted") for run in runs)
    if unfinished:
        return f"{unfinished} of {len(runs)} runs are not finished"
    if primary is None or primary.planned_seeds is None:
        return None
    short = [arm for arm in arms if len(arm.scores) < primary.planned_seeds]
    if short:
        least = min(short, key=lambda arm: len(arm.scores))
        have, planned = len(least.scores), primary.planned_seeds
        return f"{least.name} on {least.env} has {have} of {planned} planned seeds"
    return None


def _warnings(runs: Sequence[Run]) -> list[str]:
    """Return what differs between runs that should not, one line each."""
    lines = []
    facts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for run in runs:
        if run.record is not None:
            for name, version in run.record.versions.items():
                facts[name][str(version)] += 1
            facts["engine"][str(run.record.engine.get("name"))] += 1
            facts["precision"][str(run.record.engine.get("precision"))] += 1
    for name, values in facts.items():
        if len(values) > 1:
            counted = ", ".join(f"{value} ({count} runs)" for value, count in values.items())
            lines.append(f"runs differ in {name.replace('_', ' ')}: {counted}")
    failed = sum(run.status == "failed" for run in runs)
    if failed:
        lines.append(
            f"{failed} of {len(runs)} runs failed; they count, with a random policy's return from then on"
        )
    return lines


def mean_curve(
    arm: Arm, until: float, failure: float | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return an arm's learning curve: its steps [E], the mean over runs [E] and the mean's interval [2, E].

    The steps are those that all runs evaluated. The interval is Student's t at each step by itself; None with
    fewer than 2 runs.
    """
    curves = [filled(run, until, failure) for run in arm.runs]
    common = np.array(sorted(set.intersection(*({float(s) for s in steps} for steps, _ in curves))))
    common = common[common <= until]
    values = np.array([returns[np.isin(steps, common)] for steps, returns in curves])
    if len(values) < 2 or not len(common):
        return common, values.mean(axis=0), None
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    mean = values.mean(axis=0)
    return common, mean, np.array([mean - half, mean + half])
