"""The table of average ranks over tasks."""

from __future__ import annotations

from swimrl.reporting.contents import Contents
from swimrl.reporting.findings import ALPHA, Undetermined
from swimrl.reporting.section import Section
from swimrl.reporting.tables.scores import ARM
from swimrl.reporting.tables.table import Column, Table
from swimrl.reporting.tables.text import number
from swimrl.reporting.verdict import named, p_value


def rank_table(contents: Contents) -> Table:
    """Return the average rank of every arm; empty with one task or two arms."""
    ranking, analysis = contents.ranking, contents.analysis
    if isinstance(ranking, Undetermined):
        return Table(Section.RANKS, "ranks", "Average ranks", (), ())
    baseline = ranking.names.index(analysis.baseline) if analysis.baseline in ranking.names else None
    columns = (
        ARM,
        Column("rank", "average rank", number(2)),
        Column("firsts", "tasks won", number(1)),
        Column("p_wilcoxon", f"against {analysis.baseline}, p (Wilcoxon, Holm)", p_value),
        Column("nemenyi", "differs by Nemenyi", lambda differs: "yes" if differs else "no"),
    )
    rows = tuple(
        (
            name,
            float(ranking.average[place]),
            float(ranking.firsts[place]),
            None if baseline in (None, place) else float(ranking.wilcoxon[place, baseline]),
            None
            if baseline in (None, place)
            else bool(abs(ranking.average[place] - ranking.average[baseline]) >= ranking.critical_difference),
        )
        for place, name in enumerate(ranking.names)
    )
    left = [name for name in analysis.names if name not in ranking.names]
    note = (
        f"A screen, as the literature makes it: each of {ranking.tasks} tasks ranks the arms by their mean "
        f"scores, and how sure these are does not enter. {ranking.friedman.name}: p "
        f"{p_value(ranking.friedman.p_value)}. Wilcoxon's p is corrected by Holm over all pairs of arms; "
        f"with {ranking.tasks} tasks it cannot be below {p_value(ranking.least_p)}"
        f"{', so it can establish nothing' if ranking.least_p > ALPHA else ''}. Nemenyi: average ranks that "
        f"differ by {ranking.critical_difference:.2f} or more differ at level {ALPHA:g}."
        f"{f' Without {named(left)}, which lack a task.' if left else ''}"
    )
    return Table(Section.RANKS, "ranks", "Average ranks", columns, rows, note)
