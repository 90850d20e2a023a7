"""``swimrl bench paper``: both protocols of a recorded run, and a small real one."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from swimrl.bench.paper.tables import print_record
from swimrl.cli.app import main
from swimrl.timing.record import read

RECORDED = Path(__file__).parents[1] / "golden" / "bench_paper.json"


def rows_below(out: str, title: str) -> dict[str, list[str]]:
    """Return the words of the rows of a table by their first."""
    below = out[out.index(title) :].splitlines()[2:]
    rows = [line.split() for line in below[: [bool(line.strip()) for line in [*below, ""]].index(False)]]
    return {row[0]: row[1:] for row in rows}


def test_the_papers_protocol_is_mean_and_population_deviation_of_all_calls(
    capsys: pytest.CaptureFixture[str],
) -> None:
    record = read(RECORDED)
    print_record(record)
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
    print_record(record)
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


@pytest.mark.slow
def test_a_small_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "paper.json"
    small = "--env Pendulum-v1 --rounds 1 --processes 1 --reading 0.001"
    with pytest.raises(SystemExit) as end:
        main(["bench", "paper", "--act", "relu", *small.split(), "--json", str(path)])
    assert end.value.code == 0
    record = read(path)
    assert record.absent == {}
    assert record.arms["relu"]["what"] == "torch.nn.ReLU"
    assert {one.work for one in record.series} == {
        f"{work} {dtype}" for work in ("inference", "backward") for dtype in ("float64", "float32")
    }
    assert "The paper's protocol" in capsys.readouterr().out
