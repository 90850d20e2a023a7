"""Tables of comparisons: each arm against the baseline, and what the seeds at hand can show."""

from __future__ import annotations

from swimrl.reporting.contents import Contents
from swimrl.reporting.findings import Undetermined
from swimrl.reporting.section import Section
from swimrl.reporting.tables.scores import ARM, TASK
from swimrl.reporting.tables.table import Column, Estimate, Table
from swimrl.reporting.tables.text import ends, ends_of, number, percent, value_of, with_ends
from swimrl.reporting.verdict import METHODS, short
from swimrl.stats.interval import Interval
from swimrl.stats.power import Seeds


def comparison_table(contents: Contents) -> Table:
    """Return every comparison with the baseline."""
    analysis = contents.analysis
    columns = (
        TASK,
        ARM,
        Column("difference", "difference", number(sign=True)),
        Column("difference_interval", "95% interval", ends),
        Column("difference_permutation", "by permutation", ends),
        Column("p_better", "P(better)", number(2)),
        Column("p", "p", number(3)),
        Column("family", "family"),
        Column("verdict", "verdict"),
    )
    rows = tuple(
        (
            comparison.env,
            comparison.arm,
            value_of(comparison.difference),
            ends_of(comparison.difference),
            ends_of(comparison.by_permutation),
            comparison.probability_of_improvement,
            comparison.test if isinstance(comparison.test, Undetermined) else comparison.test.p_value,
            "declared" if comparison.primary else "screen",
            short(comparison, analysis),
        )
        for comparison in analysis.comparisons
    )
    tests = dict.fromkeys(c.test.name for c in analysis.comparisons if not isinstance(c.test, Undetermined))
    methods = dict.fromkeys(
        METHODS[c.difference.method] for c in analysis.comparisons if isinstance(c.difference, Interval)
    )
    is_holm = analysis.primary is None or analysis.primary.correction == "holm"
    correction = "Holm" if is_holm else "Benjamini-Hochberg"
    note = (
        f"p: {'; '.join(tests) or 'undetermined'}. The p in the verdict is corrected: in the declared "
        f"family by {correction}, in the screen by Benjamini-Hochberg. "
        f"95% interval: {', '.join(methods) or 'undetermined'}. P(better): the probability that a run of "
        "the arm scores higher than a run of the baseline, ties counted half."
    )
    title = f"Against {analysis.baseline}"
    return Table(Section.COMPARISONS, "comparisons", title, columns, rows, note)


def seeds_table(contents: Contents) -> Table:
    """Return what the seeds at hand can show, and how many would be needed."""
    comparisons = [c for c in contents.analysis.comparisons if c.env is not None]
    effects = comparisons[0].seeds_needed if comparisons else {}
    columns = (
        TASK,
        ARM,
        Column("least_effect", "smallest effect found", percent),
        *(Column(f"seeds_{effect:.0%}", f"seeds for {effect:.0%}", with_ends(0)) for effect in effects),
    )
    rows = tuple(
        (
            comparison.env,
            comparison.arm,
            comparison.detectable,
            *map(_seeds, comparison.seeds_needed.values()),
        )
        for comparison in comparisons
    )
    note = (
        "Effects are shares of the baseline's score that a t test at level 0.05 finds with probability 0.8. "
        "Seeds are those of each arm; their 95% interval is that of the spread of the scores, which few "
        "seeds estimate only roughly."
    )
    return Table(Section.COMPARISONS, "seeds", "What these seeds can show", columns, rows, note)


def _seeds(needed: Seeds | Undetermined) -> Estimate | Undetermined:
    if isinstance(needed, Undetermined):
        return needed
    return Estimate(needed.needed, needed.low, needed.high)
