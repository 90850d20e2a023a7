"""The functions of `swimrl.bench`: recorded runs of every kind, and one small real run."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

import swimrl
from swimrl import bench
from swimrl.bench.activations.results import ActivationCosts
from swimrl.bench.base import BENCHMARKS
from swimrl.errors import ConfigError, InputError, SwimrlError, UnknownNameError

GOLDEN = Path(__file__).parents[1] / "golden"


def recorded(kind: str) -> bench.BenchRecord:
    return bench.read(GOLDEN / f"bench_{kind}.json")


def test_every_kind_has_a_recorded_run() -> None:
    assert {file.stem for file in GOLDEN.glob("bench_*.json")} == {f"bench_{kind}" for kind in BENCHMARKS}


@pytest.mark.parametrize("kind", BENCHMARKS)
@pytest.mark.parametrize("clock", ["wall", "cpu"])
def test_a_record_gives_typed_results_of_its_kind(kind: str, clock: str) -> None:
    results = recorded(kind).results(clock)
    assert type(results).__name__ == BENCHMARKS[kind].results
    assert (results.record.kind, results.clock) == (kind, clock)


@pytest.mark.parametrize("kind", BENCHMARKS)
def test_a_record_shows_itself(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    record = recorded(kind)
    record.print()
    printed = capsys.readouterr().out
    assert str(record) == printed.rstrip("\n")
    assert "relu" in record._repr_html_()
    assert record._repr_html_().startswith("<pre")
    assert f"record of {kind}: {len(record.timing.arms)} arms" in repr(record)


@pytest.mark.parametrize("kind", BENCHMARKS)
def test_a_record_is_written_read_merged_and_compared(kind: str, tmp_path: Path) -> None:
    record = recorded(kind)
    record.write(tmp_path / "again.json")
    again = bench.read(str(tmp_path / "again.json"))
    assert again.timing == record.timing
    merged = bench.merge(record, again)
    assert len(merged.timing.series[0].wall_s) == 2 * len(record.timing.series[0].wall_s)
    comparison = bench.compare(record, again)
    assert {change.ratio.value for change in comparison.changes} == {1.0}
    assert "0 slower, 0 faster" in " ".join(str(comparison).split())
    assert "again.json" in comparison._repr_html_()
    with pytest.raises(InputError, match="exists, and a record is never overwritten"):
        record.write(tmp_path / "again.json")


def test_records_without_a_common_arm_cannot_be_compared() -> None:
    record = recorded("paper")
    other = dataclasses.replace(record, timing=dataclasses.replace(record.timing, series=()))
    with pytest.raises(InputError, match="have nothing in common; measure the same arms in both"):
        bench.compare(record, other)


def test_a_record_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    content = json.loads((GOLDEN / "bench_paper.json").read_text())
    (tmp_path / "new.json").write_text(json.dumps({**content, "kind": "new"}))
    with pytest.raises(InputError, match=f"is of kind 'new'; expected one of {', '.join(BENCHMARKS)}"):
        bench.read(tmp_path / "new.json")


@pytest.mark.parametrize(
    ("kind", "settings", "error", "message"),
    [
        ("speed", {}, UnknownNameError, "unknown benchmark 'speed'"),
        ("paper", {"acts": ["relu"]}, ConfigError, "unknown key acts; did you mean act?"),
        ("paper", {"act": ["rel"]}, ConfigError, "unknown activation 'rel'"),
        ("train", {"rounds": "many"}, ConfigError, "rounds"),
        ("policy", {"run": "no-such-run"}, SwimrlError, "no-such-run"),
        ("train", {"env": "Halfcheetah-v4"}, SwimrlError, "HalfCheetah-v4"),
        ("paper", {"config": object(), "act": ["relu"]}, InputError, "a config and act are given"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_measured(
    kind: str, settings: dict[str, object], error: type[SwimrlError], message: str
) -> None:
    with pytest.raises(error) as caught:
        swimrl.bench.run(kind, quiet=True, **settings)
    assert message in str(caught.value)


@pytest.mark.slow
def test_a_small_run_from_python(capsys: pytest.CaptureFixture[str]) -> None:
    small = {
        "impl": "fused",
        "dtype": "float32",
        "shape": "4x8",
        "device": "cpu",
        "rounds": 1,
        "processes": 1,
    }
    record = swimrl.bench.run("activations", act=["swim"], reading=1e-4, **small)
    assert capsys.readouterr().err == ""
    costs = record.results()
    assert isinstance(costs, ActivationCosts)
    assert {(cost.activation, cost.implementation) for cost in costs.all()} == {
        ("relu", "native"),
        ("relu", "eager"),
        ("swim", "fused"),
    }
