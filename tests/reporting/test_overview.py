"""Tables of arms by tasks."""

from __future__ import annotations

import pytest

from swimrl.reporting.contents import Contents
from swimrl.reporting.tables.bars import Bar
from swimrl.reporting.tables.overview import difference_table, overview_table
from tests.reporting.studies import analysis_of, runs

RELU, ABOVE, ALIKE = [100.0, 110, 120, 115, 105], [300.0, 310, 320, 315, 305], [101.0, 111, 119, 114, 106]


def contents(**levels: list[float]) -> Contents:
    tasks = ("Hopper-v4", "Walker2d-v4")
    both = {(env, arm): of for env in tasks for arm, of in {"relu": RELU, **levels}.items()}
    return Contents(analysis_of(runs(both), random_returns={"Hopper-v4": 20.0, "Walker2d-v4": 2.0}))


def test_the_best_arm_is_first_and_established_differences_are_marked() -> None:
    table = overview_table(contents(swim=ABOVE, tanh=ALIKE))
    rows = {row["arm"]: row for row in table.records()}
    assert next(iter(rows)) == "swim"
    assert rows["swim"]["Hopper-v4"] > 2 * rows["relu"]["Hopper-v4"]
    assert rows["swim"]["Hopper-v4_low"] < rows["swim"]["Hopper-v4"] < rows["swim"]["Hopper-v4_high"]
    assert [rows[name]["all_tasks_mark"] for name in ("swim", "relu", "tanh")] == ["▲", "", ""]
    assert rows["swim"]["all_tasks"] > 2


def test_differences_are_those_from_the_baseline() -> None:
    of = contents(swim=ABOVE, tanh=ALIKE)
    (swim, tanh) = difference_table(of).records()
    assert (swim["arm"], swim["Walker2d-v4_mark"]) == ("swim", "▲")
    means = {row["arm"]: row["Walker2d-v4"] for row in overview_table(of).records()}
    assert swim["Walker2d-v4"] == pytest.approx(means["swim"] - means["relu"])
    assert swim["all_tasks"] == 1.0
    assert (tanh["arm"], tanh["Walker2d-v4_mark"]) == ("tanh", "")


def test_with_one_task_there_is_nothing_to_put_side_by_side() -> None:
    one = Contents(analysis_of(runs({("Hopper-v4", "relu"): RELU, ("Hopper-v4", "swim"): ABOVE})))
    assert overview_table(one).rows == ()
    assert difference_table(one).rows == ()


def test_a_bar_shows_where_number_interval_and_reference_lie_on_the_scale() -> None:
    bar = Bar(50.0, 25.0, 150.0, (0.0, 100.0), reference=10.0, mark="▼", digits=1)
    assert str(bar) == "50.0 [25.0, 150.0] ▼"
    assert "--m:50%;--z:10%;--a:25%;--b:100%" in bar.to_html()
    assert str(Bar(1234.0, None, None, (0.0, 1.0))) == "1,234"
