"""``swimrl bench``: records of every kind shown and compared, and a small real run of each benchmark."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import pytest

from swimrl.bench.action import config as action_config
from swimrl.bench.action.config import CONTENDERS
from swimrl.bench.base import BENCHMARKS
from swimrl.bench.training.profile import PARTS
from swimrl.bench.training.results import PROFILE, STEPS, UPDATES
from swimrl.cli.app import main
from swimrl.timing.record import read, write

GOLDEN = Path(__file__).parents[1] / "golden"


def answer(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["bench", *map(str, arguments)])
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


@pytest.mark.parametrize("kind", BENCHMARKS)
@pytest.mark.parametrize("clock", ["wall", "cpu"])
def test_a_record_of_every_kind_is_shown_within_80_columns(
    kind: str, clock: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = answer("show", GOLDEN / f"bench_{kind}.json", "--clock", clock, capsys=capsys)
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "relu" in out
    assert "95 % interval" in out


@pytest.mark.parametrize("kind", BENCHMARKS)
def test_a_record_compared_with_itself_has_no_change(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = GOLDEN / f"bench_{kind}.json"
    code, out, _ = answer("compare", path, path, capsys=capsys)
    assert code == 0
    assert "0 slower, 0 faster" in out
    assert max(map(len, out.splitlines())) <= 80


def test_several_records_are_merged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = read(GOLDEN / "bench_paper.json")
    other = tmp_path / "other.json"
    write(record, other)
    merged = tmp_path / "merged.json"
    _, out, _ = answer("show", GOLDEN / "bench_paper.json", other, "--json", merged, capsys=capsys)
    assert len(read(merged).series[0].wall_s) == 2 * record.settings["processes"]
    assert f"{2 * record.settings['processes']} x {record.settings['rounds']} interleaved rounds" in out


def test_a_change_is_shown_with_what_else_changed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = read(GOLDEN / "bench_paper.json")
    slower = dataclasses.replace(
        record,
        versions={**record.versions, "torch": "9.9"},
        series=tuple(
            dataclasses.replace(one, wall_s=tuple(tuple(50 * x for x in process) for process in one.wall_s))
            for one in record.series
        ),
    )
    write(slower, tmp_path / "slower.json")
    _, out, _ = answer("compare", GOLDEN / "bench_paper.json", tmp_path / "slower.json", capsys=capsys)
    assert f"{len(record.series)} slower, 0 faster, 0 not distinguishable" in " ".join(out.split())
    assert f"torch: {record.versions['torch']} and 9.9" in out


def test_another_host_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = read(GOLDEN / "bench_paper.json")
    write(dataclasses.replace(record, host={**record.host, "cores": 99}), tmp_path / "other.json")
    for command in ("compare", "show"):
        code, out, err = answer(command, GOLDEN / "bench_paper.json", tmp_path / "other.json", capsys=capsys)
        assert (code, out) == (2, "")
        assert f"the records differ in cores: {record.host['cores']} and 99;" in err


def test_a_table_and_a_figure_of_activations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = GOLDEN / "bench_activations.json"
    table, figure = tmp_path / "costs.csv", tmp_path / "costs.svg"
    code, _, _ = answer("show", record, "--csv", table, "--figure", figure, capsys=capsys)
    assert code == 0
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    measured = [one for one in read(record).series if not one.arm.startswith("copy")]
    assert len(rows) == len(measured)
    assert {row["verdict"] for row in rows} <= {"reference", "slower", "faster", "not distinguishable"}
    assert figure.read_text().startswith("<?xml")
    for option, path in (("--csv", table), ("--figure", figure)):
        code, _, err = answer("show", record, option, path, capsys=capsys)
        assert (code, err.count("\n")) == (2, 1)
        assert "exists, and a record is never overwritten" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["bench_paper.json", "--csv", "x.csv"], "--csv and --figure are for records of activations"),
        (["bench_activations.json", "--figure", "x.pdf"], "cannot write a figure to 'x.pdf'; end its name"),
    ],
)
def test_what_cannot_be_written_is_said(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = answer("show", GOLDEN / arguments[0], *arguments[1:], capsys=capsys)
    assert code == 2
    assert message in err


def test_a_record_of_another_kind_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = json.loads((GOLDEN / "bench_paper.json").read_text())
    (tmp_path / "new.json").write_text(json.dumps({**content, "kind": "new"}))
    code, _, err = answer("show", tmp_path / "new.json", capsys=capsys)
    assert code == 2
    assert f"is of kind 'new'; expected one of {', '.join(BENCHMARKS)}" in err


@pytest.mark.slow
def test_a_small_run_writes_record_table_and_figure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {option: tmp_path / f"costs.{option}" for option in ("json", "csv")}
    figure = tmp_path / "costs.png"
    small = "--impl eager fused --dtype float32 --shape 4x32 --rounds 6 --processes 1 --reading 0.0001"
    options = [word for option, path in files.items() for word in (f"--{option}", str(path))]
    with pytest.raises(SystemExit) as end:
        main(["bench", "activations", "swim", *small.split(), *options, "--figure", str(figure)])
    said = capsys.readouterr()
    assert (end.value.code, said.err) == (0, "")
    assert max(len(line) for line in said.out.splitlines() if str(tmp_path) not in line) <= 80
    record = read(files["json"])
    assert json.loads(files["json"].read_text())["settings"]["act"] == ["swim"]
    assert {one.arm for one in record.series} == {
        f"{arm} float32 4x32"
        for arm in ("copy native", "relu native", "swim eager", "swim fused", "relu eager")
    }
    assert "cuda" in record.absent
    assert files["csv"].read_text().count("\n") == 1 + 4 * 3
    assert figure.read_bytes().startswith(b"\x89PNG")
    assert f"raw readings: {files['json']}" in said.out.replace("\n", "")


@pytest.mark.slow
def test_a_small_run_of_both_protocols(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
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


@pytest.mark.slow
def test_the_policies_of_new_networks_and_of_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(action_config, "_PROCESSES", 1)
    train = "train --env InvertedPendulum-v5 --act relu,swim --net 16x16 --steps 20 --eval-episodes 1"
    with pytest.raises(SystemExit):
        main([*train.split(), "--final-episodes", "0", "--out", str(tmp_path)])
    (run,) = (record.parent for record in tmp_path.rglob("run.json"))
    small = ["--calls", "20", "--json"]
    for number, which in enumerate(
        ([str(run)], ["--act", "swim", "tanh", "--net", "16x16", "--env", "Pendulum-v1"])
    ):
        with pytest.raises(SystemExit) as end:
            main(["bench", "policy", *which, *small, str(tmp_path / f"{number}.json")])
        assert end.value.code == 0
    first, second = (read(tmp_path / f"{number}.json") for number in range(2))
    assert {*first.arms, *first.absent} == {f"{contender} relu,swim" for contender in CONTENDERS}
    assert {*second.arms, *second.absent} == {f"{c} {act}" for c in CONTENDERS for act in ("swim", "tanh")}
    for record in (first, second):
        # onnx and a C compiler are optional.
        assert all(arm.startswith(("onnx", "c ", "read")) for arm in record.absent)
        assert {one.part for one in record.series} == {None, "p50", "p99", "worst"}
        # 20 calls in 1 x 10 readings.
        assert {(one.count, len(one.wall_s), len(one.wall_s[0])) for one in record.series} == {(2, 1, 10)}
    assert "Latency of one action" in capsys.readouterr().out


def test_an_existing_file_is_refused_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "old.json"
    path.write_text("mine")
    with pytest.raises(SystemExit) as end:
        main(["bench", "train", "--json", str(path)])
    assert end.value.code == 2
    assert capsys.readouterr().err == (
        f"swimrl: error: {path} exists, and a record is never overwritten; give another name\n"
    )
    assert path.read_text() == "mine"


@pytest.mark.slow
def test_a_small_run_of_training_keeps_the_reason_of_what_it_cannot_measure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "record.json"
    command = (
        "bench train --env Pendulum-v1 --engine fused --against sb3 sbx --peer-python sbx=/no/such/python"
    )
    small = "--net 8x8 --batch-size 8 --warm-up 20 --rounds 2 --processes 1 --reading 0.01"
    act = "swim(k=trainable)"
    with pytest.raises(SystemExit) as end:
        main([*command.split(), *small.split(), "--act", act, "--json", str(path)])
    assert end.value.code == 0
    record = read(path)
    assert record.absent == {f"sbx {act}": "cannot run /no/such/python: No such file or directory"}
    measured = {(one.arm, one.work, one.part) for one in record.series}
    assert {(f"swimrl-fused {act}", work, None) for work in (STEPS, UPDATES, PROFILE)} <= measured
    assert {(f"swimrl-fused {act}", PROFILE, part) for part in PARTS} <= measured
    assert {work for arm, work, _ in measured if arm == f"sb3 {act}"} == {STEPS, UPDATES}
    assert record.arms[f"swimrl-fused {act}"]["engine"]["name"] == "fused"
    assert record.arms[f"sb3 {act}"]["activation"] == "eager code"
    assert all(len(process) == 2 for one in record.series for process in one.wall_s)
    out = capsys.readouterr().out
    assert "not measured: sbx swim(k=trainable): cannot run /no/such/python" in out
    assert out.endswith(f"raw readings: {path}\n")
