"""``swimrl sweep``: what files and the command line make of a study. Sweeps themselves: ``tests/sweeps``."""

from __future__ import annotations

import json
import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from swimrl.cli.app import main
from swimrl.sweeps import estimate
from swimrl.sweeps.prepare import prepare
from tests.training.small_runs import LINE


def answer(options: str, capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(["sweep", *shlex.split(options)])
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


def dry_run(options: str, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    code, out, err = answer(f"{options} --dry-run --json", capsys)
    assert (code, err) == (0, "")
    return json.loads(out)["runs"]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    file = tmp_path / "study.yaml"
    file.write_text(
        "base: {net: 32x32, steps: 5e4}\n"
        "axes: {env: [Hopper-v4, Ant-v4], act: [swim, [relu, elu]], td3.lr: [1e-4, 3e-4]}\n"
        "seeds: 0-1\n"
    )
    return file


def test_a_dry_run_lists_the_runs_and_what_they_cost_and_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = answer("--env Hopper-v4 --act swim relu --seeds 0-1 --jobs 2 --dry-run", capsys)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert [line.split()[0] for line in lines] == ["environment", *["Hopper-v4"] * 4, "4", "what"]
    assert [line.split()[2] for line in lines[1:5]] == ["0", "0", "1", "1"]
    assert lines[5] == "4 runs: 4 left"
    assert re.fullmatch(r"what is left takes about 1\.\d GB of memory, 0\.\d GB of disk", lines[6])
    assert max(map(len, lines)) <= 80
    assert list(tmp_path.iterdir()) == []


def test_a_file_makes_a_study(study_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = dry_run(f"--config {study_file}", capsys)
    assert len(runs) == 2 * 2 * 2 * 2
    assert {run["environment"] for run in runs} == {"Hopper-v4", "Ant-v4"}
    assert {re.sub("-[0-9a-f]{8}$", "", run["variant"]) for run in runs} == {"swim", "relu-elu"}
    assert {run["steps"] for run in runs} == {50_000}
    assert all(run["path"].startswith("runs/study/") for run in runs)


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ("--seeds 5", 8),
        ("--act swim", 8),  # also what is the default of --act
        ("--act swim mish gelu", 24),
        ("--env Hopper-v4", 8),
        ("--grid td3.lr=1e-5", 8),
        ("--grid td3.gamma=0.9,0.99,0.999", 48),
        ("--only 3", 1),
    ],
)
def test_the_command_line_wins(
    options: str, count: int, study_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(dry_run(f"--config {study_file} {options}", capsys)) == count


def test_one_run_alone_is_the_one_of_that_number(capsys: pytest.CaptureFixture[str]) -> None:
    runs = dry_run("--act swim relu --seeds 0-1", capsys)
    assert [dry_run(f"--act swim relu --seeds 0-1 --only {number}", capsys) for number in range(4)] == [
        [run] for run in runs
    ]


def test_name_and_place(study_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, folder in [
        ("", "runs/default"),
        ("--study mine", "runs/mine"),
        (f"--config {study_file}", "runs/study"),
        ("--out else/where --study mine", "else/where"),
    ]:
        assert dry_run(f"{options} --seeds 0", capsys)[0]["path"].startswith(f"{folder}/")


def test_too_many_jobs_are_refused_with_the_number_that_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    each = estimate.PROCESS_BYTES + 196e6  # a million transitions of HalfCheetah
    monkeypatch.setattr(estimate, "available_memory", lambda: 3.5 * each)
    code, out, err = answer("--seeds 0-9 --jobs 5", capsys)
    assert (code, out) == (2, "")
    assert err == "swimrl: error: --jobs 5 needs about 3.5 GB of memory, 2.4 GB are free; --jobs 3 fits\n"
    monkeypatch.setattr(estimate, "available_memory", lambda: 0.5 * each)
    code, _, err = answer("--seeds 0-9", capsys)
    assert code == 2
    assert err.endswith("0.3 GB are free; give a smaller --td3.buffer-size\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--jobs 0", "--jobs is 0"),
        ("--dry-run --watch", "--dry-run and --watch exclude each other"),
        ("--json", "--json goes with --dry-run"),
        ("--only 2", "--only is 2, but the study has runs 0 to 0"),
        ("--only 1-0", "--only is 1-0, but the study has runs 0 to 0"),
        ("--only all", "expected a run's number or a range"),
        ("--only 0 --emit-slurm job.sh", "leave out --only"),
        ("--ray-address 1.2.3.4:5", "need --executor ray"),
        ("--executor ray --ray-address ray://1.2.3.4:5", "is a Ray Client's"),
        ("--executor slurm", "expected one of local, ray"),
        ("--grid td3.lr=1 td3.lr=2", "--grid names td3.lr twice"),
        ("--grid lr=1", "unknown key lr"),
        ("--seeds 3-1", "--seeds 3-1 is no range"),
        ("--config study.yaml --td3.lr 1e-3", "td3.lr is an axis of study.yaml; give --grid td3.lr=VALUE"),
        ("--config nothing.yaml", "cannot read --config nothing.yaml"),
        ("--act swimm", "unknown activation 'swimm'"),
        ("--act silu swish", "two runs of the study have one place"),
        ("--emit-slurm no/such/folder.sh --act relu --net 16 --env InvertedPendulum-v5", "cannot write"),
    ],
)
def test_wrong_input_gets_one_line(
    options: str, message: str, study_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = answer(options, capsys)
    assert code == 2
    assert err.startswith("swimrl: error: ")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.skipif(sys.platform == "win32", reason="there is no pty")
def test_a_study_that_is_done_costs_nothing_and_says_so_also_in_a_terminal(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from tests.training.small_runs import FINISHED_LINE

    study = tmp_path / "study"
    shutil.copytree(finished.parents[2], study)
    options = f"{LINE} {FINISHED_LINE} --out {study}".replace("--seed ", "--seeds ")
    _prepare(options, study, capsys)
    before = {file: file.stat().st_mtime_ns for file in study.rglob("*") if file.is_file()}

    code, out, err = answer(options, capsys)
    assert (code, err) == (0, "")
    assert out.splitlines() == [f"study study in {study}: 1 run, 1 at once", "1 run: 1 done"]

    # In a terminal, by the table's display.
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "swimrl", "status", str(study), "--watch"]
    environment = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        while part := _read(ours):
            shown += part
    os.close(ours)
    assert process.returncode == 0
    assert b"1 run: 1 done" in shown
    assert b"\x1b[?25l" in shown  # the cursor is hidden while a live table is drawn
    assert {file: file.stat().st_mtime_ns for file in study.rglob("*") if file.is_file()} == before


def _prepare(options: str, study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from swimrl.runs.directory import RunDirectory
    from swimrl.sweeps.config import PlannedRun
    from swimrl.training.resume import recorded_config

    (run,) = dry_run(options, capsys)
    directory = RunDirectory(Path(run["path"]))
    assert run["state"] == "done"
    prepare(study, [PlannedRun(recorded_config(directory), directory)], name="study", primary=None)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # on Linux this is how a terminal says that nobody will write any more
        return b""
