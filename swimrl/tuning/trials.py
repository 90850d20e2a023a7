"""The trials of a tuning: runs with their scores, read from their directories."""

from __future__ import annotations

import csv
import io
import itertools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from swimrl.envs.random_policy import random_returns
from swimrl.errors import TrainingError, UndeterminedError
from swimrl.reporting.metrics import score
from swimrl.reporting.read import Run, collect
from swimrl.tuning.plan import Plan, Stage


@dataclass(frozen=True)
class Trial:
    """A run of a tuning."""

    act: str

    point: int
    """The number of its point."""

    stage: int
    seed: int
    score: float
    has_diverged: bool
    """Whether it diverged; it then scores like a random policy from there on, and is not left out."""

    path: Path

    steps: int = 0
    """Environment steps that were done."""

    core_hours: float = 0.0
    """Hours of the run times its threads."""


def trials_of(plan: Plan, stage: Stage, folder: Path) -> list[Trial]:
    """Return the trials of a stage whose runs are done.

    Args:
        plan: The tuning.
        stage: The stage.
        folder: The folder of the tuning.

    Raises:
        TrainingError: If a run has no score; the message names it.
    """
    keys = ("act", *(dimension.key for dimension in plan.dimensions))
    runs = {run.source: run for run in collect([folder], keys).runs}
    zero = random_returns().get(plan.base.env)
    trials = []
    order = itertools.product(stage.seeds, stage.pairs)
    for planned, (seed, (act, point)) in zip(plan.study(stage).runs(folder), order, strict=True):
        path = planned.directory.path
        try:
            value = _score(runs[path], plan, zero)
        except (KeyError, UndeterminedError) as error:
            reason = "it has no evaluation" if isinstance(error, KeyError) else str(error)
            raise TrainingError(f"{path} has no score: {reason}; the same command tries again") from error
        trials.append(
            Trial(act, point, stage.number, seed, value, runs[path].has_diverged, path, *_spent(runs[path]))
        )
    return trials


def by_point(trials: Sequence[Trial], act: str) -> dict[int, list[float]]:
    """Return the scores of an activation's trials by their points, in the order of the seeds."""
    scores: dict[int, list[float]] = defaultdict(list)
    for trial in trials:
        if trial.act == act:
            scores[trial.point].append(trial.score)
    return dict(scores)


def csv_of(plan: Plan, trials: Sequence[Trial]) -> str:
    """Return one line for each trial: activation, point, settings, stage, seed and score."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    keys = [dimension.key for dimension in plan.dimensions]
    writer.writerow(["act", "point", *keys, "stage", "seed", "metric", "score", "diverged", "path"])
    for trial in trials:
        settings = [plan.value(trial.act, trial.point, key) for key in keys]
        place = [trial.stage, trial.seed, plan.metric, repr(trial.score), trial.has_diverged]
        writer.writerow([trial.act, trial.point, *settings, *place, trial.path.as_posix()])
    return text.getvalue()


def _spent(run: Run) -> tuple[int, float]:
    """Return the environment steps and the core hours of a run."""
    assert run.record is not None  # trials are run directories
    seconds = run.record.wall_clock_s.get("total", 0.0) * run.record.engine.get("threads", 1)
    return run.record.steps_done, seconds / 3600


def _score(run: Run, plan: Plan, random_return: float | None) -> float:
    failure = float(run.returns[0]) if random_return is None else random_return
    return score(run, plan.metric, float(plan.base.steps), failure)
