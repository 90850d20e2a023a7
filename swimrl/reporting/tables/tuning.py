"""Table of what the arms were tuned with, and what that cost."""

from __future__ import annotations

from swimrl.reporting.contents import Contents
from swimrl.reporting.section import Section
from swimrl.reporting.tables.scores import ARM, TASK
from swimrl.reporting.tables.table import Cell, Column, Table
from swimrl.reporting.tables.text import number, seed_ranges
from swimrl.reporting.tuning import ArmTuning


def tuning_table(contents: Contents) -> Table:
    """Return the tuned settings of each arm with their cost; empty if no arm was tuned."""
    tunings = contents.tunings
    title = "What the arms were tuned with"
    origins = {one.origin.study: one.origin for one in tunings if one.origin is not None}
    if not origins:
        return Table(Section.RUNS, "tuning", title, (), ())
    tasks = contents.analysis.tasks
    columns = (
        TASK,
        ARM,
        Column("settings", "settings", is_left=True),
        Column("tuning", "tuning", is_left=True, none="not tuned"),
        Column("budget", "budget", is_left=True),
        Column("runs", "runs"),
        Column("steps", "steps", "{:,}".format),
        Column("core_hours", "core hours", number(2)),
    )
    rows = tuple((_tasks(one, tasks), one.arm, one.text, *_cost(one)) for one in tunings)
    notes = [
        f"{name}: the score is {of.metric} on {of.env}; {of.sampler} points of {'; '.join(of.space)}; seeds "
        f"{seed_ranges(of.seeds)}."
        for name, of in origins.items()
    ]
    notes.append("Core hours: hours of the trials times their threads.")
    return Table(Section.RUNS, "tuning", title, columns, rows, " ".join(notes), has_sentences=True)


def _tasks(one: ArmTuning, tasks: list[str]) -> str | None:
    if len(tasks) > 1 and {*one.tasks} == {*tasks}:
        return None
    return ", ".join(one.tasks)


def _cost(one: ArmTuning) -> tuple[Cell, ...]:
    origin, cost = one.origin, one.cost
    if origin is None or cost is None:
        return (None,) * 5
    return origin.study, origin.budget, cost.runs, cost.steps, cost.core_hours
