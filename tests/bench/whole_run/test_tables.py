"""The tables of a recorded run of `swimrl bench run`."""

from __future__ import annotations

import dataclasses
import statistics
from pathlib import Path

import pytest

from swimrl.bench.records import BenchRecord
from swimrl.bench.whole_run.config import RunBenchmarkConfig, arm_name
from swimrl.bench.whole_run.parts import FIRST_STEP, PARTS
from swimrl.bench.whole_run.results import RunTimes
from swimrl.timing.record import TimingRecord, read

RECORDED = Path(__file__).parents[2] / "golden" / "bench_run.json"
OURS, NET = "swimrl-fused", "64x64"


@pytest.fixture(scope="module")
def recorded() -> TimingRecord:
    """Readings of a real run; tables are made of them without a clock."""
    return read(RECORDED)


def medians(record: TimingRecord, contender: str) -> dict[str | None, float]:
    return {
        one.part: statistics.median(x for process in one.wall_s for x in process)
        for one in record.series
        if one.arm == f"{contender} {NET}" and one.work == "warm"
    }


def test_the_whole_run_is_extrapolated_part_by_part(recorded: TimingRecord) -> None:
    parts = RunTimes(recorded).parts_s(OURS, NET)
    measured = medians(recorded, OURS)
    assert parts is not None
    assert parts["learning steps"] == pytest.approx(measured["learning steps"] * 75_000 / 500)
    assert parts["random steps"] == pytest.approx(measured["random steps"] * 25_000 / 500)
    assert parts["evaluations"] == pytest.approx(measured["evaluations"] * 21 / 3)
    assert parts["final"] == pytest.approx(measured["final"] * 10)
    assert parts["start"] == pytest.approx(measured["start"])


def test_what_was_measured_whole_is_not_extrapolated(recorded: TimingRecord) -> None:
    run = RunBenchmarkConfig().whole_run()
    record = dataclasses.replace(recorded, settings={**recorded.settings, "measured_run": run})
    results = RunTimes(record)
    assert not results.is_extrapolated
    whole = results.whole_s(OURS, NET)
    assert whole == pytest.approx(medians(recorded, OURS)[None], abs=0.1)


def test_the_tables_show_seconds_ratios_and_starts(
    recorded: TimingRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    BenchRecord(recorded).print()
    out = capsys.readouterr().out
    results = RunTimes(recorded)
    for title in PARTS.values():
        assert title in out
    whole = results.whole_s(OURS, NET)
    ratio = results.times_as_fast(OURS, "sb3", NET)
    assert whole is not None
    assert ratio is not None
    assert f"{whole:,.1f}" in out
    assert f"{ratio.value:.2f} [?]" in out  # two rounds
    assert "Extrapolated from runs of 1,000 steps" in out
    (row,) = [line.split() for line in out.splitlines() if line.startswith(f"{NET}   {OURS}  ")]
    assert float(row[2]) == pytest.approx(medians(recorded, OURS)[FIRST_STEP], abs=0.05)
    assert float(row[4]) == pytest.approx(results.cold_adds_s(OURS, NET), abs=0.05)


def test_what_rltools_does_otherwise_is_said(
    recorded: TimingRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    BenchRecord(recorded).print()
    assert "rltools" not in capsys.readouterr().out
    renamed = {name.replace("sb3", "rltools"): arm for name, arm in recorded.arms.items()}
    arms = {name: {**arm, "contender": name.split()[0]} for name, arm in renamed.items()}
    series = tuple(dataclasses.replace(one, arm=one.arm.replace("sb3", "rltools")) for one in recorded.series)
    BenchRecord(dataclasses.replace(recorded, arms=arms, series=series)).print()
    assert "rltools updates during the random steps too" in capsys.readouterr().out


def test_a_contender_that_could_not_be_measured_is_said(
    recorded: TimingRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = "No module named 'sbx'"
    BenchRecord(dataclasses.replace(recorded, absent={arm_name("sbx", 1, NET): reason})).print()
    assert f"not measured: sbx {NET}: {reason}" in capsys.readouterr().out
