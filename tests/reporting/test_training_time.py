"""Seconds of training by the clocks of the runs."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from swimrl.reporting.read import Run
from swimrl.reporting.training_time import training_times
from swimrl.stats.interval import Interval
from tests.reporting.studies import analysis_of, record, run


def timed(arm: str, seed: int, **fields: Any) -> Run:
    clock = {"total": 30.0, "evaluation": 8.0, "diagnostics": 1.5, "checkpoints": 0.5} | fields.pop(
        "clock", {}
    )
    of = record(env="Hopper-v4", act=arm, seed=seed, wall_clock_s=clock, steps_done=50_000)
    return dataclasses.replace(run(arm=arm, seed=seed), record=dataclasses.replace(of, **fields))


def test_training_is_what_evaluations_diagnostics_and_checkpoints_leave() -> None:
    runs = [timed("relu", seed) for seed in range(3)]
    runs += [timed("swim", seed, clock={"total": 50.0 + seed / 10}) for seed in range(3)]
    relu, swim = training_times(analysis_of(runs))
    assert (relu.arm, relu.seconds, relu.ratio) == ("relu", pytest.approx(40.0), None)
    assert swim.seconds == pytest.approx(80.2)
    assert isinstance(swim.ratio, Interval)
    assert swim.ratio.low < swim.ratio.estimate < swim.ratio.high
    assert swim.ratio.estimate == pytest.approx(2.005, abs=1e-3)


def test_runs_that_were_interrupted_have_no_seconds() -> None:
    again = [{"step": 10, "time": "", "changes": {}}]
    runs = [timed("relu", 0), timed("relu", 1, clock={"total": 900.0}, resumes=again), run(arm="swim")]
    (relu,) = training_times(analysis_of(runs))
    assert relu.seconds == pytest.approx(40.0)
