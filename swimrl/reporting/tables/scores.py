"""Tables of scores: in the units of each task, their other intervals, and on one scale for all tasks."""

from __future__ import annotations

from collections.abc import Mapping

from swimrl.reporting.contents import Contents
from swimrl.reporting.findings import Undetermined
from swimrl.reporting.section import Section
from swimrl.reporting.tables.table import Column, Table
from swimrl.reporting.tables.text import ends, ends_of, estimate_of, number, percent, value_of, with_ends
from swimrl.reporting.verdict import better
from swimrl.runs.scores import METRIC_TITLES
from swimrl.stats.interval import Interval, percentile_coverage

TASK = Column("task", "task", is_left=True, none="all tasks")
ARM = Column("arm", "arm", is_left=True)
N = Column("n", "n")


def score_table(contents: Contents) -> Table:
    """Return the scores of every arm, the best of each task first; a star marks an established winner."""
    analysis = contents.analysis
    winners: set[tuple[str | None, str]] = set()
    if not analysis.interim:
        winners = {(c.env, better(c)) for c in analysis.comparisons if c.established}
    columns = (
        TASK,
        ARM,
        Column("winner", "*", lambda wins: "*" if wins else "", is_left=True),
        N,
        Column("mean", "mean", number()),
        Column("mean_interval", "95% interval", ends),
        Column("sd", "sd", number()),
        Column("median", "median", number()),
        Column("iqm", "IQM", number()),
        Column("max_of_mean", "max of mean", number()),
        Column("diverged", "diverged", percent),
    )
    rows = tuple(
        (
            arm.env,
            arm.name,
            (arm.env, arm.name) in winners,
            len(arm.scores),
            float(arm.scores.mean()),
            ends_of(arm.mean),
            arm.spread,
            arm.median,
            value_of(arm.iqm),
            arm.max_of_mean,
            arm.diverged / len(arm.scores),
        )
        for arm in sorted(analysis.arms, key=lambda arm: (arm.env, -float(arm.scores.mean())))
    )
    star = (
        "No winner is marked before the study is complete."
        if analysis.interim
        else "* marks an arm that a corrected test established as better."
    )
    note = (
        "95% interval: of the mean, Student's t. sd: standard deviation over runs, with n - 1. IQM: "
        f"interquartile mean. max of mean: best evaluation of the mean over runs, which is optimistic. {star}"
    )
    title = f"Scores: {METRIC_TITLES[analysis.metric]} ({analysis.metric})"
    return Table(Section.SCORES, "scores", title, columns, rows, note)


def interval_table(contents: Contents) -> Table:
    """Return other intervals of each mean, and of the interquartile mean."""
    columns = (
        TASK,
        ARM,
        N,
        Column("mean_bootstrap_t", "mean, bootstrap-t", ends),
        Column("mean_percentile", "mean, percentile", ends),
        Column("iqm", "IQM, percentile", with_ends(1)),
    )
    rows = tuple(
        (
            arm.env,
            arm.name,
            len(arm.scores),
            ends_of(arm.mean_bootstrap_t),
            ends_of(arm.mean_percentile),
            estimate_of(arm.iqm),
        )
        for arm in contents.analysis.ordered_arms
    )
    note = _percentile_note(contents)
    return Table(Section.ONE_SCALE, "intervals", "Other 95% intervals", columns, rows, note)


def normalised_table(contents: Contents) -> Table:
    """Return aggregates on the scale of random policy and baseline, or why there are none."""
    analysis = contents.analysis
    title, section, key = "Normalised scores", Section.ONE_SCALE, "normalised"
    if not any(isinstance(f, Interval) for one in analysis.normalised for f in one.aggregates.values()):
        whys = _whys([one.aggregates for one in analysis.normalised])
        why = Column("why", "why undetermined", is_left=True)
        return Table(section, key, title, (why,), tuple((one,) for one in whys), has_sentences=True)
    ordered = sorted(
        analysis.normalised,
        key=lambda one: (one.env is not None, one.env or "", analysis.names.index(one.arm)),
    )
    names = analysis.normalised[0].aggregates
    columns = (TASK, ARM, *(Column(name.replace(" ", "_"), name, with_ends(2)) for name in names))
    rows = tuple((one.env, one.arm, *map(estimate_of, one.aggregates.values())) for one in ordered)
    note = (
        f"A random policy on the same version of the task scores 0, and the mean of {analysis.baseline} "
        f"is 1; its runs are resampled together with those of the arm. Nothing is clipped. "
        f"{_percentile_note(contents)}"
    )
    return Table(section, key, title, columns, rows, note)


def _whys(aggregates: list[Mapping[str, Interval | Undetermined]]) -> list[str]:
    return sorted({f.why for one in aggregates for f in one.values() if isinstance(f, Undetermined)})


def _percentile_note(contents: Contents) -> str:
    fewest = min(len(arm.scores) for arm in contents.analysis.arms)
    simulated = percentile_coverage(fewest)
    if simulated is None:
        return "Percentile bootstrap, as in rliable; with fewer than 3 seeds it means nothing."
    runs, coverage = simulated
    return (
        f"Percentile bootstrap, as in rliable: with {runs} seeds, a 95% interval contains the truth in "
        f"{coverage:.0%} of simulated studies (results/interval-coverage)."
    )
