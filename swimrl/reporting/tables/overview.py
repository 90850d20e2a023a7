"""Tables of arms by tasks: scores, and differences from the baseline, with intervals as small bars."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from swimrl.reporting.contents import Contents
from swimrl.reporting.findings import Analysis, Comparison, Undetermined
from swimrl.reporting.section import Section
from swimrl.reporting.tables.bars import Bar, Mark
from swimrl.reporting.tables.scores import ARM
from swimrl.reporting.tables.table import Cell, Column, Table
from swimrl.reporting.verdict import better, is_concluded
from swimrl.stats.interval import Interval

_MARKS = (
    "▲ and ▼: the corrected test establishes that the arm scores higher or lower than {baseline}. "
    "=: equal within the margin."
)


def overview_table(contents: Contents) -> Table:
    """Return the scores of every arm by task, the best over all tasks first; empty with one task."""
    analysis = contents.analysis
    title = f"Arms by tasks ({analysis.metric})"
    if len(analysis.tasks) < 2:
        return Table(Section.GLANCE, "overview", title, (), ())
    over_all, marks = dict(contents.ranked), _marks(analysis)
    columns = (
        ARM,
        *([Column("all_tasks", "all tasks")] if over_all else []),
        *(Column(task, task, none="not run") for task in analysis.tasks),
    )
    scales = {task: _scale_of(analysis, task) for task in analysis.tasks}
    rows = tuple(
        (
            name,
            *([_normalised(over_all, name, marks.get((None, name), ""))] if over_all else []),
            *(
                _score(analysis, task, name, scales[task], marks.get((task, name), ""))
                for task in analysis.tasks
            ),
        )
        for name in contents.by_score
    )
    note = (
        "Means over seeds, the best over all tasks first. The bar is the 95% interval (Student's t), the "
        f"thin line the mean of {analysis.baseline}. All tasks: interquartile mean of normalised scores. "
        f"{_MARKS.format(baseline=analysis.baseline)}"
    )
    return Table(Section.GLANCE, "overview", title, columns, rows, note)


def difference_table(contents: Contents) -> Table:
    """Return the difference of every arm from the baseline by task; empty with one task."""
    analysis = contents.analysis
    title = f"Differences from {analysis.baseline}, by task"
    if len(analysis.tasks) < 2:
        return Table(Section.COMPARISONS, "differences", title, (), ())
    by_pair = {(one.env, one.arm): one for one in analysis.comparisons}
    columns = (
        ARM,
        Column("all_tasks", "P(better), all tasks"),
        *(Column(task, task, none="not run") for task in analysis.tasks),
    )
    scales = {task: _scale_of_differences(analysis, task) for task in analysis.tasks}
    rows = tuple(
        (
            name,
            _probability(by_pair.get((None, name)), analysis),
            *(_difference(by_pair.get((task, name)), analysis, scales[task]) for task in analysis.tasks),
        )
        for name in contents.by_score
        if name != analysis.baseline
    )
    note = (
        f"The mean of the arm minus that of {analysis.baseline}; the bar is its 95% interval, the thin "
        "line 0. P(better): the probability that a run of the arm scores higher, averaged over the tasks. "
        f"{_MARKS.format(baseline=analysis.baseline)}"
    )
    return Table(Section.COMPARISONS, "differences", title, columns, rows, note)


def _marks(analysis: Analysis) -> dict[tuple[str | None, str], Mark]:
    """Return the mark of each task (None for all tasks) and arm."""
    return {(one.env, one.arm): _mark(one, analysis) for one in analysis.comparisons}


def _mark(comparison: Comparison, analysis: Analysis) -> Mark:
    if is_concluded(comparison, analysis):
        return "▲" if better(comparison) == comparison.arm else "▼"
    decision = comparison.decision
    return "=" if decision is not None and decision.outcome == "equal" else ""


def _normalised(over_all: Mapping[str, Interval], name: str, mark: Mark) -> Cell:
    if name not in over_all:
        return None
    interval = over_all[name]
    scale = min(one.low for one in over_all.values()), max(one.high for one in over_all.values())
    return Bar(interval.estimate, interval.low, interval.high, scale, 1.0, mark, digits=2)


def _scale_of(analysis: Analysis, task: str) -> tuple[float, float]:
    """Return the range of the intervals within that of the runs: few seeds give intervals far beyond it."""
    arms = [arm for arm in analysis.arms if arm.env == task]
    scores = np.concatenate([arm.scores for arm in arms])
    known = [arm.mean for arm in arms if isinstance(arm.mean, Interval)]
    low = min((one.low for one in known), default=-np.inf)
    high = max((one.high for one in known), default=np.inf)
    return max(float(scores.min()), low), min(float(scores.max()), high)


def _score(analysis: Analysis, task: str, name: str, scale: tuple[float, float], mark: Mark) -> Cell:
    arm, baseline = analysis.arm(task, name), analysis.arm(task, analysis.baseline)
    if arm is None:
        return None
    low, high = (arm.mean.low, arm.mean.high) if isinstance(arm.mean, Interval) else (None, None)
    reference = None if baseline is None else float(baseline.scores.mean())
    return Bar(float(arm.scores.mean()), low, high, scale, reference, mark)


def _scale_of_differences(analysis: Analysis, task: str) -> tuple[float, float]:
    """Return the range of the intervals, no further from 0 than the range of the runs."""
    arms = [arm.scores for arm in analysis.arms if arm.env == task]
    most = float(np.ptp(np.concatenate(arms)))
    known = [
        one.difference
        for one in analysis.comparisons
        if one.env == task and isinstance(one.difference, Interval)
    ]
    low = min((one.low for one in known), default=-most)
    high = max((one.high for one in known), default=most)
    return max(low, -most), min(high, most)


def _difference(comparison: Comparison | None, analysis: Analysis, scale: tuple[float, float]) -> Cell:
    if comparison is None:
        return None
    of = comparison.difference
    if isinstance(of, Undetermined):
        return of
    return Bar(of.estimate, of.low, of.high, scale, 0.0, _mark(comparison, analysis))


def _probability(comparison: Comparison | None, analysis: Analysis) -> Cell:
    if comparison is None:
        return None
    value = comparison.probability_of_improvement
    if isinstance(value, Undetermined):
        return value
    return Bar(value, None, None, (0.0, 1.0), 0.5, _mark(comparison, analysis), digits=2)
