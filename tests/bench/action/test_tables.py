"""The tables of a recorded run of `swimrl bench policy`."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from swimrl.bench.records import BenchRecord
from swimrl.timing.record import read

RECORDED = Path(__file__).parents[2] / "golden" / "bench_policy.json"


def test_percentiles_and_the_worst_call(capsys: pytest.CaptureFixture[str]) -> None:
    record = read(RECORDED)
    BenchRecord(record).print()
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    rows = {
        " ".join(line[1::-1]): line[2:]
        for line in lines
        if line[1:2] and " ".join(line[1::-1]) in record.arms
    }
    assert set(rows) == set(record.arms)
    for name, row in rows.items():
        for place, part, summary in (
            (0, "p50", statistics.median),
            (1, "p99", statistics.median),
            (2, "worst", max),
        ):
            one = record.find(name, "action", part)
            assert one is not None
            us = summary([x for p in one.wall_s for x in p]) * 1e6
            assert row[place] == (f"{us:,.2f}" if us < 10 else f"{us:,.1f}")
        assert row[3] == str(record.settings["calls"])
