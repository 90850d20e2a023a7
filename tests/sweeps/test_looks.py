"""Studies that stop when their answer is in: which runs come next, and looks that are taken once."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import swimrl
from swimrl.cli.app import main
from swimrl.errors import ConfigError, InputError, TrainingError
from swimrl.sweeps import SweepConfig
from swimrl.sweeps.looks import check_taken, next_look
from swimrl.sweeps.study_record import SharedChoices, StudyRecord, read_study_record, write_study_record
from swimrl.training import TrainConfig
from tests.reporting.studies import write_run

PRIMARY: dict[str, Any] = {
    "baseline": "relu",
    "comparisons": ["swim", "tanh"],
    "sequential": {"looks": [5, 8], "spending": "pocock"},
}
CONFIG = SweepConfig(
    TrainConfig(env="Hopper-v4", steps=60_000, net="16x16"),
    {"act": ["relu", "swim", "tanh"]},
    seeds=tuple(range(8)),
    primary=PRIMARY,
)
SWIM_IS_BETTER = {"relu": 100.0, "swim": 300.0, "tanh": 100.0}


def begun(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    write_study_record(folder, StudyRecord(SharedChoices("test", primary=PRIMARY), {}, {}))
    return folder


def done(folder: Path, levels: dict[str, float], seeds: range) -> None:
    for seed in seeds:
        for place, (act, level) in enumerate(levels.items()):
            shifted = level + 7 * ((seed * (1 + place)) % 5)
            write_run(folder, act=act, seed=seed, level=shifted, primary=PRIMARY)


def test_the_first_look_takes_the_first_seeds_of_every_arm(tmp_path: Path) -> None:
    look = next_look(CONFIG, tmp_path / "study")
    assert look is not None
    assert look.title == "look 1 of 2: 5 seeds of relu, swim, tanh"
    assert len(look.config.runs(tmp_path)) == 15
    assert {run.config.seed for run in look.config.runs(tmp_path)} == set(range(5))


def test_a_decided_arm_is_left_out_of_the_next_look(tmp_path: Path) -> None:
    study = begun(tmp_path / "study")
    done(study, SWIM_IS_BETTER, range(5))
    look = next_look(CONFIG, study)
    assert look is not None
    assert look.title == "look 2 of 2: 8 seeds of relu, tanh"
    record = read_study_record(study)
    assert record is not None
    (taken,) = record.looks
    assert taken.outcomes == {"swim": "better", "tanh": "open"}
    assert list(taken.seeds) == [0, 1, 2, 3, 4]
    assert len(taken.scores["Hopper-v4"]["swim"]) == 5


def test_after_the_last_look_nothing_is_left(tmp_path: Path) -> None:
    study = begun(tmp_path / "study")
    done(study, SWIM_IS_BETTER, range(5))
    next_look(CONFIG, study)
    done(study, {"relu": 100.0, "tanh": 100.0}, range(5, 8))
    assert next_look(CONFIG, study) is None
    record = read_study_record(study)
    assert record is not None
    assert [look.outcomes for look in record.looks] == [
        {"swim": "better", "tanh": "open"},
        {"tanh": "undecided"},
    ]
    assert next_look(CONFIG, study) is None  # asked again, it comes to the same
    assert read_study_record(study) == record


def test_half_a_look_is_not_taken(tmp_path: Path) -> None:
    study = begun(tmp_path / "study")
    done(study, SWIM_IS_BETTER, range(4))
    look = next_look(CONFIG, study)
    assert look is not None
    assert look.number == 1
    record = read_study_record(study)
    assert record is not None
    assert record.looks == ()


def test_a_look_sees_no_runs_beyond_its_seeds(tmp_path: Path) -> None:
    """A study whose runs are all done comes to the looks of one that was done look by look."""
    study = begun(tmp_path / "study")
    done(study, SWIM_IS_BETTER, range(5))
    next_look(CONFIG, study)
    done(study, SWIM_IS_BETTER, range(5, 8))
    assert next_look(CONFIG, study) is None
    step_by_step = read_study_record(study)
    begun(study)  # forgets the looks
    assert next_look(CONFIG, study) is None
    assert read_study_record(study) == step_by_step


def test_runs_that_are_not_done_do_not_count(tmp_path: Path) -> None:
    """After a kill every run of a look may have a score so far; no look may be taken on these."""
    study = begun(tmp_path / "study")
    for act in SWIM_IS_BETTER:
        for seed in range(5):
            write_run(study, act=act, seed=seed, until=30_000, status="interrupted", primary=PRIMARY)
    look = next_look(CONFIG, study)
    assert look is not None
    assert look.number == 1
    with pytest.raises(TrainingError, match=r"look 1 cannot be taken.* it is interrupted; mend it"):
        check_taken(look, look, study)


def test_a_look_whose_scores_have_changed_is_refused(tmp_path: Path) -> None:
    study = begun(tmp_path / "study")
    done(study, SWIM_IS_BETTER, range(5))
    next_look(CONFIG, study)
    evaluations = next(study.glob("*/swim*/seed-2/evaluations.csv"))
    evaluations.write_text(evaluations.read_text().replace("60000,0,", "60000,0,1"))
    with pytest.raises(ConfigError, match="the scores of look 1 have changed since it was taken"):
        next_look(CONFIG, study)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"primary": None}, "needs a study that declares looks"),
        ({"primary": {"baseline": "relu", "comparisons": ["swim"], "planned_seeds": 8}}, "declares looks"),
        ({"axes": {**CONFIG.axes, "td3.lr": [1e-3, 1e-4]}}, r"td3\.lr has several values too"),
        ({"seeds": (0, 1, 2)}, "the last look has 8 seeds and the study 3; give --seeds 0-7"),
        ({"axes": {"act": ["relu", "swim"]}}, "tanh of primary is no activation of the study"),
    ],
)
def test_a_study_that_has_no_looks_to_take_is_refused(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        next_look(replace(CONFIG, **change), tmp_path)


STUDY = """
base: {env: Pendulum-v1, steps: 20, net: 8x8, eval_every: 20, eval_episodes: 1, final_episodes: 0}
axes: {act: [relu, swim]}
seeds: 0-2
primary: {baseline: relu, comparisons: [swim], sequential: {looks: [2, 3]}}
"""


@pytest.fixture
def study_file(tmp_path: Path) -> Path:
    file = tmp_path / "study.yaml"
    file.write_text(STUDY)
    return file


SWEEP = """
import sys
import swimrl
import swimrl.sweeps.executors.local
from tests.sweeps.in_process import InProcessExecutor

swimrl.sweeps.executors.local.LocalExecutor = InProcessExecutor
swimrl.sweep(sys.argv[1], out=sys.argv[2], until_decided=True)
"""


@pytest.mark.usefixtures("runs_in_this_process")
def test_a_study_killed_between_two_looks_goes_on_and_comes_to_the_same_looks(
    study_file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Real runs of 20 steps: every comparison ends, whatever its outcome; a second call does nothing."""
    out = tmp_path / "study"
    command = (sys.executable, "-u", "-c", SWEEP, study_file, out)
    root = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=root) as sweep:
        assert sweep.stdout is not None
        lines = iter(sweep.stdout)
        assert next(lines) == "look 1 of 2: 2 seeds of relu, swim\n"
        assert any(line.startswith("look 2 of 2: 3 seeds of") for line in lines)
        sweep.kill()
    killed = read_study_record(out)
    assert killed is not None
    study = swimrl.sweep(study_file, out=out, until_decided=True)
    assert "look 2 of 2: 3 seeds of relu, swim" in capfd.readouterr().out
    assert study.status().counts == {"done": 6}
    record = read_study_record(out)
    assert record is not None
    assert [look.number for look in record.looks] == [1, 2]
    assert record.looks[:1] == killed.looks
    swimrl.sweep(study_file, out=out, until_decided=True)
    assert "every declared comparison is decided" in capfd.readouterr().out
    write_study_record(out, replace(record, looks=()))
    swimrl.sweep(study_file, out=out, until_decided=True)
    assert read_study_record(out) == record  # the looks follow from the runs alone
    with pytest.raises(InputError, match="leave out --only"):
        swimrl.sweep(study_file, out=out, until_decided=True, only=0)


@pytest.mark.usefixtures("runs_in_this_process")
def test_the_tasks_of_a_cluster_do_one_look_after_the_other(
    study_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, job = tmp_path / "study", tmp_path / "job.sh"
    emit = (
        "sweep",
        "--config",
        str(study_file),
        "--until-decided",
        "--out",
        str(out),
        "--emit-slurm",
        str(job),
    )
    for look, new in ((1, range(4)), (2, range(4, 6))):
        with pytest.raises(SystemExit) as end:
            main(list(emit))
        assert end.value.code == 0
        assert f"look {look} of 2" in capsys.readouterr().err
        assert f"#SBATCH --array=0-{new[-1]}\n" in job.read_text()
        # The script itself is run in executors/test_slurm.py; here its command, for one task after another.
        (line,) = (line for line in job.read_text().splitlines() if "--only" in line)
        words = shlex.split(line.removesuffix(" &"))
        assert words[:3] == [sys.executable, "-m", "swimrl"]
        for task in new:
            with pytest.raises(SystemExit) as end:
                main([word.replace("$first-$last", f"{task}-{task}") for word in words[3:]])
            assert end.value.code == 0
        capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(list(emit))
    assert end.value.code == 2
    assert "no look is left" in capsys.readouterr().err
    record = read_study_record(out)
    assert record is not None
    assert [len(look.seeds) for look in record.looks] == [2, 3]
