"""``swimrl bench show`` and ``compare``: records of every kind, without a clock."""

from __future__ import annotations

import csv
import dataclasses
import json
from pathlib import Path

import pytest

from swimrl.cli.app import main
from swimrl.timing.record import read, write

GOLDEN = Path(__file__).parents[1] / "golden"
KINDS = ("activations", "paper", "policy", "train")


def answer(*arguments: object, capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["bench", *map(str, arguments)])
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clock", ["wall", "cpu"])
def test_a_record_of_every_kind_is_shown_within_80_columns(
    kind: str, clock: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = answer("show", GOLDEN / f"bench_{kind}.json", "--clock", clock, capsys=capsys)
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert "relu" in out
    assert "95 % interval" in out


@pytest.mark.parametrize("kind", KINDS)
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
    assert "is of kind 'new'; expected one of activations, paper, policy, train" in err
