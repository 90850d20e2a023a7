"""Sensitivity to a setting: the common default, and each activation's best."""

from __future__ import annotations

import pytest

from swimrl.reporting.findings import Analysis
from swimrl.reporting.sensitivity import sensitivity
from tests.reporting.studies import analysis_of, run

LEVELS = {("relu", 1e-4): 50, ("relu", 3e-4): 80, ("relu", 1e-3): 60, ("swim", 1e-4): 90, ("swim", 3e-4): 70}


@pytest.fixture
def analysis() -> Analysis:
    runs = [
        run(arm=f"{act}, lr={lr:g}", seed=seed, level=level + seed, values=(act, lr))
        for (act, lr), level in LEVELS.items()
        for seed in range(3)
    ]
    return analysis_of(runs, by=("act", "td3.lr"))


def test_default_and_best_of_each_activation(analysis: Analysis) -> None:
    (found,) = sensitivity(analysis, {"td3.lr": 3e-4})
    assert (found.env, found.key, found.default, found.is_logarithmic) == ("Hopper-v4", "td3.lr", 3e-4, True)
    assert {name: [p.value for p in points] for name, points in found.lines.items()} == {
        "relu": [1e-4, 3e-4, 1e-3],
        "swim": [1e-4, 3e-4],
    }
    assert {name: found.best(name).value for name in found.lines} == {"relu": 3e-4, "swim": 1e-4}
    at = found.at_default("swim")
    assert at is not None
    assert at.arm.name == "swim, lr=0.0003"


def test_a_default_that_nobody_ran_is_none(analysis: Analysis) -> None:
    (found,) = sensitivity(analysis, {"td3.lr": 5e-4})
    assert found.default is None
    assert found.at_default("swim") is None


def test_numbers_are_ordered_as_numbers(analysis: Analysis) -> None:
    assert analysis.names[1:3] == ["relu, lr=0.0003", "relu, lr=0.001"]


def test_one_key_or_one_value_is_no_sensitivity() -> None:
    assert sensitivity(analysis_of([run(), run(arm="swim")]), {}) == []
    same = [run(arm=f"{act}, lr=0.1", values=(act, 0.1)) for act in ("relu", "swim")]
    assert sensitivity(analysis_of(same, by=("act", "td3.lr")), {}) == []
