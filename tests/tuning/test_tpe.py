"""TPE's proposals, with the real Optuna, on runs whose score is a known function of their settings."""

from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from swimrl.errors import ConfigError, InputError
from swimrl.fields import to_mapping
from swimrl.runs.record import RunRecord
from swimrl.sweeps.config import SweepConfig
from swimrl.training import TrainConfig
from swimrl.tuning import api, tpe
from swimrl.tuning.plan import Plan

pytest.importorskip("optuna", reason="an optional library; pip install 'swimrl[tune]'")

BASE = TrainConfig(env="Pendulum-v1", steps=100, net="8x8")
SPACE = ("td3.lr=1e-5..1e-1:log", "td3.batch_size=16..512", "td3.tau=0.001,0.005,0.02")
PLAN = Plan(BASE, ("swim", "relu"), SPACE, trials=25, keep=3, repeats=2, sampler="tpe")
BEST_RATE = {"swim": 3e-3, "relu": 1e-4}


def level(config: TrainConfig) -> float:
    """A score with one best learning rate for each activation, and a little better with a large batch."""
    distance = math.log10(config.td3.lr / BEST_RATE[config.act])
    return 100 - 10 * distance**2 + config.td3.batch_size / 512 + (config.seed * 7919 % 13) / 13


class Trainer:
    """Writes the runs of a study as if they had been trained; may be interrupted."""

    def __init__(self, folder: Path, *, studies: int | None = None) -> None:
        self.folder = folder
        self.left = studies
        self.written = 0

    def __call__(self, study: SweepConfig) -> None:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left = None if self.left is None else self.left - 1
        for run in study.runs(self.folder):
            path = run.directory.path
            if path.exists():
                continue
            path.mkdir(parents=True)
            record = RunRecord(to_mapping(run.config), {}, {}, {}, {}, {}, {}, status="done", steps_done=100)
            (path / "run.json").write_text(record.to_json())
            lines = ["step,episode,return,length", f"100,0,{level(run.config)!r},1"]
            (path / "evaluations.csv").write_text("\n".join(lines) + "\n")
            self.written += 1


def done(folder: Path, plan: Plan = PLAN, trainer: Trainer | None = None) -> api.Tuning:
    return api._done(plan, folder, Console(file=io.StringIO()), trainer or Trainer(folder))


def test_tpe_comes_closer_to_the_best_settings_than_its_start(tmp_path: Path) -> None:
    tuning = done(tmp_path)
    first, last = [], []
    for act, best in BEST_RATE.items():
        rates = [tuning.plan.value(act, number, "td3.lr") for number in range(PLAN.trials)]
        off = [abs(math.log10(float(rate) / best)) for rate in rates]
        first += off[:10]
        last += off[15:]
        assert abs(math.log10(float(tuning.settings[act]["td3.lr"]) / best)) < 0.3
    assert sum(last) / len(last) < 0.75 * sum(first) / len(first)
    assert tuning.plan.points_of("swim")[:10] == tuning.plan.points_of("relu")[:10]
    assert tuning.plan.points_of("swim")[10:] != tuning.plan.points_of("relu")[10:]


def test_every_activation_has_the_same_budget_and_no_point_twice(tmp_path: Path) -> None:
    trainer = Trainer(tmp_path)
    tuning = done(tmp_path, trainer=trainer)
    assert trainer.written == 2 * (25 + 3 * 2)
    for act in PLAN.acts:
        settings = [trial for trial in tuning.trials if (trial.act, trial.stage) == (act, 1)]
        assert len({trial.path for trial in settings}) == 25


def test_a_tuning_that_was_interrupted_comes_to_the_same_points(tmp_path: Path) -> None:
    whole = done(tmp_path / "whole")
    for studies in (1, 2, 1):
        with pytest.raises(KeyboardInterrupt):
            done(tmp_path / "parts", trainer=Trainer(tmp_path / "parts", studies=studies))
    parts = done(tmp_path / "parts")
    assert parts.plan == whole.plan
    assert parts.choice == whole.choice
    record = json.loads((tmp_path / "parts" / "tuning.json").read_text())
    assert [len(points) for points in record["proposed"].values()] == [15, 15]
    # Points are on record; without that record, TPE comes to the same from the scores.
    (tmp_path / "parts" / "tuning.json").unlink()
    assert done(tmp_path / "parts").plan == whole.plan


def test_a_small_space_gives_every_point_once(tmp_path: Path) -> None:
    plan = replace(
        PLAN, space=("td3.tau=0.001,0.002,0.003,0.004,0.005,0.006,0.007,0.008,0.009,0.01,0.011,0.012",)
    )
    plan = replace(plan, trials=12)
    points = done(tmp_path, plan).plan.points_of("swim")
    assert len({str(point.get("td3.tau", "0.005")) for point in points}) == 12


def test_a_wrong_sampler_and_a_missing_library_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="--sampler is 'random'; expected one of sobol, tpe"):
        replace(PLAN, sampler="random")  # type: ignore[arg-type]  # what a user may give
    monkeypatch.setattr(tpe.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"--sampler tpe needs optuna; .*pip install 'swimrl\[tune\]'"):
        tpe.check_installed()


def test_a_tuning_of_an_earlier_version_goes_on(tmp_path: Path) -> None:
    plan = replace(PLAN, sampler="sobol", trials=4)
    before = done(tmp_path, plan)
    file = tmp_path / "tuning.json"
    record = json.loads(file.read_text())
    del record["plan"]["sampler"], record["proposed"]
    file.write_text(json.dumps(record))
    assert done(tmp_path, plan).choice == before.choice
    with pytest.raises(ConfigError, match="has begun with another sampler"):
        done(tmp_path, replace(plan, sampler="tpe"))
