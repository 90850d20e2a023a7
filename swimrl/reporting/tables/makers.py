"""Every table that a report can have."""

from __future__ import annotations

from collections.abc import Callable

from swimrl.reporting.contents import Contents
from swimrl.reporting.tables.comparisons import comparison_table, look_table, seeds_table
from swimrl.reporting.tables.overview import difference_table, overview_table
from swimrl.reporting.tables.ranks import rank_table
from swimrl.reporting.tables.runs import published_table, run_table
from swimrl.reporting.tables.scores import interval_table, normalised_table, score_table
from swimrl.reporting.tables.settings import cost_table, sensitivity_table
from swimrl.reporting.tables.table import Table
from swimrl.reporting.tables.tuning import tuning_table

MAKERS: tuple[Callable[[Contents], Table], ...] = (
    overview_table,
    score_table,
    difference_table,
    comparison_table,
    look_table,
    seeds_table,
    normalised_table,
    interval_table,
    rank_table,
    sensitivity_table,
    cost_table,
    tuning_table,
    run_table,
    published_table,
)
"""Within a section, tables stand in this order."""


def tables(contents: Contents) -> list[Table]:
    """Return every table that has rows."""
    return [table for make in MAKERS if (table := make(contents)).rows]
