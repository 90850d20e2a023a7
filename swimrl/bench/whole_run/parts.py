"""The parts of a run's seconds: from the marks of one run, and for a longer run of the same kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

from swimrl.bench.whole_run.marks import Report

FIRST_UPDATES = 100
"""Steps with an update that load or compile code; they are not counted as usual steps."""

FIRST_STEP = "first step"
"""From the command to the end of the first step of training; it overlaps the parts."""

PARTS = {
    "start": "start: imports, building",
    "first calls": "first calls: loading, compiling",
    "random steps": "random steps",
    "learning steps": "steps with an update",
    "evaluations": "evaluations",
    "final": "final episodes",
    "looks": "diagnostics",
    "checkpoints": "checkpoints",
    "rest": "rest: saving, exit",
}
"""The parts, which add up to the whole, and their titles."""


def divide(report: Report, began: float, ended: float, run: Mapping[str, Any]) -> dict[str, float]:
    """Return the seconds of each part of a run, and those until its first step.

    The steps around an evaluation are left out of the mean of the others, because they contain it. What the
    first call of something takes beyond the mean of the later ones counts as ``first calls``.

    Args:
        report: The marks of the run.
        began: When its command was started.
        ended: When its process ended.
        run: The settings of the run.
    """
    parts = dict.fromkeys(PARTS, 0.0)
    parts["start"] = report.began - began
    random, first, learning = _steps(report.steps, run)
    parts["random steps"] = fmean(random) * run["learning_starts"]
    parts["learning steps"] = fmean(learning) * (run["steps"] - run["learning_starts"])
    parts["first calls"] = max(0.0, sum(first) - fmean(learning) * len(first))
    for part in ("evaluations", "looks"):
        seconds = report.calls.get(part, [])
        if len(seconds) > 1:
            usual = fmean(seconds[1:])
            parts["first calls"] += max(0.0, seconds[0] - usual)
            seconds = [min(seconds[0], usual), *seconds[1:]]
        parts[part] = sum(seconds)
    for part in ("final", "checkpoints"):
        parts[part] = sum(report.calls.get(part, []))
    parts["rest"] = ended - began - sum(parts.values())
    return {**parts, FIRST_STEP: report.steps[0] - began}


def _steps(times: Sequence[float], run: Mapping[str, Any]) -> tuple[list[float], list[float], list[float]]:
    """Return the seconds of usual random steps, of the first steps with an update, and of the others."""
    every, starts = run["eval_every"], run["learning_starts"]
    random, first, learning = [], [], []
    for number, (before, after) in enumerate(pairwise(times), start=1):
        if number % every == 0 or (number + 1) % every == 0:
            continue
        seconds = after - before
        if number < starts:
            random.append(seconds)
        elif number <= starts + FIRST_UPDATES:
            first.append(seconds)
        else:
            learning.append(seconds)
    return random, first, learning


def growth(measured: Mapping[str, Any], whole: Mapping[str, Any], *, is_ours: bool) -> dict[str, float]:
    """Return how many times as long each part takes in a whole run; parts that are done once are left out.

    Args:
        measured: The settings of the runs that were done.
        whole: Those of the run that the tables are about.
        is_ours: Whether the contender also evaluates before the first step, as swimrl does.
    """
    before, after = (_counts(run, is_ours) for run in (measured, whole))
    return {part: after[part] / count for part, count in before.items() if count}


def _counts(run: Mapping[str, Any], is_ours: bool) -> dict[str, int]:
    evaluations = run["steps"] // run["eval_every"] + is_ours
    return {
        "random steps": run["learning_starts"],
        "learning steps": run["steps"] - run["learning_starts"],
        "evaluations": evaluations,
        "final": run["final_episodes"],
        "looks": evaluations,
        "checkpoints": (run["steps"] - 1) // run["checkpoint_every"] + 1,
    }
