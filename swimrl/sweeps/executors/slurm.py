"""The runs of a study as the tasks of a Slurm array job.

Slurm is the scheduler there. Each task is a `swimrl sweep` of its own runs, which the local executor does; so
locks, retries, signals and logs are those of any other sweep.
"""

from __future__ import annotations

import hashlib
import math
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from swimrl.errors import command_line
from swimrl.runs.directory import writing
from swimrl.sweeps.config import PlannedRun, SweepConfig
from swimrl.sweeps.estimate import cost_of, seconds_of
from swimrl.sweeps.executors.base import LOG_FOLDER
from swimrl.sweeps.prepare import prepare
from swimrl.sweeps.probe import kind_of
from swimrl.sweeps.study_file import text_of

MOST_TASKS = 1000
"""Slurm's own setting MaxArraySize is 1001: no task of an array job may have a number above 1000."""

_TIME_MARGIN = 2.0
"""The time asked for, over the estimated time: nodes may be slower than this machine."""

_MEMORY_MARGIN = 1.25

_SCRIPT = """\
#!/usr/bin/env bash
# {runs} runs of the study {name} as an array job: {tasks} tasks {of_runs}. Submit it with: {submission}
# Options of sbatch win over the #SBATCH lines, such as --partition, --account, --time, --array=0-9%4.
# If a task loses its node or runs out of time, it is queued again and goes on from its checkpoint.
# The tasks do the study as it was when this script was written.
#SBATCH --job-name="swimrl-{name}"
#SBATCH --array=0-{last_task}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task={threads}
#SBATCH --mem={memory}M
#SBATCH --time={time}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output="{log}"
#SBATCH --signal=B:USR1@120
set -euo pipefail
cd {directory}

first=$((SLURM_ARRAY_TASK_ID * {runs_per_task}))
last=$((first + {runs_per_task} - 1))
last=$((last < {last_run} ? last : {last_run}))
{command} --only "$first-$last" --jobs 1 &
sweep=$!
trap 'kill -TERM "$sweep"' TERM INT
# Two minutes before the end of its time, the task writes a checkpoint and is queued again.
trap 'kill -TERM "$sweep"; wait "$sweep" || true
      scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"; exit 0' USR1

code=0
wait "$sweep" || code=$?
# A signal ends the first wait before the sweep ends.
while kill -0 "$sweep" 2>/dev/null; do
    wait "$sweep" || code=$?
done
exit "$code"
"""


@dataclass(frozen=True)
class ArrayJob:
    """The needs and the work of an array job."""

    name: str
    """Of the study."""

    runs: int
    """How many runs there are."""

    command: Sequence[str]
    """Does the whole study; the script adds ``--only`` and the numbers of the task's runs."""

    directory: Path
    """The working directory of the command; the nodes see it too."""

    log_folder: Path

    threads: int
    """Of one run."""

    memory_bytes: float
    """Of the largest run."""

    seconds: float
    """Of the longest run, estimated."""

    @property
    def runs_per_task(self) -> int:
        """How many runs a task does, one after another: one, unless there are more than `MOST_TASKS`."""
        return math.ceil(self.runs / MOST_TASKS)

    @property
    def tasks(self) -> int:
        """How many tasks there are."""
        return math.ceil(self.runs / self.runs_per_task)


def script(job: ArrayJob, file: Path) -> str:
    """Return the text of the array job's script.

    Args:
        job: The job.
        file: The name of the script, for its instructions.
    """
    minutes = math.ceil(max(_TIME_MARGIN * job.seconds * job.runs_per_task, 600) / 60)
    each = job.runs_per_task
    return _SCRIPT.format(
        name=job.name,
        submission=command_line("sbatch", file),
        runs=job.runs,
        tasks=job.tasks,
        of_runs="of one run each" if each == 1 else f"of {each} runs each, one after another",
        last_task=job.tasks - 1,
        last_run=job.runs - 1,
        runs_per_task=each,
        threads=job.threads,
        memory=math.ceil(_MEMORY_MARGIN * job.memory_bytes / 2**20),
        time=f"{minutes // 1440}-{minutes // 60 % 24:02d}:{minutes % 60:02d}:00",
        log=job.log_folder / "slurm-%A-%a.log",
        directory=shlex.quote(str(job.directory)),
        command=shlex.join(job.command),
    )


def emit(config: SweepConfig, runs: Sequence[PlannedRun], folder: Path, file: Path, *, name: str) -> str:
    """Write the script of an array job that does the runs; return a line that says how to submit it.

    Args:
        config: The study.
        runs: Its runs.
        folder: Its folder.
        file: Where to write the script.
        name: Its name.

    Raises:
        StorageError: If a file cannot be written.
        SwimrlError: If one of the runs cannot be made.
    """
    record = prepare(folder, runs, name=name, primary=config.primary, tuning=config.tuning)
    text = text_of(config)
    # A copy of its own, so that a later change of the study's file changes no task.
    tasks = folder.resolve() / f"slurm-{hashlib.sha256(text.encode()).hexdigest()[:8]}.yaml"
    own = ("--config", str(tasks), "--study", name, "--out", str(folder.resolve()))
    job = ArrayJob(
        name=name,
        runs=len(runs),
        command=(sys.executable, "-m", "swimrl", "sweep", *own),
        directory=Path.cwd(),
        log_folder=folder.resolve() / LOG_FOLDER,
        threads=max(run.config.fixed_threads for run in runs),
        memory_bytes=max(cost_of(run.config).memory_bytes for run in runs),
        seconds=max(seconds_of(run.config, record.speeds[kind_of(run.config)]) for run in runs),
    )
    with writing(file):
        tasks.write_text(text, encoding="utf-8")
        job.log_folder.mkdir(exist_ok=True)  # Slurm makes no folders
        file.write_text(script(job, file), encoding="utf-8")
        file.chmod(0o755)
    line = f"{job.tasks} tasks in {file}; submit them with: {command_line('sbatch', file)}"
    if job.runs_per_task > 1:
        line += f" (Slurm's default allows {MOST_TASKS} tasks, so each does {job.runs_per_task} runs)"
    return line
