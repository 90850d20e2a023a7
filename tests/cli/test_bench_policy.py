"""``swimrl bench policy``: the table of a recorded run, and small real ones."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from swimrl.bench.action.tables import print_record
from swimrl.cli.app import main
from swimrl.timing.record import read

RECORDED = Path(__file__).parents[1] / "golden" / "bench_policy.json"


def test_percentiles_and_the_worst_call(capsys: pytest.CaptureFixture[str]) -> None:
    record = read(RECORDED)
    print_record(record)
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
            assert row[place] == f"{summary([x for p in one.wall_s for x in p]) * 1e6:,.1f}"
        assert row[3] == str(record.settings["calls"])


@pytest.mark.slow
def test_new_networks_and_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train = "train --env InvertedPendulum-v5 --act relu,swim --net 16x16 --steps 20 --eval-episodes 1"
    with pytest.raises(SystemExit):
        main([*train.split(), "--final-episodes", "0", "--out", str(tmp_path)])
    (run,) = (record.parent for record in tmp_path.rglob("run.json"))
    small = ["--calls", "40", "--json"]
    for number, which in enumerate(
        ([str(run)], ["--act", "swim", "tanh", "--net", "16x16", "--env", "Pendulum-v1"])
    ):
        with pytest.raises(SystemExit) as end:
            main(["bench", "policy", *which, *small, str(tmp_path / f"{number}.json")])
        assert end.value.code == 0
    first, second = (read(tmp_path / f"{number}.json") for number in range(2))
    assert set(first.arms) == {f"{contender} relu,swim" for contender in ("fast", "torch", "sb3")}
    assert set(second.arms) == {f"{c} {act}" for c in ("fast", "torch", "sb3") for act in ("swim", "tanh")}
    for record in (first, second):
        assert record.absent == {}
        assert {one.part for one in record.series} == {None, "p50", "p99", "worst"}
        # 40 calls in 2 x 10 readings.
        assert {(one.count, len(one.wall_s), len(one.wall_s[0])) for one in record.series} == {(2, 2, 10)}
    assert "Latency of one action" in capsys.readouterr().out
