"""The figure of reward against cost."""

from __future__ import annotations

from typing import Any

from swimrl.colours import FAINT
from swimrl.reporting.cost import Costs, pareto_front
from swimrl.reporting.figures.style import arms_of, looks, panels
from swimrl.reporting.findings import Analysis
from swimrl.runs.scores import METRIC_TITLES
from swimrl.stats.interval import Interval


def cost(analysis: Analysis, costs: Costs) -> Any:
    """Draw each task and way of computing: return against cost, intervals both ways, and the Pareto front."""
    kinds = looks(analysis)
    titles = [_title(env, form) for env in analysis.tasks for form in costs.forms]
    figure, axes = panels(titles, columns=len(costs.forms), height=3.2, sharex=True, sharey="row")
    for env in analysis.tasks:
        for form in costs.forms:
            axis = axes[_title(env, form)]
            points = [(costs.of(arm, form), arm) for arm in arms_of(analysis, env)]
            known = [(price, arm) for price, arm in points if price is not None]
            for price, arm in known:
                kind = kinds[arm.name]
                mean = float(arm.scores.mean())
                if isinstance(arm.mean, Interval):
                    axis.plot(
                        [price.value] * 2, [arm.mean.low, arm.mean.high], color=kind.color, linewidth=1.2
                    )
                if price.low is not None:
                    axis.plot([price.low, price.high], [mean] * 2, color=kind.color, linewidth=1.2)
                axis.plot(price.value, mean, kind.marker, color=kind.color, markersize=6)
                axis.annotate(
                    arm.name, (price.value, mean), xytext=(5, 4), textcoords="offset points", fontsize=8
                )
            front = pareto_front([(price.value, float(arm.scores.mean())) for price, arm in known])
            axis.plot(*zip(*front, strict=True), color=FAINT, linestyle=":", zorder=0) if front else None
            axis.tick_params(labelleft=True)
    for env in analysis.tasks:
        axes[_title(env, costs.forms[0])].set_ylabel(METRIC_TITLES[analysis.metric])
    for form in costs.forms:
        axes[_title(analysis.tasks[-1], form)].set_xlabel(costs.unit)
    anywhere = axes[_title(analysis.tasks[0], costs.forms[0])]  # all share its x axis
    anywhere.set_xscale("log")
    low, high = anywhere.get_xlim()
    anywhere.set_xlim(low / 1.2, high * 1.8)  # room for names
    anywhere.xaxis.set_major_formatter(_plain)
    return figure


def _plain(value: float, _: object) -> str:
    return f"{value:g}"


def _title(env: str, form: str) -> str:
    return f"{env}, {form}"
