"""Tables of comparisons: each arm against the baseline, and what the seeds at hand can show."""

from __future__ import annotations

from swimrl.reporting.contents import Contents
from swimrl.reporting.findings import Undetermined
from swimrl.reporting.section import Section
from swimrl.reporting.tables.scores import ARM, TASK
from swimrl.reporting.tables.table import Column, Estimate, Table
from swimrl.reporting.tables.text import ends, ends_of, number, percent, value_of, with_ends
from swimrl.reporting.verdict import CORRECTIONS, METHODS, short
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
    correction = CORRECTIONS["holm" if analysis.primary is None else analysis.primary.correction]
    note = (
        f"p: {'; '.join(tests) or 'undetermined'}. The p in the verdict is corrected: in the declared "
        f"family by {correction}, in the screen by Benjamini-Hochberg's correction. "
        f"95% interval: {', '.join(methods) or 'undetermined'}. P(better): the probability that a run of "
        "the arm scores higher than a run of the baseline, ties counted half."
    )
    title = f"Against {analysis.baseline}"
    return Table(Section.COMPARISONS, "comparisons", title, columns, rows, note)


def look_table(contents: Contents) -> Table:
    """Return the declared comparisons at the last complete look of each, if the study declared looks."""
    columns = (
        TASK,
        ARM,
        Column("look", "look"),
        Column("seeds", "seeds"),
        Column("outcome", "outcome"),
        Column("p", "p", number(3)),
        Column("p_equal", "p equal", number(3)),
        Column("naive", "naive difference", number(sign=True)),
        Column("unbiased", "corrected", number(sign=True)),
        Column("unbiased_interval", "95% interval", ends),
        Column("repeated_interval", "repeated interval", ends),
        Column("chance", "chance to decide", percent),
        Column("more_seeds", "more seeds", number(0)),
    )
    primary = contents.analysis.primary
    rows = tuple(
        (
            comparison.env,
            comparison.arm,
            f"{decision.look} of {decision.looks}",
            decision.seeds,
            decision.outcome if decision.outcome != "equal" else f"equal within {decision.margin}",
            decision.adjusted,
            decision.adjusted_equal,
            value_of(decision.naive),
            value_of(decision.unbiased),
            ends_of(decision.unbiased),
            ends_of(decision.repeated),
            decision.chance,
            decision.more_seeds,
        )
        for comparison in contents.analysis.comparisons
        if (decision := comparison.decision) is not None
        and primary is not None
        and primary.sequential is not None
    )
    note = (
        "Each comparison at its last complete look. p and p equal are the least levels at which the "
        "sequential tests reject, corrected for the number of comparisons. The naive difference takes no "
        "account of the looks; the corrected one is median-unbiased after stopping; the repeated interval "
        "holds at all looks at once. Chance to decide: at the last look, by the trend so far. More seeds: "
        "those of each arm that would be expected to decide, by the trend so far."
    )
    return Table(Section.COMPARISONS, "looks", "Looks", columns, rows, note)


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
