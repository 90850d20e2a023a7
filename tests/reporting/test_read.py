"""Reading runs, and what cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from swimrl.errors import InputError
from swimrl.reporting.analysis import analyse
from swimrl.reporting.read import CSV_COLUMNS, collect
from swimrl.runs.naming import STUDY_FILE
from swimrl.runs.record import Failure
from tests.reporting.studies import STEPS, rising, write_run, write_study

HEAD = ",".join(CSV_COLUMNS)


def write_csv(path: Path, *lines: str, head: str = HEAD) -> Path:
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def test_a_run_directory_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = write_run(tmp_path, act="swim", seed=3, level=50.0)
    (one,) = collect([tmp_path]).runs
    assert (one.env, one.arm, one.seed, one.status, one.final100) == ("Hopper-v4", "swim", 3, "done", 123.0)
    np.testing.assert_array_equal(one.steps, STEPS)
    np.testing.assert_allclose(one.returns, rising(50.0, 3))
    assert one.source == folder
    # The folder itself, its run.json, and a shell's expansion say the same.
    assert collect([folder]).runs[0].seed == collect([folder / "run.json"]).runs[0].seed == 3


def test_arms_are_told_apart_by_any_key(tmp_path: Path) -> None:
    for lr in (1e-4, 1e-3):
        write_run(tmp_path, act="swim", lr=lr)
    found = collect([tmp_path], ["act", "td3.lr"])
    assert {run.arm: run.values for run in found.runs} == {
        "swim, lr=0.0001": ("swim", 1e-4),
        "swim, lr=0.001": ("swim", 1e-3),
    }
    with pytest.raises(
        InputError, match=r"--by 'td3.r' is not a key .* did you mean 'td3.lr'\? run.json lists"
    ):
        collect([tmp_path], ["act", "td3.r"])


def test_the_critics_activation_is_part_of_the_name(tmp_path: Path) -> None:
    folder = write_run(tmp_path, act="tanh")
    text = (folder / "run.json").read_text()
    (folder / "run.json").write_text(text.replace('"act_critic": null', '"act_critic": "swish"'))
    assert collect([tmp_path]).runs[0].arm == "tanh (critics swish)"


def test_a_second_run_of_the_same_is_left_out_and_listed(tmp_path: Path) -> None:
    write_run(tmp_path / "a", status="running")
    write_run(tmp_path / "b")
    found = collect([tmp_path])
    (kept,) = found.runs
    assert (kept.status, kept.source.parts[-4]) == ("done", "b")
    (left_out,) = found.excluded
    assert "a second run of relu on Hopper-v4 with seed 0" in left_out.why


@pytest.mark.parametrize("schema", [1, 2])
@pytest.mark.parametrize(
    ("failure", "reason", "has_diverged"),
    [
        ("diverged", "the critics' loss is nan after 20 updates; the first tensor", True),
        ("storage", "cannot write runs/inf/Hopper-v4: No space left on device; make room", False),
        ("error", "OverflowError: cannot convert float infinity to integer", False),
        ("error", "ValueError: nan is no force", False),
    ],
)
def test_only_numbers_that_are_not_finite_count_as_diverged(
    failure: Failure, reason: str, has_diverged: bool, schema: int, tmp_path: Path
) -> None:
    folder = write_run(tmp_path / "inf", status="failed", failure=failure, reason=reason)
    content = json.loads((folder / "run.json").read_text())
    if schema == 1:
        del content["failure"]
    (folder / "run.json").write_text(json.dumps({**content, "schema_version": schema}))
    (one,) = collect([tmp_path]).runs
    assert (one.failure, one.has_diverged) == (failure, has_diverged)


def test_damaged_runs_are_listed_and_the_others_read(tmp_path: Path) -> None:
    write_run(tmp_path, seed=0)
    (write_run(tmp_path, seed=1) / "run.json").write_text("{")
    (write_run(tmp_path, seed=2) / "evaluations.csv").unlink()
    (write_run(tmp_path, seed=3) / "evaluations.csv").write_text("step,episode\n1,2\n")
    (write_run(tmp_path, seed=4) / "evaluations.csv").write_text("step,episode,return,length\n")
    found = collect([tmp_path])
    assert [run.seed for run in found.runs] == [0]
    whys = [one.why for one in found.excluded]
    assert len(whys) == 4
    assert "no record of a run" in whys[0]
    assert "no evaluation yet" in whys[1]
    assert "is damaged" in whys[2]
    assert "is damaged" in whys[3]


def test_nothing_readable_says_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"does not exist; name run directories"):
        collect([tmp_path / "nowhere"])
    with pytest.raises(InputError, match=r"nothing to report .* expected run directories"):
        collect([tmp_path])
    broken = tmp_path / "evaluations.npz"
    broken.write_bytes(b"PK")
    with pytest.raises(InputError, match=r"not an evaluations.npz of Stable-Baselines3"):
        collect([broken])


def test_rl_zoos_logs(tmp_path: Path) -> None:
    for number in (1, 2):
        folder = tmp_path / "td3" / f"HalfCheetah-v4_{number}"
        folder.mkdir(parents=True)
        results = np.array([[1.0, 3.0], [5.0, 7.0]]) * number
        np.savez(folder / "evaluations.npz", timesteps=np.array([10, 20]), results=results)
    found = collect([tmp_path]).runs
    assert [(run.env, run.arm, run.seed) for run in found] == [
        ("HalfCheetah-v4", "td3", 1),
        ("HalfCheetah-v4", "td3", 2),
    ]
    np.testing.assert_array_equal(found[1].returns, [4, 12])


def test_an_sb3_log_of_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "Hopper-v4" / "swish_seed_7"
    folder.mkdir(parents=True)
    np.savez(folder / "evaluations.npz", timesteps=np.array([10]), results=np.array([[1.0, 3.0]]))
    (one,) = collect([tmp_path]).runs
    assert (one.env, one.arm, one.seed) == ("Hopper-v4", "swish", 7)


def test_a_tidy_csv_file_in_any_order(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "Ant-v4,swim,1,0,5", "Ant-v4,swim,1,20,7", "Ant-v4,swim,1,10,6")
    (one,) = collect([path]).runs
    assert (one.env, one.arm, one.seed, one.is_paired) == ("Ant-v4", "swim", 1, False)
    np.testing.assert_array_equal(one.steps, [0, 10, 20])
    np.testing.assert_array_equal(one.returns, [5, 6, 7])


def test_a_csv_file_may_say_that_its_seeds_are_pairs(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", "Ant-v4,swim,1,0,5,yes", head=HEAD + ",paired")
    assert collect([path]).runs[0].is_paired


def test_runs_under_one_seed_are_told_apart_where_their_steps_begin_anew(tmp_path: Path) -> None:
    lines = [f"Ant-v1,relu,0,{step},{run}" for run in (1, 2, 3) for step in (0, 10)]
    found = collect([write_csv(tmp_path / "a.csv", *lines, "Ant-v1,relu,1,0,9")]).runs
    assert sorted((run.seed, run.returns[0]) for run in found) == [(0, 1), (1, 9), (2, 2), (3, 3)]
    assert "3 runs of relu on Ant-v1 have seed 0" in str(found[0].note)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("Ant-v4,swim,one,0,5", "line 2"),
        ("Ant-v4,swim,1,0,much", "line 2"),
        ("Ant-v4,swim,1,0", "line 2"),
        ("Ant-v4,swim,1,5,1\nAnt-v4,swim,1,9,1\nAnt-v4,swim,1,9,1", "line 4.*a second line for step 9"),
    ],
)
def test_a_damaged_csv_file_says_where(tmp_path: Path, line: str, why: str) -> None:
    good = write_csv(tmp_path / "good.csv", "Ant-v4,swim,1,0,5")
    found = collect([good, write_csv(tmp_path / "bad.csv", *line.split("\n"))])
    assert len(found.runs) == 1
    import re

    assert re.search(rf"bad.csv, {why}", found.excluded[0].why)


def test_other_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"expected the columns {', '.join(CSV_COLUMNS)}"):
        collect([write_csv(tmp_path / "a.csv", "1,2", head="a,b")])
    with pytest.raises(InputError, match="holds no evaluation"):
        collect([write_csv(tmp_path / "b.csv")])


def test_planned_runs_that_have_not_begun_make_a_report_interim(tmp_path: Path) -> None:
    write_study(tmp_path, seeds=2)
    runs = [file.parent.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("run.json")]
    planned = [*runs, "Hopper-v4/tanh-0/seed-0", "Hopper-v4/tanh-0/seed-1"]
    (tmp_path / STUDY_FILE).write_text(json.dumps({"runs": dict.fromkeys(planned, 60_000)}))
    collection = collect([tmp_path])
    assert (collection.planned, collection.not_begun) == (6, 2)
    interim = analyse(collection).interim
    assert interim == "2 of 6 planned runs have no evaluation yet"
    (tmp_path / STUDY_FILE).write_text("{")
    assert analyse(collect([tmp_path])).interim is None
