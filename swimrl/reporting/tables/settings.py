"""Tables of the score against a setting, and of what each activation costs."""

from __future__ import annotations

from swimrl.reporting.contents import Contents
from swimrl.reporting.cost import Cost
from swimrl.reporting.section import Section
from swimrl.reporting.tables.scores import ARM, TASK
from swimrl.reporting.tables.table import Cell, Column, Estimate, Table
from swimrl.reporting.tables.text import number, with_ends


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
    """Return the cost of each arm's activation, in every implementation."""
    costs, analysis = contents.costs, contents.analysis
    if costs is None:
        return Table(Section.COST, "cost", "Cost", (), ())
    columns = (
        ARM,
        *(Column(form, form, with_ends(1), none="not measured") for form in costs.forms),
    )
    rows: list[tuple[Cell, ...]] = []
    for name in analysis.names:
        arm = next(arm for arm in analysis.arms if arm.name == name)
        rows.append((name, *(_estimate(costs.of(arm, form)) for form in costs.forms)))
    note = f"Medians with 95% intervals, measured by `swimrl bench` on one host: {costs.host}."
    return Table(Section.COST, "cost", f"Cost, {costs.unit}", columns, tuple(rows), note)


def _estimate(cost: Cost | None) -> Estimate | None:
    return None if cost is None else Estimate(cost.value, cost.low, cost.high)
