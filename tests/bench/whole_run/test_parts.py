"""A run's seconds divided into parts, on made-up times whose parts are known."""

from __future__ import annotations

import pytest

from swimrl.bench.whole_run.config import RunBenchmarkConfig
from swimrl.bench.whole_run.marks import Report
from swimrl.bench.whole_run.parts import FIRST_STEP, PARTS, divide, growth

RUN = RunBenchmarkConfig(steps=800).measured_run()
COMMAND = 1000.0
START, RANDOM, LEARNING, COMPILING = 3.0, 0.001, 0.004, 1.5
EVALUATIONS, LOOKS = [0.9, 0.5, 0.5], [0.3, 0.1, 0.1]
FINAL, CHECKPOINT, REST = 0.6, 0.05, 0.25


def made_up() -> tuple[Report, float]:
    """Return the marks of a run as they would be if everything took the time above, and when it ended."""
    now = began = COMMAND + START
    steps = []
    for step in range(1, RUN["steps"] + 1):
        if (step - 1) % RUN["eval_every"] == 0:
            number = (step - 1) // RUN["eval_every"]
            now += EVALUATIONS[number] + LOOKS[number]
        now += RANDOM if step - 1 <= RUN["learning_starts"] else LEARNING
        now += COMPILING if step - 2 == RUN["learning_starts"] else 0
        steps.append(now)
    now += EVALUATIONS[2] + LOOKS[2] + FINAL + CHECKPOINT + REST
    calls = {"evaluations": EVALUATIONS, "looks": LOOKS, "final": [FINAL], "checkpoints": [CHECKPOINT]}
    return Report(began, steps, calls, {}), now


def test_the_parts_are_those_that_the_run_consisted_of() -> None:
    report, ended = made_up()
    parts = divide(report, COMMAND, ended, RUN)
    assert parts["start"] == pytest.approx(START)
    assert parts["random steps"] == pytest.approx(RANDOM * 400, rel=1e-4)
    assert parts["learning steps"] == pytest.approx(LEARNING * 400, rel=1e-4)
    assert parts["first calls"] == pytest.approx(COMPILING + 0.4 + 0.2, rel=0.01)
    assert parts["evaluations"] == pytest.approx(1.5)
    assert parts["looks"] == pytest.approx(0.3)
    assert (parts["final"], parts["checkpoints"]) == (FINAL, CHECKPOINT)
    assert parts["rest"] == pytest.approx(REST, abs=0.02)
    assert parts[FIRST_STEP] == pytest.approx(START + EVALUATIONS[0] + LOOKS[0] + RANDOM)


def test_the_parts_add_up_to_the_whole() -> None:
    report, ended = made_up()
    parts = divide(report, COMMAND, ended, RUN)
    assert sum(parts[part] for part in PARTS) == pytest.approx(ended - COMMAND)
    assert parts.keys() - PARTS.keys() == {FIRST_STEP}


def test_a_contender_without_a_part_spends_nothing_on_it() -> None:
    report, ended = made_up()
    without = Report(report.began, report.steps, {"evaluations": [0.5]}, {})
    parts = divide(without, COMMAND, ended, RUN)
    assert parts["looks"] == parts["checkpoints"] == 0
    assert parts["evaluations"] == 0.5


def test_what_is_done_more_often_in_the_whole_run_takes_as_many_times_as_long() -> None:
    whole = RunBenchmarkConfig().whole_run()
    times = growth(RUN, whole, is_ours=True)
    assert times == {
        "random steps": 25_000 / 400,
        "learning steps": 75_000 / 400,
        "evaluations": 21 / 3,
        "final": 10,
        "looks": 21 / 3,
        "checkpoints": 2,
    }
    assert growth(RUN, whole, is_ours=False)["evaluations"] == 20 / 2
    assert set(growth(whole, whole, is_ours=True).values()) == {1}
