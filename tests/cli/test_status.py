"""``swimrl status``: the table of a study's runs, from files alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from swimrl.cli.app import main
from swimrl.sweeps.study_record import SharedChoices, StudyRecord, write_study_record


def answer(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[object, str, str]:
    with pytest.raises(SystemExit) as end:
        main(["status", *arguments])
    said = capsys.readouterr()
    return end.value.code, said.out, said.err


def test_a_folder_of_runs_without_study_json(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = answer([str(finished.parents[2])], capsys)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "1 run: 1 done"


def test_runs_that_are_left_are_shown_where_study_json_names_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = {f"Hopper-v4/{act}-1a2b3c4d/seed-0": 1000 for act in ("swim", "relu")}
    write_study_record(tmp_path, StudyRecord(SharedChoices("name"), {}, runs))
    code, out, _ = answer([str(tmp_path), "--json"], capsys)
    assert code == 0
    content = json.loads(out)
    assert content["counts"] == {"left": 2}
    assert [run["variant"] for run in content["runs"]] == ["swim-1a2b3c4d", "relu-1a2b3c4d"]


def test_a_failed_run_says_why_below_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "Hopper-v4/swim-1a2b3c4d/seed-0"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{")
    code, out, _ = answer([str(tmp_path)], capsys)
    assert code == 0
    assert out.splitlines()[-2] == "1 run: 1 failed"
    assert out.splitlines()[-1].startswith(f"{run}: {run}/run.json")


@pytest.mark.parametrize("name", ["nothing", "."])
def test_a_folder_without_runs(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = answer([str(tmp_path / name)], capsys)
    assert (code, out) == (2, "")
    assert err.endswith("holds no runs; name the folder of a study, such as runs/default\n")


def test_it_is_light(tmp_path: Path) -> None:
    write_study_record(
        tmp_path, StudyRecord(SharedChoices("name"), {}, {"Hopper-v4/swim-1a2b3c4d/seed-0": 10})
    )
    check = (
        "import sys; from swimrl.cli.app import main\n"
        "try: main(['status', sys.argv[1]])\n"
        "except SystemExit: print({'torch', 'stable_baselines3', 'gymnasium'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", check, str(tmp_path)], capture_output=True, text=True)
    assert result.stdout.splitlines()[-1] == "set()"
