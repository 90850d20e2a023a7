"""What a report says about the tuning of its arms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from swimrl.reporting.contents import gather
from swimrl.reporting.page import facts
from swimrl.reporting.read import Run
from swimrl.reporting.summary import summary
from swimrl.reporting.tables.tuning import tuning_table
from tests.reporting.studies import analysis_of, record, run

TUNING: Mapping[str, Any] = {
    "study": "hopper-tuning",
    "env": "Hopper-v4",
    "metric": "last10",
    "space": ["td3.lr=1e-5..2e-3:log"],
    "sampler": "sobol",
    "points": 20,
    "kept": 4,
    "seeds": [1000, 1001, 1002, 1003],
    "arms": {
        act: {"settings": {"td3.lr": lr}, "runs": 32, "steps": 3_200_000, "core_hours": 1.25}
        for act, lr in (("relu", 1e-4), ("swim", 4e-4))
    },
}


def of(act: str, lr: float, tuning: object = None, seed: int = 0, env: str = "Hopper-v4") -> Run:
    study = {"name": "test", **({} if tuning is None else {"tuning": tuning})}
    return run(env, act, seed, record=record(env=env, act=act, seed=seed, lr=lr, study=study))


def test_each_arm_is_shown_with_its_tuning_and_its_cost() -> None:
    runs = [of(act, lr, TUNING, seed) for act, lr in (("relu", 1e-4), ("swim", 4e-4)) for seed in (0, 1)]
    analysis = analysis_of(runs)
    rows = tuning_table(gather(analysis)).records()
    assert [(row["arm"], row["settings"], row["tuning"]) for row in rows] == [
        ("relu", "td3.lr 0.0001", "hopper-tuning"),
        ("swim", "td3.lr 0.0004", "hopper-tuning"),
    ]
    assert rows[0]["budget"] == "20 points once, then the best 4 on 3 fresh seeds"
    assert [rows[0][key] for key in ("runs", "steps", "core_hours")] == [32, 3_200_000, 1.25]
    assert not any("tuned" in line for line in analysis.warnings)
    assert summary(gather(analysis))["tuning"][1]["tuned_by"]["seeds"] == [1000, 1001, 1002, 1003]


def test_an_arm_with_other_settings_than_tuning_chose_counts_as_not_tuned() -> None:
    analysis = analysis_of([of("relu", 1e-4, TUNING), of("swim", 3e-4, TUNING), of("tanh", 1e-4)])
    rows = {row["arm"]: row for row in tuning_table(gather(analysis)).records()}
    assert rows["swim"]["settings"] == "defaults"
    assert rows["tanh"]["settings"] == "defaults, but td3.lr 0.0001"
    assert rows["swim"]["tuning"] is rows["tanh"]["tuning"] is None
    assert "relu was tuned and swim, tanh were not, so they had not the same chance" in analysis.warnings


def test_different_budgets_are_a_warning() -> None:
    more = {"relu": {**TUNING["arms"]["relu"], "runs": 64}}
    analysis = analysis_of(
        [of("relu", 1e-4, {**TUNING, "study": "long", "arms": more}), of("swim", 4e-4, TUNING)]
    )
    (line,) = [line for line in analysis.warnings if "budgets" in line]
    assert "64 runs, 3,200,000 steps / td3.lr=1e-5..2e-3:log on Hopper-v4: 32 runs" in line


@pytest.mark.parametrize(
    ("rates", "told"),
    [
        ((3e-4, 3e-4), "No arm was tuned; all have the defaults."),
        ((1e-3, 1e-3), "No arm was tuned; all have the defaults, but td3.lr 0.001."),
        ((3e-4, 1e-3), "No arm was tuned; their settings differ."),
    ],
)
def test_a_study_without_tuning_says_so_in_one_line(rates: tuple[float, float], told: str) -> None:
    contents = gather(analysis_of([of("relu", rates[0]), of("swim", rates[1])]))
    assert facts(contents)[-1] == told
    assert not tuning_table(contents).rows


def test_runs_without_a_record_say_nothing_about_tuning() -> None:
    contents = gather(analysis_of([run(arm="relu"), run(arm="swim")]))
    assert contents.tunings == ()
    assert not any("tuned" in line for line in facts(contents))


def test_a_damaged_origin_is_a_warning_and_counts_as_none() -> None:
    analysis = analysis_of([of("relu", 1e-4, {"study": "half"}), of("swim", 4e-4, TUNING)])
    assert any("cannot be read, so it counts as not tuned" in line for line in analysis.warnings)
