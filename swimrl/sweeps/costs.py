"""The costs of what is left of a study, and how many runs this machine can do at once."""

from __future__ import annotations

from collections.abc import Sequence

from swimrl.errors import InputError
from swimrl.host import usable_cores
from swimrl.sweeps import estimate
from swimrl.sweeps.config import PlannedRun
from swimrl.sweeps.executors.base import is_done
from swimrl.sweeps.probe import kind_of
from swimrl.sweeps.status import StudyStatus
from swimrl.sweeps.status_table import duration
from swimrl.sweeps.study_record import StudyRecord


def jobs_for(runs: Sequence[PlannedRun], wanted: int | None) -> int:
    """Return how many runs to do at once on this machine.

    Args:
        runs: All runs.
        wanted: How many the user asked for; as many as cores and memory allow when None.

    Raises:
        InputError: If the runs need more memory than is free; the message says how many fit.
    """
    left = [run for run in runs if not is_done(run)]
    if not left:
        return 1
    threads = max(run.config.fixed_threads for run in left)
    memory = [estimate.cost_of(run.config).memory_bytes for run in left]
    available = estimate.available_memory()
    fit = estimate.jobs_that_fit(memory, available)
    jobs = min(wanted or max(usable_cores() // threads, 1), len(left))
    if fit == 0 or (wanted and jobs > fit):
        need = sum(sorted(memory, reverse=True)[:jobs])
        next_step = f"--jobs {fit} fits" if fit else "give a smaller --td3.buffer-size"
        raise InputError(
            f"--jobs {jobs} needs about {need / 1e9:.1f} GB of memory, {available / 1e9:.1f} GB are free; "
            f"{next_step}"
        )
    return min(jobs, fit)


def costs_of(
    runs: Sequence[PlannedRun], status: StudyStatus, record: StudyRecord | None, jobs: int | None
) -> str | None:
    """Return the costs of the runs that are not done, in a line; None if all are done.

    Args:
        runs: All runs.
        status: How far each is.
        record: The speeds that were measured, if any were.
        jobs: How many runs at once; None if that is not known.
    """
    steps_done = {run.path: run.step for run in status if run.state != "done"}
    left = [run for run in runs if run.directory.path in steps_done]
    if not left:
        return None
    costs = [estimate.cost_of(run.config) for run in left]
    memory = sum(sorted((cost.memory_bytes for cost in costs), reverse=True)[: jobs or 1])
    text = f"about {memory / 1e9:.1f} GB of memory{'' if jobs else ' each'}, "
    text += f"{sum(cost.disk_bytes for cost in costs) / 1e9:.1f} GB of disk"
    speeds = record.speeds if record else {}
    kinds = [kind_of(run.config) for run in left] if speeds else []
    if speeds and all(kind in speeds for kind in kinds):
        seconds = [
            estimate.seconds_of(run.config, speeds[kind], steps_done[run.directory.path])
            for run, kind in zip(left, kinds, strict=True)
        ]
        if jobs:
            text += f", {duration(max(sum(seconds) / jobs, max(seconds)))}"
        else:
            text += f", {duration(sum(seconds))} one after another"
    return f"what is left takes {text}"
