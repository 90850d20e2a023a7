"""``swimrl bench activations``: a small real run, and the tables of a recorded one."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

from swimrl.bench.activations.tables import print_record
from swimrl.cli.app import main
from swimrl.timing.record import TimingRecord, read

RECORDED = Path(__file__).parents[1] / "golden" / "bench_activations.json"


@pytest.fixture(scope="module")
def recorded() -> TimingRecord:
    return read(RECORDED)


def tables(record: TimingRecord, capsys: pytest.CaptureFixture[str]) -> dict[str, list[list[str]]]:
    """Return the words of each row below each title."""
    print_record(record)
    found: dict[str, list[list[str]]] = {}
    title = ""
    for line in capsys.readouterr().out.splitlines():
        assert len(line) <= 80
        if line.startswith("float32, "):
            title = line.strip()
            found[title] = []
        elif not line.strip():
            title = ""
        elif title:
            found[title].append(line.split())
    return found


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
    print_record(recorded)
    out = " ".join(capsys.readouterr().out.split())
    assert "swim native float32 256x256, ulu native float32 256x256" in out
    assert "PyTorch has no operator for it" in out
    assert "not measured: compiled, float64, bfloat16, float16" in out
    assert "left out by --quick" in out


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
