"""The analysis of runs: scores, intervals, tests and warnings. The unit is the run.

Nothing here reads a file or draws a figure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from swimrl.errors import ConfigError, UndeterminedError, closest
from swimrl.reporting import tuning
from swimrl.reporting.comparisons import compare
from swimrl.reporting.declaration import canonical, declaration
from swimrl.reporting.findings import Analysis, Arm, Comparison, Normalised, Undetermined, determined
from swimrl.reporting.metrics import max_of_mean, score
from swimrl.reporting.read import Collection, Excluded, Run
from swimrl.runs.declaration import FIRST_TUNING_SEED, Primary
from swimrl.runs.scores import METRICS
from swimrl.stats import aggregate, interval, power
from swimrl.stats.interval import Interval
from swimrl.stats.normalised import normalised_intervals

AGGREGATES: Mapping[str, aggregate.Aggregate] = {
    "mean": aggregate.mean,
    "median": aggregate.median,
    "interquartile mean": aggregate.interquartile_mean,
    "optimality gap": aggregate.optimality_gap,
}
"""The aggregates of normalised scores, by name."""


def analyse(
    collection: Collection,
    *,
    metric: str | None = None,
    baseline: str | None = None,
    by: Sequence[str] = ("act",),
    until: float | None = None,
    random_returns: Mapping[str, float] | None = None,
    seed: int = 0,
) -> Analysis:
    """Compare the arms of a collection.

    Args:
        collection: The runs.
        metric: One of `METRICS`; the declared one when not given, or last10 if none was declared.
        baseline: The arm that others are compared with; the declared one when not given, or the first that
            exists of relu, swish and the arms in alphabetical order.
        by: Keys of the configuration by which the arms were told apart when the runs were read.
        until: The environment step at which runs are compared; for each task the last one that all its
            finished runs reached when not given.
        random_returns: The return of a random policy, by task.
        seed: Seed of resampling.

    Raises:
        ConfigError: If the metric or the baseline does not exist, no run has a score, or runs of tuning are
            among others.
    """
    _refuse_tuning_seeds(collection.runs)
    declared = declaration(collection.runs)
    primary = declared.primary
    names = sorted({run.arm for run in collection.runs})
    metric = metric or (primary.metric if primary else "last10")
    if metric not in METRICS:
        guess = f"; did you mean {closest(metric, METRICS)[0]!r}?" if closest(metric, METRICS) else ""
        raise ConfigError(f"--metric {metric!r} is unknown{guess} Expected one of {', '.join(METRICS)}")
    chosen = _baseline(names, baseline, primary)
    zero = dict(random_returns or {})
    excluded = list(collection.excluded)
    ends: dict[str, float] = {}
    failure: dict[str, float] = {}
    arms: list[Arm] = []
    for env, of_arms in _by_task(collection.runs).items():
        ends[env] = _end([run for runs in of_arms.values() for run in runs]) if until is None else until
        for runs in of_arms.values():
            arm, left_out = _arm(runs, metric, ends[env], zero.get(env), primary, seed)
            excluded += left_out
            if arm is not None:
                arms.append(arm)
        if env in zero:
            failure[env] = zero[env]
    if not arms:
        raise ConfigError(f"no run has a score {metric}; the first: {excluded[0].source}: {excluded[0].why}")
    if not any(arm.name == chosen for arm in arms):
        chosen = arms[0].name
    as_declared = primary is not None and (metric, chosen, tuple(by), until) == (
        primary.metric,
        primary.baseline,
        ("act",),
        None,
    )
    comparisons = compare(arms, chosen, primary if as_declared else None, collection.runs, seed)
    return Analysis(
        metric=metric,
        metric_declared=as_declared,
        by=tuple(by),
        until=ends,
        baseline=chosen,
        primary=primary,
        primary_sha256=declared.sha256,
        arms=tuple(arms),
        comparisons=tuple(comparisons),
        normalised=tuple(_normalised(arms, chosen, zero, seed)),
        excluded=tuple(excluded),
        interim=_interim(collection, arms, primary, comparisons),
        warnings=(
            *declared.warnings,
            *tuning.warnings(collection.runs),
            *_warnings(collection.runs, arms, ends, zero),
        ),
        failure=failure,
        zero=zero,
        seed=seed,
    )


def _refuse_tuning_seeds(runs: Sequence[Run]) -> None:
    """Refuse runs of a tuning beside others: their settings were chosen for their scores."""
    ours = [run for run in runs if run.record is not None]
    trials = [run for run in ours if run.seed >= FIRST_TUNING_SEED]
    if trials and len(trials) < len(ours):
        raise ConfigError(
            f"{len(trials)} of {len(ours)} runs have seeds from {FIRST_TUNING_SEED} on, which are for "
            f"tuning, such as {trials[0].source}; report them apart from the others"
        )


def _baseline(names: Sequence[str], wanted: str | None, primary: Primary | None) -> str:
    if wanted is not None:
        arm = next((name for name in (wanted, canonical(wanted)) if name in names), None)
        if arm is None:
            raise ConfigError(
                f"--baseline {wanted!r} is not an arm of these runs; expected one of {', '.join(names)}"
            )
        return arm
    preferred = [*([primary.baseline] if primary else []), "relu", "swish"]
    return next((name for name in preferred if name in names), names[0])


def _end(runs: Sequence[Run]) -> float:
    """Return the last step that every finished run reached, or every run if none is finished."""
    finished = [run.steps[-1] for run in runs if run.status == "done"] or [run.steps[-1] for run in runs]
    return float(min(finished))


def scores_by_seed(
    collection: Collection, primary: Primary, random_returns: Mapping[str, float]
) -> tuple[dict[str, dict[str, dict[int, float]]], list[Excluded]]:
    """Return the declared score of every run by task, arm and seed, and the runs that have none.

    Args:
        collection: The runs.
        primary: The declaration.
        random_returns: The return of a random policy, by task.
    """
    scores: dict[str, dict[str, dict[int, float]]] = {}
    excluded = list(collection.excluded)
    for env, of_arms in _by_task(collection.runs).items():
        until = _end([run for runs in of_arms.values() for run in runs])
        for arm, runs in of_arms.items():
            kept, values, left_out = _scored(runs, primary.metric, until, random_returns.get(env), primary)
            excluded += left_out
            if kept:
                seeds = (run.seed for run in kept)
                scores.setdefault(env, {})[arm] = dict(zip(seeds, values, strict=True))
    return scores, excluded


def _by_task(runs: Sequence[Run]) -> dict[str, dict[str, list[Run]]]:
    """Return the runs by task and arm, both in alphabetical order."""
    by_task: dict[str, dict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
    for run in sorted(runs, key=lambda run: (run.env, run.arm)):
        by_task[run.env][run.arm].append(run)
    return by_task


def _scored(
    runs: Sequence[Run], metric: str, until: float, random_return: float | None, primary: Primary | None
) -> tuple[list[Run], list[float], list[Excluded]]:
    """Return the runs of an arm that have a score, in the order of seeds, their scores, and the others."""

    def failure(run: Run) -> float:
        if primary is not None and primary.diverged == "last-evaluation":
            return float(run.returns[-1])
        # Where no random policy was measured, the untrained policy stands for it.
        return float(run.returns[0]) if random_return is None else random_return

    kept, scores, excluded = [], [], []
    for run in sorted(runs, key=lambda run: run.seed):
        try:
            scores.append(score(run, metric, until, failure(run)))
            kept.append(run)
        except UndeterminedError as error:
            state = "" if run.status == "done" else f" ({run.status})"
            excluded.append(Excluded(str(run.source), f"{run.arm}, seed {run.seed}{state}: {error}"))
    return kept, scores, excluded


def _arm(
    runs: Sequence[Run],
    metric: str,
    until: float,
    random_return: float | None,
    primary: Primary | None,
    seed: int,
) -> tuple[Arm | None, list[Excluded]]:
    kept, scores, excluded = _scored(runs, metric, until, random_return, primary)
    if not kept:
        return None, excluded
    values = np.array(scores)
    alone = {"": values}
    arm = Arm(
        env=kept[0].env,
        name=kept[0].arm,
        runs=tuple(kept),
        scores=values,
        mean=determined(lambda: interval.mean_student(values)),
        mean_bootstrap_t=determined(lambda: interval.mean_bootstrap_t(values, seed=seed)),
        mean_percentile=determined(lambda: interval.percentile_bootstrap(aggregate.mean, alone, seed=seed)),
        spread=determined(lambda: power.pooled_spread(values)[0]),
        median=float(aggregate.median(alone)),
        iqm=determined(lambda: interval.percentile_bootstrap(aggregate.interquartile_mean, alone, seed=seed)),
        max_of_mean=determined(lambda: max_of_mean(kept, until, random_return)),
        diverged=sum(run.has_diverged for run in kept),
    )
    return arm, excluded


def _normalised(
    arms: Sequence[Arm], baseline: str, zero: Mapping[str, float], seed: int
) -> Iterable[Normalised]:
    scores: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
    for arm in arms:
        scores[arm.name][arm.env] = arm.scores
    for name, of_arm in scores.items():
        tasks = aggregate.tasks_of([of_arm, scores[baseline]])
        groups: list[tuple[str | None, list[str]]] = [(env, [env]) for env in tasks]
        if len(tasks) > 1:
            groups.append((None, tasks))
        for env, group in groups:
            ones = {task: scores[baseline][task] for task in group}
            runs = ones if name == baseline else {task: of_arm[task] for task in group}
            try:
                aggregates: Mapping[str, Interval | Undetermined] = normalised_intervals(
                    AGGREGATES, runs, ones, zero, seed=seed
                )
            except UndeterminedError as error:
                aggregates = dict.fromkeys(AGGREGATES, Undetermined(str(error)))
            yield Normalised(env, name, aggregates)


def _interim(
    collection: Collection, arms: Sequence[Arm], primary: Primary | None, comparisons: Sequence[Comparison]
) -> str | None:
    runs = collection.runs
    unfinished = sum(run.status in ("running", "stopped", "interrupted") for run in runs)
    are = "is" if unfinished == 1 else "are"
    reasons = [f"{unfinished} of {len(runs)} runs {are} not finished"] if unfinished else []
    if collection.not_begun:
        verb = "has" if collection.not_begun == 1 else "have"
        reasons.append(
            f"{collection.not_begun} of {collection.planned} planned runs {verb} no evaluation yet"
        )
    if primary is not None and primary.sequential is not None:
        decided = {c.arm for c in comparisons if c.decision is not None and c.decision.is_over}
        waiting = [name for name in primary.comparisons if name not in decided]
        if waiting:
            reasons.append(f"the next look at {', '.join(waiting)} is to come")
    elif primary is not None:
        counted = {(arm.env, arm.name): len(arm.scores) for arm in arms}
        envs = primary.environments or sorted({run.env for run in runs})
        planned = [(env, name) for env in envs for name in (primary.baseline, *primary.comparisons)]
        env, name = min(planned, key=lambda pair: counted.get(pair, 0))
        have = counted.get((env, name), 0)
        if have < primary.planned_seeds:
            reasons.append(f"{name} on {env} has {have} of {primary.planned_seeds} planned seeds")
    return "; ".join(reasons) or None


def _network_of(config: Mapping[str, Any]) -> str:
    """Return the widths of the networks, of the actor too if they differ."""
    actor = config.get("net_actor")
    return str(config.get("net")) if actor is None else f"{config.get('net')} with actor {actor}"


def _warnings(
    runs: Sequence[Run], arms: Sequence[Arm], ends: Mapping[str, float], zero: Mapping[str, float]
) -> list[str]:
    """Return one line for each fact in which runs differ and should not, and for each assumption."""
    lines = list(dict.fromkeys(run.note for run in runs if run.note))
    facts: dict[str, Counter[str]] = defaultdict(Counter)
    for run in runs:
        if run.record is not None:
            facts["processor"][str(run.record.host.get("processor"))] += 1
            facts["engine"][str(run.record.engine.get("name"))] += 1
            facts["precision"][str(run.record.engine.get("precision"))] += 1
            facts["network"][_network_of(run.record.config)] += 1
            for name, version in run.record.versions.items():
                facts[name.replace("_", " ")][str(version)[:12]] += 1
    for name, values in facts.items():
        if len(values) > 1:
            counted = ", ".join(f"{value} ({count} runs)" for value, count in values.items())
            lines.append(f"runs differ in {name}: {counted}")
    for env, end in ends.items():
        further = sum(run.steps[-1] > end for run in runs if run.env == env)
        if further:
            lines.append(
                f"on {env}, {_runs(further)} continued beyond step {end:,.0f}, at which runs are compared"
            )
    diverged = sum(arm.diverged for arm in arms)
    if diverged:
        lines.append(f"{_runs(diverged)} diverged; diverged runs are part of the scores (docs/reporting.md)")
    unmeasured = sorted({arm.env for arm in arms if arm.diverged and arm.env not in zero})
    if unmeasured:
        lines.append(
            f"no random policy was measured on {', '.join(unmeasured)}, so a diverged run scores the return "
            "of its own untrained policy there"
        )
    return lines


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"
