"""A tuning from end to end, and what is the same for every activation."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

import swimrl
from swimrl.errors import ConfigError, InputError
from swimrl.reporting.summary import summary
from swimrl.sweeps.job import run_job
from swimrl.sweeps.prepare import prepare
from swimrl.sweeps.study_file import read_study
from swimrl.training import TrainConfig
from swimrl.training.progress import SilentReporter
from swimrl.tuning.plan import Plan

BASE = TrainConfig(env="Pendulum-v1", steps=20, net="8x8", eval_every=20, eval_episodes=1, final_episodes=0)
PLAN = Plan(BASE, ("swim", "relu"), ("td3.lr=1e-4..1e-2:log", "td3.tau=0.001,0.005"), 4, 2, 2)


def test_every_activation_has_the_same_points_seeds_and_budget() -> None:
    study = PLAN.study(PLAN.first_stage(PLAN.waves[0]))
    by_act: dict[str, list[Any]] = {"swim": [], "relu": []}
    for run in study.runs(Path("study")):
        by_act[run.config.act].append((run.config.td3, run.config.seed, run.config.steps))
    assert by_act["swim"] == by_act["relu"]
    assert len(by_act["swim"]) == 4
    assert by_act["swim"][0][0] == BASE.td3  # the first point is the settings as given
    assert {seed for _, seed, _ in by_act["swim"]} == {1000}
    second = PLAN.study(PLAN.second_stage({"swim": [0, 3], "relu": [1, 2]})).runs(Path("study"))
    assert {run.config.seed for run in second} == {1001, 1002}
    assert len(second) == 8


def test_points_that_come_to_the_same_settings_are_tried_once() -> None:
    plan = dataclasses.replace(PLAN, space=("td3.tau=0.001,0.005,0.01",), trials=3)
    assert [point.get("td3.tau") for point in plan.points].count("0.005") == 0  # it is the default
    with pytest.raises(ConfigError, match="the space has 3 different points; give --trials 3"):
        _ = dataclasses.replace(plan, trials=4).points


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trials": 0}, "--trials is 0"),
        ({"keep": 5}, "--keep is 5; expected at most --trials, which is 4"),
        ({"space": ()}, "there is nothing to tune; give --space"),
        ({"acts": ("swim", "swim")}, "names an activation twice"),
        ({"seeds": (0, 1, 2)}, "lower seeds are for reporting"),
        ({"seeds": (1000, 1001)}, "expected at least 3 seeds"),
    ],
)
def test_a_wrong_budget_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(PLAN, **change)


@pytest.mark.usefixtures("runs_in_this_process")
def test_a_tuning_leaves_a_study_of_its_choice(tmp_path: Path) -> None:
    arguments: dict[str, Any] = {
        "act": ["swim", "relu"],
        "space": "td3.lr=1e-4..1e-2:log",
        "trials": 2,
        "keep": 1,
        "repeats": 1,
        "out": tmp_path / "tuning",
        "progress": False,
    }
    tuning = swimrl.tune(BASE, **arguments)
    record = json.loads((tuning.folder / "tuning.json").read_text())
    assert {act: [number] for act, number in record["choice"].items()} == record["kept"]
    study = read_study(tuning.study_file)
    assert [run.config.act for run in study.runs(tmp_path) if run.config.seed == 0] == ["swim", "relu"]
    assert study.seeds == tuple(range(10))
    assert study.primary == {
        "metric": "last10",
        "baseline": "relu",
        "comparisons": ["swim"],
        "planned_seeds": 10,
    }
    rows = list(csv.DictReader((tuning.folder / "trials.csv").read_text().splitlines()))
    assert len(rows) == 6
    assert {row["seed"] for row in rows} == {"1000", "1001"}
    page = (tuning.folder / "tuning.html").read_text()
    assert "Tuning scores are not results" in page
    assert "expected-best" in page
    check_that_the_report_says_what_it_was_tuned_with(tuning, tmp_path / "study")
    before = {path: path.stat().st_mtime_ns for path in tuning.folder.rglob("run.json")}
    assert swimrl.tune(BASE, **arguments).choice == tuning.choice
    assert {path: path.stat().st_mtime_ns for path in tuning.folder.rglob("run.json")} == before
    with pytest.raises(ConfigError, match="has begun with another trials, points"):
        swimrl.tune(BASE, **{**arguments, "trials": 3})
    with pytest.raises(InputError, match="unknown activation 'swin'"):
        swimrl.tune(BASE, **{**arguments, "act": "swin"})


def check_that_the_report_says_what_it_was_tuned_with(tuning: swimrl.tuning.Tuning, folder: Path) -> None:
    """Train the chosen settings on one reporting seed, and read the report."""
    study = dataclasses.replace(read_study(tuning.study_file), seeds=(0,))
    runs = study.runs(folder)
    record = prepare(folder, runs, name="study", primary=study.primary, tuning=study.tuning)
    for run in runs:  # as the processes of a sweep do them, without their start
        run_job(run.config, run.directory, SilentReporter(), record.study)
    report = swimrl.report(folder)
    rows = {row["arm"]: row for row in report.tables["tuning"].records()}
    for act, settings in tuning.settings.items():
        chosen = float(settings.get("td3.lr", BASE.td3.lr))
        assert rows[act]["settings"] == f"td3.lr {chosen:g}"
        assert rows[act]["tuning"] == "tuning"  # the name of the folder
        assert rows[act]["budget"] == "2 points once, then the best 1 on 1 fresh seed"
        assert (rows[act]["runs"], rows[act]["steps"]) == (3, 3 * 20)
        assert 0 < rows[act]["core_hours"] < 1
    assert "td3.lr=1e-4..1e-2:log; seeds 1000-1001." in report.tables["tuning"].note
    told = {one["arm"]: one["tuned_by"] for one in summary(report.contents)["tuning"]}
    assert told["swim"]["core_hours"] == rows["swim"]["core_hours"]
    with pytest.raises(ConfigError, match="has begun with settings of another tuning"):
        prepare(folder, runs, name="study", primary=study.primary, tuning={"study": "another"})
