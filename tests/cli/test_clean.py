"""``swimrl clean``: checkpoints of finished runs, and nothing else."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from swimrl.cli.app import main
from swimrl.runs.directory import RunDirectory
from swimrl.runs.record import read_record


@pytest.fixture
def study(finished: Path, tmp_path: Path) -> Path:
    """A study of a finished run, seed 3, and of one that was stopped, seed 4."""
    for seed in (3, 4):
        shutil.copytree(finished, tmp_path / Path(*finished.parts[-3:-1]) / f"seed-{seed}")
    (stopped,) = tmp_path.glob("*/*/seed-4")
    directory = RunDirectory(stopped)
    directory.write_record(replace(read_record(directory.record_file), status="interrupted"))
    return tmp_path


def clean(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> list[str]:
    with pytest.raises(SystemExit) as end:
        main(["clean", *arguments])
    said = capsys.readouterr()
    assert (end.value.code, said.err) == (0, "")
    return said.out.splitlines()


def contents(study: Path) -> set[str]:
    return {str(file.relative_to(study)) for file in study.rglob("*") if file.is_file()}


def test_only_checkpoints_of_finished_runs_go(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(study)
    (run,) = study.glob("*/*/seed-3")
    size = sum(file.stat().st_size for file in (run / "checkpoint").rglob("*") if file.is_file())
    told = [
        f"the checkpoints of 1 finished run: {size / 1e6:,.1f} MB",
        "kept those of runs that are not finished: 1",
    ]
    assert clean([str(study), "--dry-run"], capsys) == [f"would delete {told[0]}", told[1]]
    assert contents(study) == before
    assert clean([str(study)], capsys) == [f"deleted {told[0]}", told[1]]
    gone = before - contents(study)
    assert gone
    assert all(f"/{run.name}/checkpoint/" in name for name in gone)
    assert not (run / "checkpoint").exists()
    assert clean([str(study)], capsys)[0] == "deleted the checkpoints of 0 finished runs: 0.0 MB"


def test_a_run_at_work_and_a_damaged_one_stay(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (run,) = study.glob("*/*/seed-3")
    (stopped,) = study.glob("*/*/seed-4")
    (stopped / "run.json").write_text("{")
    before = contents(study)
    with RunDirectory(run).at_work():
        assert clean([str(study)], capsys)[1] == "kept those of runs that are not finished: 2"
    assert contents(study) == before


def test_a_folder_without_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["clean", str(tmp_path)])
    assert end.value.code == 2
    assert "holds no runs" in capsys.readouterr().err
