"""The tables of a recorded run of `swimrl bench paper`."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from swimrl.bench.records import BenchRecord
from swimrl.timing.record import read

RECORDED = Path(__file__).parents[2] / "golden" / "bench_paper.json"


def rows_below(out: str, title: str) -> dict[str, list[str]]:
    """Return the words of the rows of a table by their first."""
    below = out[out.index(title) :].splitlines()[2:]
    rows = [line.split() for line in below[: [bool(line.strip()) for line in [*below, ""]].index(False)]]
    return {row[0]: row[1:] for row in rows}


def test_the_papers_protocol_is_mean_and_population_deviation_of_all_calls(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = read(RECORDED)
    BenchRecord(record).print()
    rows = rows_below(capsys.readouterr().out, "The paper's protocol")
    assert list(rows) == record.settings["act"]
    for act, row in rows.items():
        for place, work in ((0, "inference"), (4, "backward")):
            readings = record.arms[act]["paper"][work]
            assert len(readings) == 100
            assert row[place : place + 4] == [
                f"{statistics.fmean(readings):.3f}",
                "+-",
                f"{statistics.pstdev(readings):.3f}",
                f"{readings[0]:.3f}",
            ]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_corrected_one_has_medians_and_intervals(dtype: str, capsys: pytest.CaptureFixture[str]) -> None:
    record = read(RECORDED)
    BenchRecord(record).print()
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= 80
    for act, row in rows_below(out, f"Corrected, {dtype}").items():
        one = record.find(act, f"inference {dtype}")
        assert one is not None
        median = statistics.median(x for process in one.wall_s for x in process) / one.count
        assert row[0] == f"{median * 1e3:.3f}"
        assert (row[1] == "-") == (act == "relu")
    assert "no warm-up" in out
    assert "float64, while TD3 is trained in float32" in out
