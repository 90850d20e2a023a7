"""Studies that stop when their answer is in: which runs come next, and looks that are taken once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import swimrl
from swimrl.errors import ConfigError, InputError
from swimrl.sweeps import SweepConfig
from swimrl.sweeps.looks import next_look
from swimrl.sweeps.study_record import SharedChoices, StudyRecord, read_study_record, write_study_record
from swimrl.training import TrainConfig
from tests.reporting.studies import write_run

PRIMARY: dict[str, Any] = {
    "baseline": "relu",
    "comparisons": ["swim", "tanh"],
    "sequential": {"looks": [5, 8], "spending": "pocock"},
}
CONFIG = SweepConfig(
    TrainConfig(env="Hopper-v4", steps=60_000, net="16x16"),
    {"act": ["relu", "swim", "tanh"]},
    seeds=tuple(range(8)),
    primary=PRIMARY,
)
SWIM_IS_BETTER = {"relu": 100.0, "swim": 300.0, "tanh": 100.0}


def begun(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    write_study_record(folder, StudyRecord(SharedChoices("test", primary=PRIMARY), {}, {}))
    return folder


def done(folder: Path, levels: dict[str, float], seeds: range) -> None:
    for seed in seeds:
        for place, (act, level) in enumerate(levels.items()):
            shifted = level + 7 * ((seed * (1 + place)) % 5)
            write_run(folder, act=act, seed=seed, level=shifted, primary=PRIMARY)


def test_the_first_look_takes_the_first_seeds_of_every_arm(tmp_path: Path) -> None:
    look = next_look(CONFIG, tmp_path / "study")
    assert look is not None
    assert look.title == "look 1 of 2: 5 seeds of relu, swim, tanh"
    assert len(look.config.runs(tmp_path)) == 15
    assert {run.config.seed for run in look.config.runs(tmp_path)} == set(range(5))


def test_a_decided_arm_is_left_out_of_the_next_look(tmp_path: Path) -> None:
    study = begun(tmp_path / "study")
    done(study, SWIM_IS_BETTER, range(5))
    look = next_look(CONFIG, study)
    assert look is not None
    assert look.title == "look 2 of 2: 8 seeds of relu, tanh"
    record = read_study_record(study)
    assert record is not None
    (taken,) = record.looks
    assert taken.outcomes == {"swim": "better", "tanh": "open"}
    assert list(taken.seeds) == [0, 1, 2, 3, 4]
    assert len(taken.scores["Hopper-v4"]["swim"]) == 5


def test_after_the_last_look_nothing_is_left(tmp_path: Path) -> None:
    study = begun(tmp_path / "study")
    done(study, SWIM_IS_BETTER, range(5))
    next_look(CONFIG, study)
    done(study, {"relu": 100.0, "tanh": 100.0}, range(5, 8))
    assert next_look(CONFIG, study) is None
    record = read_study_record(study)
    assert record is not None
    assert [look.outcomes for look in record.looks] == [
        {"swim": "better", "tanh": "open"},
        {"tanh": "undecided"},
    ]
    assert next_look(CONFIG, study) is None  # asked again, it comes to the same
    assert read_study_record(study) == record


def test_half_a_look_is_not_taken(tmp_path: Path) -> None:
    study = begun(tmp_path / "study")
    done(study, SWIM_IS_BETTER, range(4))
    look = next_look(CONFIG, study)
    assert look is not None
    assert look.number == 1
    record = read_study_record(study)
    assert record is not None
    assert record.looks == ()


def test_a_look_whose_scores_have_changed_is_refused(tmp_path: Path) -> None:
    study = begun(tmp_path / "study")
    done(study, SWIM_IS_BETTER, range(5))
    next_look(CONFIG, study)
    evaluations = next(study.glob("*/swim*/seed-2/evaluations.csv"))
    evaluations.write_text(evaluations.read_text().replace("60000,0,", "60000,0,1"))
    with pytest.raises(ConfigError, match="the scores of look 1 have changed since it was taken"):
        next_look(CONFIG, study)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"primary": None}, "needs a study that declares looks"),
        ({"primary": {"baseline": "relu", "comparisons": ["swim"], "planned_seeds": 8}}, "declares looks"),
        ({"axes": {**CONFIG.axes, "td3.lr": [1e-3, 1e-4]}}, r"td3\.lr has several values too"),
        ({"seeds": (0, 1, 2)}, "the last look has 8 seeds and the study 3; give --seeds 0-7"),
        ({"axes": {"act": ["relu", "swim"]}}, "tanh of primary is no activation of the study"),
    ],
)
def test_a_study_that_has_no_looks_to_take_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        next_look(replace(CONFIG, **change), tmp_path)


def test_a_study_is_done_look_by_look(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Real runs of 20 steps: every comparison ends, whatever its outcome; a second call does nothing."""
    arguments: dict[str, Any] = {
        "config": SweepConfig(
            TrainConfig(
                env="Pendulum-v1", steps=20, net="8x8", eval_every=20, eval_episodes=1, final_episodes=0
            ),
            {"act": ["relu", "swim"]},
            seeds=(0, 1, 2),
            primary={"baseline": "relu", "comparisons": ["swim"], "sequential": {"looks": [2, 3]}},
        ),
        "out": tmp_path / "study",
        "until_decided": True,
    }
    study = swimrl.sweep(**arguments)
    assert study.status().counts == {"done": 6}
    record = read_study_record(study.path)
    assert record is not None
    assert [look.number for look in record.looks] == [1, 2]
    printed = capfd.readouterr().out
    assert "look 1 of 2: 2 seeds of relu, swim" in printed
    assert "look 2 of 2: 3 seeds of relu, swim" in printed
    swimrl.sweep(**arguments)
    assert "every declared comparison is decided" in capfd.readouterr().out
    assert read_study_record(study.path) == record
    with pytest.raises(InputError, match="leave out --only"):
        swimrl.sweep(**arguments, only=0)
