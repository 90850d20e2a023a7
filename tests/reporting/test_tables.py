"""What the tables say."""

from __future__ import annotations

from swimrl.reporting.contents import Contents, gather
from swimrl.reporting.findings import Analysis
from swimrl.reporting.tables import (
    Table,
    comparison_table,
    normalised_table,
    score_table,
    seeds_table,
    tables,
)
from swimrl.reporting.undetermined import reasons
from tests.reporting.studies import analysis_of, run, two_arms


def cells(table: Table) -> list[dict[str, str]]:
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def contents(analysis: Analysis) -> Contents:
    return Contents(analysis)


def test_a_star_marks_only_what_the_corrected_test_established() -> None:
    rows = cells(score_table(contents(analysis_of(two_arms()))))
    assert [(row["task"], row["arm"]) for row in rows] == [
        ("Ant-v4", "relu"),
        ("Ant-v4", "swim"),
        ("Hopper-v4", "relu"),
        ("Hopper-v4", "swim *"),
    ]
    unfinished = analysis_of([*two_arms(), run(seed=9, status="running")])
    table = score_table(contents(unfinished))
    assert not any("*" in row["arm"] for row in cells(table))
    assert "No winner is marked before the study is complete." in table.note


def test_every_row_is_as_long_as_its_header() -> None:
    for table in tables(gather(analysis_of(two_arms()))):
        assert {len(row) for row in table.rows} == {len(table.columns)}, table.title


def test_every_p_value_names_its_test_and_family() -> None:
    table = comparison_table(contents(analysis_of(two_arms())))
    assert "exact Mann-Whitney, unpaired; exact Mann-Whitney, unpaired, stratified by task" in table.note
    assert {row["family"] for row in cells(table)} == {"screen"}


def test_what_is_undetermined_is_printed_as_that_with_its_reason() -> None:
    found = contents(analysis_of([run(), run(arm="swim", level=200.0)]))
    (relu, _) = cells(score_table(found))
    assert relu["95% interval"] == relu["sd"] == "undetermined"
    assert cells(seeds_table(found))[0]["least effect found"] == "undetermined"
    why = reasons(found)
    assert "interval of the mean: 1 run; at least 2 are needed (relu on Hopper-v4, swim on Hopper-v4)" in why
    no_scale = contents(analysis_of(two_arms(), random_returns={}))
    (row,) = normalised_table(no_scale).rows
    assert "a random policy's return on Ant-v4 was never measured" in row[2]


def test_the_percentile_bootstrap_is_printed_with_its_coverage() -> None:
    note = normalised_table(contents(analysis_of(two_arms()))).note
    assert "with 5 seeds a 95% interval holds the truth in 84% of simulated studies" in note
