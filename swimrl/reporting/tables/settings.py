"""Tables of the score against a setting, and of what each activation costs."""

from __future__ import annotations

from swimrl.reporting.contents import Contents
from swimrl.reporting.cost import Cost
from swimrl.reporting.section import Section
from swimrl.reporting.tables.scores import ARM, TASK
from swimrl.reporting.tables.table import Cell, Column, Estimate, Table
from swimrl.reporting.tables.text import estimate_of, number, with_ends
from swimrl.reporting.training_time import TrainingTime


def sensitivity_table(contents: Contents) -> Table:
    """Return each activation's score at the common default and at its best setting."""
    key = contents.sensitivity[0].key if contents.sensitivity else ""
    value = contents.sensitivity[0].default if contents.sensitivity else None
    at = "not run" if value is None else f"{value:g}"
    columns = (
        TASK,
        Column("activation", "activation", is_left=True),
        Column("at_default", f"at the default ({at})", number(), none="not run"),
        Column("best_value", f"best {key}", "{:g}".format),
        Column("at_best", "score there", number()),
    )
    rows: list[tuple[Cell, ...]] = []
    for one in contents.sensitivity:
        for name in one.lines:
            default, best = one.at_default(name), one.best(name)
            common = None if default is None else float(default.arm.scores.mean())
            rows.append((one.env, name, common, best.value, float(best.arm.scores.mean())))
    note = "The best of several settings is optimistic, because it is chosen by the score that it shows."
    title = f"Sensitivity to {key}"
    return Table(Section.SENSITIVITY, "sensitivity", title, columns, tuple(rows), note)


def cost_table(contents: Contents) -> Table:
    """Return the seconds of training with each arm, and the cost of its activation."""
    analysis, costs = contents.analysis, contents.costs
    times = {one.arm: one for one in contents.training_times}
    if costs is None and not times:
        return Table(Section.COST, "cost", "Cost", (), ())
    clocks = (
        Column("training_s", "training, s for 100k steps", number(1), none="not recorded"),
        Column("training_ratio", f"of {analysis.baseline}'s", with_ends(2)),
    )
    forms = () if costs is None else costs.forms
    columns = (
        ARM,
        *(clocks if times else ()),
        *(Column(form, f"{form}, µs", with_ends(1), none="not measured") for form in forms),
    )
    rows: list[tuple[Cell, ...]] = []
    for name in analysis.names:
        arm = next(arm for arm in analysis.arms if arm.name == name)
        clock = _clock(times.get(name)) if times else ()
        kernels = () if costs is None else (_estimate(costs.of(arm, form)) for form in forms)
        rows.append((name, *clock, *kernels))
    notes = []
    if times:
        notes.append(
            "Training: median over runs without evaluations, diagnostics and checkpoints, by the clock of "
            "the sweep, in which runs and other programs share a machine. "
            f"Of {analysis.baseline}'s: the geometric mean over pairs of one task and seed, with its 95% "
            "interval."
        )
    if costs is not None:
        notes.append(
            f"µs: {costs.unit.removeprefix('µs for ')}; medians with 95% intervals, measured by "
            f"`swimrl bench` on one host: {costs.host}."
        )
    return Table(Section.COST, "cost", "Cost of each arm", columns, tuple(rows), " ".join(notes))


def _clock(time: TrainingTime | None) -> tuple[Cell, Cell]:
    if time is None:
        return None, None
    return time.seconds, None if time.ratio is None else estimate_of(time.ratio)


def _estimate(cost: Cost | None) -> Estimate | None:
    return None if cost is None else Estimate(cost.value, cost.low, cost.high)
