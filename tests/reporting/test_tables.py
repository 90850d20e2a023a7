"""What the tables say."""

from __future__ import annotations

import sys
import types

import pytest

from swimrl.errors import InputError
from swimrl.reporting.contents import Contents
from swimrl.reporting.findings import Analysis, Undetermined
from swimrl.reporting.section import Section
from swimrl.reporting.tables.comparisons import comparison_table, seeds_table
from swimrl.reporting.tables.scores import normalised_table, score_table
from swimrl.reporting.tables.table import Column, Estimate, Table
from swimrl.reporting.undetermined import reasons
from tests.reporting.studies import analysis_of, run, two_arms


def cells(table: Table) -> list[dict[str, str]]:
    return [dict(zip(table.keys, row, strict=True)) for row in table.texts()]


def contents(analysis: Analysis) -> Contents:
    return Contents(analysis)


def test_a_star_marks_only_what_the_corrected_test_established() -> None:
    rows = cells(score_table(contents(analysis_of(two_arms()))))
    assert [(row["task"], row["arm"], row["winner"]) for row in rows] == [
        ("Ant-v4", "swim", ""),
        ("Ant-v4", "relu", ""),
        ("Hopper-v4", "swim", "*"),
        ("Hopper-v4", "relu", ""),
    ]
    unfinished = analysis_of([*two_arms(), run(seed=9, status="running")])
    table = score_table(contents(unfinished))
    assert not any(row["winner"] for row in cells(table))
    assert "No winner is marked before the study is complete." in table.note


def test_every_p_value_names_its_test_and_family() -> None:
    table = comparison_table(contents(analysis_of(two_arms())))
    assert "exact Mann-Whitney, unpaired; exact Mann-Whitney, unpaired, stratified by task" in table.note
    assert {row["family"] for row in cells(table)} == {"screen"}


def test_what_is_undetermined_is_printed_as_that_with_its_reason() -> None:
    found = contents(analysis_of([run(), run(arm="swim", level=200.0)]))
    (relu, _) = cells(score_table(found))
    assert relu["mean_interval"] == relu["sd"] == "undetermined"
    assert cells(seeds_table(found))[0]["least_effect"] == "undetermined"
    assert cells(seeds_table(found))[0]["seeds_10%"] == "undetermined"
    why = reasons(found)
    assert "interval of the mean: 1 run; at least 2 are needed (relu on Hopper-v4, swim on Hopper-v4)" in why
    assert any(line.startswith("seeds for 10%: ") for line in why)
    no_scale = contents(analysis_of(two_arms(), random_returns={}))
    whys = [row["why"] for row in cells(normalised_table(no_scale))]
    assert any("a random policy's return on Ant-v4 was never measured" in why for why in whys)


def test_the_percentile_bootstrap_is_printed_with_its_coverage() -> None:
    note = normalised_table(contents(analysis_of(two_arms()))).note
    assert "with 5 seeds, a 95% interval contains the truth in 84% of simulated studies" in note


def test_columns_are_chosen_by_key_and_keep_their_cells() -> None:
    table = score_table(contents(analysis_of(two_arms())))
    chosen = table.only("sd", "task")
    assert chosen.keys == ("sd", "task")
    assert [row["sd"] for row in cells(chosen)] == [row["sd"] for row in cells(table)]
    with pytest.raises(KeyError, match="no_such_column"):
        table.only("no_such_column")


def test_a_table_that_does_not_fit_together_cannot_be_made() -> None:
    columns = (Column("task", "task"), Column("n", "n"))
    with pytest.raises(ValueError, match="'elsewhere' is not a valid Section"):
        Table("elsewhere", "key", "title", columns, ())  # type: ignore[arg-type]  # as a typing error would
    with pytest.raises(ValueError, match="2 columns and a row of 1 cells"):
        Table(Section.SCORES, "key", "title", columns, (("Hopper-v4",),))
    with pytest.raises(ValueError, match="two columns of one key: task, task"):
        Table(Section.SCORES, "key", "title", columns[:1] * 2, ())


def test_records_are_plain_values() -> None:
    columns = tuple(Column(key, key) for key in ("arm", "mean", "interval", "sd", "cost"))
    row = ("relu", Estimate(2.0, 1.0, 3.0), (1.5, 2.5), Undetermined("1 run"), None)
    (record,) = Table(Section.SCORES, "key", "title", columns, (row,)).records()
    assert record == {
        "arm": "relu",
        "mean": 2.0,
        "mean_low": 1.0,
        "mean_high": 3.0,
        "interval_low": 1.5,
        "interval_high": 2.5,
        "sd": None,
        "cost": None,
    }


def test_records_become_a_data_frame_where_pandas_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    table = score_table(contents(analysis_of(two_arms())))
    pandas = types.ModuleType("pandas")
    pandas.DataFrame = list  # type: ignore[attr-defined]  # what a frame is made from is all that counts
    monkeypatch.setitem(sys.modules, "pandas", pandas)
    assert table.to_pandas() == table.records()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"to_pandas\(\) needs pandas; .*records\(\)"):
        table.to_pandas()
