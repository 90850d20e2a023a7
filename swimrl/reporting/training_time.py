"""What training took with each arm, from the clocks of its runs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from swimrl.reporting.findings import Analysis, Undetermined, determined
from swimrl.reporting.read import Run
from swimrl.stats import interval
from swimrl.stats.interval import Interval

_NOT_TRAINING = ("evaluation", "diagnostics", "checkpoints")


@dataclass(frozen=True)
class TrainingTime:
    """The seconds of training with an arm, over all of its tasks."""

    arm: str

    seconds: float
    """Median over runs of the seconds for 100,000 environment steps, without evaluations, diagnostics and
    checkpoints."""

    ratio: Interval | Undetermined | None
    """The seconds as a multiple of the baseline's: the geometric mean over pairs of one task and seed, which
    ran at about the same time, with Student's interval of its logarithm. None for the baseline."""


def training_times(analysis: Analysis) -> list[TrainingTime]:
    """Return the seconds of training of every arm whose runs recorded them."""
    times = {
        (arm.name, arm.env): {run.seed: seconds for run in arm.runs if (seconds := _seconds(run)) is not None}
        for arm in analysis.arms
    }
    return [
        TrainingTime(name, float(np.median(known)), _ratio(analysis, times, name))
        for name in analysis.names
        if (known := [one for (arm, _), of in times.items() if arm == name for one in of.values()])
    ]


def _seconds(run: Run) -> float | None:
    """Return the seconds of training for 100,000 steps of a run that was done without a break."""
    record = run.record
    if record is None or run.status != "done" or record.resumes or "total" not in record.wall_clock_s:
        return None
    clock = record.wall_clock_s
    seconds = clock["total"] - sum(clock.get(part, 0.0) for part in _NOT_TRAINING)
    return 1e5 * seconds / record.steps_done if seconds > 0 and record.steps_done else None


def _ratio(
    analysis: Analysis, times: dict[tuple[str, str], dict[int, float]], name: str
) -> Interval | Undetermined | None:
    if name == analysis.baseline:
        return None
    logarithms = []
    for task in analysis.tasks:
        of_arm, of_baseline = (times.get((one, task), {}) for one in (name, analysis.baseline))
        logarithms += [
            math.log(of_arm[seed] / of_baseline[seed]) for seed in of_arm.keys() & of_baseline.keys()
        ]
    of_logarithms = determined(lambda: interval.mean_student(np.array(logarithms)))
    if isinstance(of_logarithms, Undetermined):
        return of_logarithms
    value, low, high = (
        math.exp(end) for end in (of_logarithms.estimate, of_logarithms.low, of_logarithms.high)
    )
    return Interval(value, low, high, of_logarithms.method)
