"""The tables of a recorded run of `swimrl bench activations`."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from swimrl.bench.records import BenchRecord
from swimrl.timing.record import TimingRecord, read

RECORDED = Path(__file__).parents[2] / "golden" / "bench_activations.json"


@pytest.fixture(scope="module")
def recorded() -> TimingRecord:
    return read(RECORDED)


def tables(record: TimingRecord, capsys: pytest.CaptureFixture[str]) -> dict[str, list[list[str]]]:
    """Return the words of each row below each title."""
    BenchRecord(record).print()
    rows_by_title: dict[str, list[list[str]]] = {}
    title = ""
    for line in capsys.readouterr().out.splitlines():
        assert len(line) <= 80
        if line.startswith("float32, "):
            title = line.strip()
            rows_by_title[title] = []
        elif not line.strip():
            title = ""
        elif title:
            rows_by_title[title].append(line.split())
    return rows_by_title


def test_times_are_the_medians_of_the_readings(
    recorded: TimingRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    header, *rows = tables(recorded, capsys)["float32, 256x256"]
    assert header[:3] == ["activation", "how", "forward"]
    assert len(rows) == len([name for name in recorded.arms if name.endswith(" 256x256")]) - 1
    for activation, how, forward, *_ in rows:
        one = recorded.find(f"{activation} {how} float32 256x256", "forward")
        assert one is not None
        us = statistics.median(x for process in one.wall_s for x in process) / one.count * 1e6
        assert float(forward.replace(",", "")) == pytest.approx(us, rel=0.01)


def test_ratios_are_against_pytorchs_own_relu(
    recorded: TimingRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    _, *rows = tables(recorded, capsys)["float32, 256x256: times relu native"]
    assert ["relu", "native"] not in [row[:2] for row in rows]
    for activation, how, value, low, high, *_ in rows:
        one, relu = (
            recorded.find(f"{name} float32 256x256", "forward")
            for name in (f"{activation} {how}", "relu native")
        )
        assert one is not None
        assert relu is not None
        medians = [
            statistics.median(x for process in s.wall_s for x in process) / s.count for s in (one, relu)
        ]
        assert float(value) == pytest.approx(medians[0] / medians[1], rel=0.01)
        assert float(low.strip("[,")) <= float(value) <= float(high.strip("]="))


def test_what_was_left_out_carries_the_reason(
    recorded: TimingRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    BenchRecord(recorded).print()
    out = " ".join(capsys.readouterr().out.split())
    assert "swim native float32 256x256, ulu native float32 256x256" in out
    assert "PyTorch has no operator for it" in out
    assert "not measured: compiled, float64, bfloat16, float16" in out
    assert "left out by --quick" in out
