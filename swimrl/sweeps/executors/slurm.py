"""The runs of a study as the tasks of a Slurm array job. Nothing here reads or writes a file."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_TIME_MARGIN = 2.0
"""Times the estimated seconds: the nodes may be slower, and a task that is cut off only goes on later."""

_MEMORY_MARGIN = 1.25

_SCRIPT = """\
#!/usr/bin/env bash
# {runs} runs of the study {name}, one in each task of an array job. Submit it with: sbatch {file}
# What #SBATCH lines say, options of sbatch overrule, such as --partition, --account, --time, --array=0-9%4.
# A task that its node lost or that ran out of time goes back to the queue and goes on from its checkpoint.
# The tasks do the study as it was when this was written.
#SBATCH --job-name="swimrl-{name}"
#SBATCH --array=0-{last}
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

{command} --only "$SLURM_ARRAY_TASK_ID" --jobs 1 &
sweep=$!
trap 'kill -TERM "$sweep"' TERM INT
# Two minutes before its time is up the task writes a checkpoint and goes back to the queue.
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
    """What the script is to ask of Slurm, and what each task is to do."""

    name: str
    """Of the study."""

    runs: int
    """One task for each."""

    command: Sequence[str]
    """Sweeps over the whole study; ``--only`` and the number of the run are added."""

    directory: Path
    """In which the command was given; the nodes see it too."""

    log_folder: Path

    threads: int
    """Of one run."""

    memory_bytes: float
    """Of the largest run."""

    seconds: float
    """Of the longest run, estimated."""


def script(job: ArrayJob, file: Path) -> str:
    """Return the text of the array job's script, which is to be written to ``file``."""
    minutes = math.ceil(max(_TIME_MARGIN * job.seconds, 600) / 60)
    return _SCRIPT.format(
        name=job.name,
        file=file,
        runs=job.runs,
        last=job.runs - 1,
        threads=job.threads,
        memory=math.ceil(_MEMORY_MARGIN * job.memory_bytes / 2**20),
        time=f"{minutes // 1440}-{minutes // 60 % 24:02d}:{minutes % 60:02d}:00",
        log=job.log_folder / "slurm-%A-%a.log",
        directory=shlex.quote(str(job.directory)),
        command=shlex.join(job.command),
    )
