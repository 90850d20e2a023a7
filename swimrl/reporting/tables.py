"""The tables of a report, as text. Whatever writes them down takes them from here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from swimrl.reporting.contents import Contents
from swimrl.reporting.findings import Arm, Undetermined
from swimrl.reporting.verdict import better, short
from swimrl.runs.scores import METRIC_TITLES
from swimrl.stats.interval import Interval, percentile_coverage


@dataclass(frozen=True)
class Table:
    """A table of texts."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    """What must be known to read it."""

    has_words: bool = False
    """Whether its cells hold sentences, which may break."""


def tables(contents: Contents) -> list[Table]:
    """Return every table that has rows, in the order of the page."""
    makers: Sequence[Callable[[Contents], Table]] = (
        score_table,
        comparison_table,
        seeds_table,
        normalised_table,
        interval_table,
        sensitivity_table,
        cost_table,
        run_table,
        published_table,
    )
    return [table for make in makers if (table := make(contents)).rows]


def score_table(contents: Contents) -> Table:
    """Return the table of scores; a winner is marked with * only where the corrected test says so."""
    analysis = contents.analysis
    winners = set()
    if not analysis.interim:
        winners = {(c.env, better(c)) for c in analysis.comparisons if c.established and c.env}
    rows = tuple(
        (
            arm.env,
            arm.name + (" *" if (arm.env, arm.name) in winners else ""),
            str(len(arm.scores)),
            f"{arm.scores.mean():,.1f}",
            interval_text(arm.mean),
            shown(arm.spread),
            f"{arm.median:,.1f}",
            estimate_text(arm.iqm),
            shown(arm.max_of_mean),
            f"{arm.diverged / len(arm.scores):.0%}",
        )
        for arm in _arms(contents)
    )
    columns = (
        *("task", "arm", "n", "mean", "95% interval", "sd"),
        *("median", "IQM", "max of mean", "diverged"),
    )
    star = (
        "No winner is marked before the study is complete."
        if analysis.interim
        else "* marks what a corrected test established."
    )
    note = (
        f"Interval: Student's t. sd: over runs, with n - 1. IQM: interquartile mean. max of mean: best "
        f"evaluation of the mean over runs, optimistic. {star}"
    )
    return Table(f"Scores: {METRIC_TITLES[analysis.metric]} ({analysis.metric})", columns, rows, note)


def comparison_table(contents: Contents) -> Table:
    """Return the table of comparisons with the baseline."""
    analysis = contents.analysis
    rows = tuple(
        (
            comparison.env or "all tasks",
            comparison.arm,
            estimate_text(comparison.difference, sign=True),
            interval_text(comparison.difference),
            interval_text(comparison.by_permutation),
            shown(comparison.probability_of_improvement, 2),
            "undetermined" if isinstance(comparison.test, Undetermined) else f"{comparison.test.p_value:.3f}",
            "declared" if comparison.primary else "screen",
            short(comparison, analysis),
        )
        for comparison in analysis.comparisons
    )
    columns = (
        *("task", "arm", "difference", "95% interval", "by permutation"),
        *("P(better)", "p", "family", "verdict"),
    )
    tests = list(
        dict.fromkeys(c.test.name for c in analysis.comparisons if not isinstance(c.test, Undetermined))
    )
    correction = analysis.primary.correction if analysis.primary is not None else "holm"
    note = (
        f"p: {'; '.join(tests) or 'undetermined'}. The verdict's p is corrected: the declared family by "
        f"{'Holm' if correction == 'holm' else 'Benjamini-Hochberg'}, the others by Benjamini-Hochberg. "
        f"Interval: {', '.join(_methods(contents)) or 'undetermined'}."
    )
    return Table(f"Against {analysis.baseline}", columns, rows, note)


def _methods(contents: Contents) -> list[str]:
    found = [c.difference.method for c in contents.analysis.comparisons if isinstance(c.difference, Interval)]
    return list(dict.fromkeys(found))


def seeds_table(contents: Contents) -> Table:
    """Return what the seeds at hand can show, and how many would be needed."""
    comparisons = [c for c in contents.analysis.comparisons if c.env is not None]
    rows = tuple(
        (
            str(comparison.env),
            comparison.arm,
            f"{comparison.detectable:.0%}" if isinstance(comparison.detectable, float) else "undetermined",
            *(
                f"undetermined: {found.why}"
                if isinstance(found, Undetermined)
                else f"{found.needed} [{found.low}, {found.high}]"
                for found in comparison.seeds_needed.values()
            ),
        )
        for comparison in comparisons
    )
    effects = comparisons[0].seeds_needed if comparisons else {}
    columns = ("task", "arm", "least effect found", *(f"seeds for {effect:.0%}" for effect in effects))
    note = (
        "Effects as shares of the baseline's score, found with probability 0.8 by a t test at level 0.05; "
        "seeds in each arm, with the 95% interval that comes from how badly the spread is known."
    )
    return Table("What these seeds can show", columns, rows, note)


def normalised_table(contents: Contents) -> Table:
    """Return aggregates on the scale of random policy and baseline."""
    analysis = contents.analysis
    rows = tuple(
        (one.env or "all tasks", one.arm, *(_with_interval(found) for found in one.aggregates.values()))
        for one in sorted(
            analysis.normalised,
            key=lambda one: (one.env is not None, one.env or "", analysis.names.index(one.arm)),
        )
    )
    if all(isinstance(f, Undetermined) for one in analysis.normalised for f in one.aggregates.values()):
        whys = {
            f.why
            for one in analysis.normalised
            for f in one.aggregates.values()
            if isinstance(f, Undetermined)
        }
        rows = (("all", "all", f"undetermined: {'; '.join(sorted(whys))}"),) if whys else ()
        return Table("Normalised scores", ("task", "arm", "why"), rows, has_words=True)
    names = analysis.normalised[0].aggregates if analysis.normalised else {}
    note = (
        f"0 is a random policy on that version of the task, 1 the mean of {analysis.baseline}, resampled "
        f"together with the arm; nothing is clipped. {_percentile_note(contents)}"
    )
    return Table("Normalised scores", ("task", "arm", *names), rows, note)


def interval_table(contents: Contents) -> Table:
    """Return other intervals of each mean, and of the interquartile mean."""
    rows = tuple(
        (
            arm.env,
            arm.name,
            str(len(arm.scores)),
            interval_text(arm.mean_bootstrap_t),
            interval_text(arm.mean_percentile),
            _with_interval(arm.iqm, 1),
        )
        for arm in _arms(contents)
    )
    columns = ("task", "arm", "n", "mean, bootstrap-t", "mean, percentile", "IQM, percentile")
    return Table("Other 95% intervals", columns, rows, _percentile_note(contents))


def _percentile_note(contents: Contents) -> str:
    fewest = min(len(arm.scores) for arm in contents.analysis.arms)
    simulated = percentile_coverage(fewest)
    if simulated is None:
        return "Percentile bootstrap, rliable-compatible; with fewer than 3 seeds it means nothing."
    runs, coverage = simulated
    return (
        f"Percentile bootstrap, rliable-compatible: with {runs} seeds a 95% interval holds the truth in "
        f"{coverage:.0%} of simulated studies (results/interval-coverage)."
    )


def sensitivity_table(contents: Contents) -> Table:
    """Return each activation's score at the common default and at its best setting."""
    rows = []
    for one in contents.sensitivity:
        for name in one.lines:
            default, best = one.at_default(name), one.best(name)
            common = "not run" if default is None else f"{default.arm.scores.mean():,.1f}"
            rows.append((one.env, name, common, f"{best.value:g}", f"{best.arm.scores.mean():,.1f}"))
    key = contents.sensitivity[0].key if contents.sensitivity else ""
    value = contents.sensitivity[0].default if contents.sensitivity else None
    at = "not run" if value is None else f"{value:g}"
    columns = ("task", "activation", f"at the default ({at})", f"best {key}", "there")
    note = "The best of several settings is optimistic: it was chosen by the score that it shows."
    return Table(f"Sensitivity to {key}", columns, tuple(rows), note)


def cost_table(contents: Contents) -> Table:
    """Return what each arm's activation costs, in every form."""
    costs = contents.costs
    if costs is None:
        return Table("Cost", (), ())
    rows = []
    for name in contents.analysis.names:
        arm = next(arm for arm in contents.analysis.arms if arm.name == name)
        cells = []
        for form in costs.forms:
            found = costs.of(arm, form)
            if found is None:
                cells.append("not measured")
            else:
                ends = "" if found.low is None else f" [{found.low:.1f}, {found.high:.1f}]"
                cells.append(f"{found.value:.1f}{ends}")
        rows.append((name, *cells))
    note = f"Medians with 95% intervals, measured by `swimrl bench` on one host: {costs.host}."
    return Table(f"Cost, {costs.unit}", ("arm", *costs.forms), tuple(rows), note)


def run_table(contents: Contents) -> Table:
    """Return what was run: and where there is a record, its formula, settings, versions, hosts."""
    return Table(
        "What was run",
        ("task", "arm", "seeds", "formula", "settings", "versions", "host"),
        tuple(
            (arm.env, arm.name, seed_ranges(r.seed for r in arm.runs), *_recorded(arm))
            for arm in _arms(contents)
        ),
        has_words=True,
    )


def _recorded(arm: Arm) -> tuple[str, str, str, str]:
    records = [run.record for run in arm.runs if run.record is not None]
    if not records:
        return ("not recorded",) * 4
    first = records[0]
    layers = [*first.activations.get("actor", []), *first.activations.get("critic", [])]
    formulas = dict.fromkeys(str(layer.get("formula") or layer.get("name")) for layer in layers)
    config, td3 = first.config, first.config.get("td3", {})
    settings = (
        f"{config['steps']:,} steps, net {config.get('net')}, lr {td3.get('lr')}, batch "
        f"{td3.get('batch_size')}, engine {first.engine.get('name')}, {first.engine.get('precision')}"
    )
    named = ("swimrl", "torch", "mujoco", "gymnasium", "stable-baselines3")
    versions = ", ".join(f"{name} {first.versions.get(name)}" for name in named)
    hosts = dict.fromkeys(str(record.host.get("processor")) for record in records)
    return "; ".join(formulas), settings, versions, ", ".join(hosts)


def published_table(contents: Contents) -> Table:
    """Return other people's scores on the same tasks."""
    rows = tuple(
        (
            one.env,
            f"{one.mean:,.1f}" + ("" if one.sd is None else f" ± {one.sd:,.1f}"),
            one.metric,
            str(one.seeds),
            f"{one.steps:,}",
            f"{one.source} ({one.where})",
        )
        for one in contents.published
    )
    note = "Other versions of the tasks, other seeds and settings: nothing above is computed from these."
    columns = ("task", "TD3, mean ± sd", "metric", "n", "steps", "source")
    return Table("Published, for orientation", columns, rows, note, has_words=True)


def seed_ranges(seeds: Iterable[int]) -> str:
    """Return seeds as text.

    Example:
        >>> seed_ranges([0, 1, 2, 3, 7])
        '0-3, 7'
    """
    parts: list[list[int]] = []
    for seed in sorted(seeds):
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    return ", ".join(str(p[0]) if len(p) == 1 else f"{p[0]}-{p[-1]}" for p in parts)


def interval_text(found: Interval | Undetermined, digits: int = 1) -> str:
    """Return an interval as text."""
    if isinstance(found, Undetermined):
        return "undetermined"
    return f"[{found.low:,.{digits}f}, {found.high:,.{digits}f}]"


def estimate_text(found: Interval | Undetermined, *, sign: bool = False) -> str:
    """Return what an interval is of, as text."""
    if isinstance(found, Undetermined):
        return "undetermined"
    return f"{found.estimate:+,.1f}" if sign else f"{found.estimate:,.1f}"


def _with_interval(found: Interval | Undetermined, digits: int = 2) -> str:
    if isinstance(found, Undetermined):
        return "undetermined"
    return f"{found.estimate:,.{digits}f} {interval_text(found, digits)}"


def shown(value: float | Undetermined, digits: int = 1) -> str:
    """Return a number as text, or that it is undetermined."""
    return "undetermined" if isinstance(value, Undetermined) else f"{value:,.{digits}f}"


def _arms(contents: Contents) -> list[Arm]:
    analysis = contents.analysis
    found = (analysis.arm(env, name) for env in analysis.tasks for name in analysis.names)
    return [arm for arm in found if arm is not None]
