"""The script of an array job: what it asks for, and that its body does a run."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from swimrl.cli.app import main
from swimrl.runs.record import read_record
from swimrl.sweeps.executors.slurm import ArrayJob, script

JOB = ArrayJob(
    name="study",
    runs=12,
    command=("python", "-m", "swimrl", "sweep", "--config", "a folder/tasks.yaml"),
    directory=Path("/home/a user"),
    log_folder=Path("/home/a user/runs/study/logs"),
    threads=2,
    memory_bytes=800 * 2**20,
    seconds=40_000,
)


def test_it_asks_for_what_a_run_needs() -> None:
    text = script(JOB, Path("job.sh"))
    options = dict(re.findall(r"^#SBATCH --([\w-]+)(?:=(\S.*))?$", text, re.MULTILINE))
    assert options["array"] == "0-11"
    assert options["cpus-per-task"] == "2"
    assert options["mem"] == "1000M"
    assert options["time"] == "0-22:14:00"
    assert "requeue" in options
    assert options["output"] == '"/home/a user/runs/study/logs/slurm-%A-%a.log"'
    assert "sbatch job.sh" in text


def test_more_runs_than_slurm_allows_tasks_share_tasks() -> None:
    job = replace(JOB, runs=2500, seconds=600)
    text = script(job, Path("job.sh"))
    assert "#SBATCH --array=0-833\n" in text
    assert "834 tasks of 3 runs each, one after another" in text
    assert "#SBATCH --time=0-01:00:00\n" in text
    numbers = []
    for task in (0, 1, 833):
        lines = "\n".join(line for line in text.splitlines() if line.startswith(("first=", "last=")))
        echo = f'SLURM_ARRAY_TASK_ID={task}\n{lines}\necho "$first-$last"'
        numbers.append(subprocess.check_output(["bash", "-euc", echo], text=True).strip())
    assert numbers == ["0-2", "3-5", "2499-2499"]


@pytest.mark.parametrize(("runs", "tasks"), [(1, 1), (1000, 1000), (1001, 501), (2000, 1000), (2001, 667)])
def test_no_task_has_a_number_above_a_thousand_and_every_run_has_a_task(runs: int, tasks: int) -> None:
    job = replace(JOB, runs=runs)
    assert job.tasks == tasks <= 1000
    assert (job.tasks - 1) * job.runs_per_task < runs <= job.tasks * job.runs_per_task


def test_a_short_run_gets_time_to_start() -> None:
    assert "#SBATCH --time=0-00:10:00\n" in script(replace(JOB, seconds=3), Path("job.sh"))


@pytest.mark.parametrize("runs", [12, 2000])
def test_shellcheck_finds_nothing(runs: int, tmp_path: Path) -> None:
    shellcheck = shutil.which(
        "shellcheck", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )
    assert shellcheck, "shellcheck is missing; scripts/setup installs it"
    file = tmp_path / "job.sh"
    file.write_text(script(replace(JOB, runs=runs), file))
    found = subprocess.run([shellcheck, str(file)], capture_output=True, text=True)
    assert (found.stdout, found.returncode) == ("", 0)


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The script of a study of two runs in the small environment, as the command writes it."""
    arguments = (
        "--env worlds/Line-v0 --import worlds --net 16x16 --td3.batch-size 16 --td3.learning-starts 60 "
        "--steps 9000 --eval-every 3000 --eval-episodes 1 --final-episodes 1 --seeds 0-1 --act relu"
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(["sweep", *arguments.split(), "--emit-slurm", "my job.sh"])
    assert end.value.code == 0
    return tmp_path / "my job.sh"


def environment(**more: str) -> dict[str, str]:
    training = str(Path(__file__).parents[2] / "users_code")
    return {**os.environ, "PYTHONPATH": training, "OMP_NUM_THREADS": "1", **more}


@pytest.mark.slow
def test_its_body_does_one_run_and_after_a_requeue_goes_on(job: Path) -> None:
    queue = job.parent / "bin"
    queue.mkdir()
    (queue / "scontrol").write_text(f'#!/bin/sh\necho "$@" > {queue}/asked\n')
    (queue / "scontrol").chmod(0o755)
    number = environment(
        SLURM_ARRAY_TASK_ID="1", SLURM_ARRAY_JOB_ID="77", PATH=f"{queue}{os.pathsep}{os.environ['PATH']}"
    )
    with subprocess.Popen([job], env=number) as task:
        runs = job.parent / "runs" / "default"
        until = time.monotonic() + 120
        while not list(runs.glob("*/*/seed-1/run.json")) and time.monotonic() < until:
            time.sleep(0.05)
        task.send_signal(signal.SIGUSR1)  # as Slurm does when the time is nearly up
        assert task.wait(60) == 0
    (file,) = runs.glob("*/*/seed-*/run.json")
    stopped = read_record(file)
    assert stopped.status == "interrupted"
    assert (queue / "asked").read_text() == "requeue 77_1\n"
    subprocess.run([job], env=number, check=True, timeout=120)
    record = read_record(file)
    assert (record.status, record.config["seed"], record.steps_done) == ("done", 1, 9000)
    assert [resume["step"] for resume in record.resumes] == [stopped.steps_done]
    assert record.study["name"] == "default"
