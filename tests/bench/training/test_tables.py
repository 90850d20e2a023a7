"""The tables of a recorded run of `swimrl bench train`."""

from __future__ import annotations

import dataclasses
import statistics
from pathlib import Path

import pytest

from swimrl.bench.records import BenchRecord
from swimrl.bench.training.results import STEPS, UPDATES
from swimrl.timing.record import TimingRecord, read

RECORDED = Path(__file__).parents[2] / "golden" / "bench_train.json"


@pytest.fixture(scope="module")
def recorded() -> TimingRecord:
    """Readings of a real run; tables are made of them without a clock."""
    return read(RECORDED)


def tables(record: TimingRecord, capsys: pytest.CaptureFixture[str]) -> dict[str, list[list[str]]]:
    """Return the words of each row below each title; notes are under the last title."""
    BenchRecord(record).print()
    rows_by_title: dict[str, list[list[str]]] = {"": []}
    title = ""
    for line in capsys.readouterr().out.splitlines():
        assert len(line) <= 80
        if line.strip() in ("Speed", "How many times as fast", "Above the floor") or line.startswith("Where"):
            title = line.strip()
            rows_by_title[title] = []
        elif line.strip():
            rows_by_title[title].append(line.split())
    return rows_by_title


def medians(record: TimingRecord) -> dict[tuple[str, str], float]:
    """Return the median seconds of each arm's works, from the raw readings alone."""
    return {
        (one.arm, one.work): statistics.median(x for process in one.wall_s for x in process) / one.count
        for one in record.series
        if one.part is None
    }


def test_the_rates_are_the_medians_of_the_readings(
    recorded: TimingRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = {f"{row[1]} {row[0]}": row for row in tables(recorded, capsys)["Speed"][1:]}
    seconds = medians(recorded)
    assert set(rows) == set(recorded.arms) - {"floor"}
    for arm, row in rows.items():
        assert row[2] == f"{1 / seconds[arm, STEPS]:,.1f}"
        assert row[4] == f"{1 / seconds[arm, UPDATES]:,.1f}"


def test_the_ratios_come_with_intervals(recorded: TimingRecord, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = medians(recorded)
    rows = tables(recorded, capsys)["How many times as fast"][1:]
    assert rows
    for act, contender, peer, *cells in rows:
        for work, (value, low, high) in zip((STEPS, UPDATES), (cells[:3], cells[3:]), strict=True):
            ratio = seconds[f"{peer} {act}", work] / seconds[f"{contender} {act}", work]
            assert value == f"{ratio:.2f}"
            assert float(low.strip("[,")) <= float(value) <= float(high.strip("]="))


def test_the_parts_of_a_step_add_up(recorded: TimingRecord, capsys: pytest.CaptureFixture[str]) -> None:
    (title,) = (title for title in tables(recorded, capsys) if title.startswith("Where"))
    header, *rows = tables(recorded, capsys)[title]
    assert " ".join(header) == "step with env action buffer sample prod. activ. optim. Python rest step"
    assert rows
    for row in rows:
        assert row[8] == "-"  # records before version 0.3 have no such part
        *parts, step = map(float, row[1:8] + row[9:])
        assert sum(parts) == pytest.approx(step, abs=0.005)


def test_what_was_not_measured_and_what_speaks_for_doubt_is_printed(
    recorded: TimingRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    doubtful = dataclasses.replace(
        recorded,
        absent={"sbx swim": "No module named 'sbx' [x]"},
        host={**recorded.host, "load_before": 3.0},
    )
    BenchRecord(doubtful).print()
    out = " ".join(capsys.readouterr().out.split())
    assert "not measured: sbx swim: No module named 'sbx' [x]" in out
    assert "warning: the machine was busy when the measurement began (load 3.0)" in out


def test_processor_seconds_can_be_shown_instead(
    recorded: TimingRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    BenchRecord(recorded).print("cpu")
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    assert "Times are processor seconds" in out
    (one,) = (s for s in recorded.series if (s.arm, s.work, s.part) == ("sb3 swim", STEPS, None))
    per_second = one.count / statistics.median(x for process in one.cpu_s for x in process)
    (row,) = (
        line.split() for line in out.splitlines() if line.split()[:2] == ["swim", "sb3"] and "%" in line
    )
    assert row[2] == f"{per_second:,.1f}"


def test_few_rounds_leave_intervals_undetermined(
    recorded: TimingRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    few = dataclasses.replace(
        recorded,
        series=tuple(
            dataclasses.replace(one, wall_s=(one.wall_s[0][:3],), cpu_s=tuple(p[:3] for p in one.cpu_s[:1]))
            for one in recorded.series
        ),
    )
    for row in tables(few, capsys)["How many times as fast"][1:]:
        assert row[4] == row[6] == "[?]"
