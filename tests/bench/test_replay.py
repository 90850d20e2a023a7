"""Recorded timings run through the whole pipeline, from the worker's answers to the verdict, without a clock.

The recording is of `swimrl bench activations swim swish relu ulu mish --quick`; each replay draws the
readings of every work anew from those that were recorded.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from swimrl.bench.activations.config import ActivationBenchmarkConfig
from swimrl.bench.activations.config import measure as measure_activations
from swimrl.bench.activations.results import ActivationCost, ActivationCosts, Case
from swimrl.timing import measure, session
from swimrl.timing.clock import Reading
from swimrl.timing.record import TimingRecord, read, write
from swimrl.timing.session import work_name

RECORDED = Path(__file__).parents[1] / "golden" / "bench_activations.json"
CASE = Case("float32", (256, 256), "cpu", "warm")
CONFIG = ActivationBenchmarkConfig(act=("relu", "swim"), quick=True, rounds=10, processes=2)

Readings = dict[str, list[tuple[float, float]]]
"""Wall and processor seconds of doing each work once."""


@pytest.fixture(scope="module")
def recorded() -> TimingRecord:
    return read(RECORDED)


def readings_of(record: TimingRecord) -> Readings:
    return {
        work_name(one.arm, one.work): [
            (wall / one.count, cpu / one.count)
            for walls, cpus in zip(one.wall_s, one.cpu_s, strict=True)
            for wall, cpu in zip(walls, cpus, strict=True)
        ]
        for one in record.series
    }


@pytest.fixture
def replay(recorded: TimingRecord, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ActivationCosts]:
    """Return what runs the benchmark on readings in place of a process."""

    def run(readings: Readings, arms: Mapping[str, Any], seed: int = 0) -> ActivationCosts:
        generator = random.Random(seed)

        class Replayed:
            facts: Mapping[str, Any] = {"arms": arms, "absent": {}}

            def __init__(self, command: Sequence[str], settings: object, cores: object) -> None:
                assert command[-1] == "swimrl.bench.activations.child"
                self.works = list(readings)

            def count_for(self, work: str, seconds: float) -> int:
                return max(1, round(seconds / readings[work][0][0]))

            def take_reading(self, work: str, count: int) -> Reading:
                wall, cpu = generator.choice(readings[work])
                return Reading(wall * count, cpu * count)

            def close(self) -> None:
                pass

        monkeypatch.setattr(measure, "Worker", Replayed)
        monkeypatch.setattr(session, "library_versions", dict)  # which asks git, each time anew
        return ActivationCosts(measure_activations(CONFIG, lambda *_: None))

    return run


def both(costs: ActivationCosts, activation: str, implementation: str) -> ActivationCost:
    cost = costs.cost(CASE, activation, implementation, "forward+backward")
    assert cost is not None
    assert cost.against_reference is not None
    return cost


def of_one_work(recorded: TimingRecord, factor: float) -> tuple[Readings, dict[str, Any]]:
    """Return native relu's readings, and the same times ``factor`` as if they were swim's."""
    relu, swim = f"relu native {CASE.dtype} 256x256", f"swim eager {CASE.dtype} 256x256"
    key = work_name(relu, "forward+backward")
    genuine = readings_of(recorded)[key]
    other = [(wall * factor, cpu * factor) for wall, cpu in genuine]
    arms = {relu: recorded.arms[relu], swim: recorded.arms[swim]}
    return {key: genuine, work_name(swim, "forward+backward"): other}, arms


def test_the_recording_survives_the_whole_way(
    recorded: TimingRecord, replay: Callable[..., ActivationCosts], tmp_path: Path
) -> None:
    costs = replay(readings_of(recorded), recorded.arms)
    write(costs.record, tmp_path / "again.json")
    assert read(tmp_path / "again.json") == costs.record
    assert {one.arm for one in costs.record.series} == set(recorded.arms)
    assert all([len(process) for process in one.wall_s] == [10, 10] for one in costs.record.series)
    before = ActivationCosts(recorded)
    assert [str(case) for case in costs.cases] == [str(case) for case in before.cases]
    readings = readings_of(recorded)
    checked = 0
    for cost in costs.all():
        shape = "x".join(map(str, cost.case.shape))
        arm = f"{cost.activation} {cost.implementation} {cost.case.dtype} {shape}"
        walls = [wall for wall, _ in readings[work_name(arm, cost.work)]]
        assert min(walls) * 0.999 <= cost.seconds <= max(walls) * 1.001
        checked += 1
    assert checked == len(recorded.series) - 2  # all but the copies
    swim = both(costs, "swim", "eager")
    assert swim.verdict == both(before, "swim", "eager").verdict == "slower"


@pytest.mark.parametrize("seed", range(10))
def test_what_is_twice_as_slow_is_reported_at_1_9_to_2_1(
    recorded: TimingRecord, replay: Callable[..., ActivationCosts], seed: int
) -> None:
    cost = both(replay(*of_one_work(recorded, 2.0), seed=seed), "swim", "eager")
    assert 1.9 <= cost.against_reference.value <= 2.1
    assert cost.verdict == "slower"


def test_equals_are_not_distinguishable_in_at_least_90_of_100_replays(
    recorded: TimingRecord, replay: Callable[..., ActivationCosts]
) -> None:
    verdicts = [
        both(replay(*of_one_work(recorded, 1.0), seed=seed), "swim", "eager").verdict for seed in range(100)
    ]
    assert verdicts.count("not distinguishable") >= 90
