"""Figures over environment steps: learning curves and sample efficiency."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swimrl.colours import FAINT
from swimrl.reporting.efficiency import Efficiency, mean_curve
from swimrl.reporting.figures.multiples import Block, Cell, multiples
from swimrl.reporting.figures.style import arms_of, looks, panels, steps_axis
from swimrl.reporting.findings import MOST_TOGETHER, Analysis
from swimrl.reporting.published import Reference


def learning_curves(analysis: Analysis, references: Sequence[Reference]) -> Any:
    """Draw each task's mean curve with its interval and the runs' own lines."""
    look = looks(analysis)
    if len(analysis.names) > MOST_TOGETHER:
        return multiples([_block(analysis, env) for env in analysis.tasks], look, analysis.baseline)
    figure, axes = panels(analysis.tasks)
    for env, axis in axes.items():
        for arm in arms_of(analysis, env):
            kind, until = look[arm.name], analysis.until[env]
            for run in arm.runs:
                inside = run.steps <= until
                axis.plot(run.steps[inside], run.returns[inside], color=kind.color, alpha=0.25, linewidth=0.6)
            steps, mean, band = mean_curve(analysis, arm)
            axis.plot(steps, mean, **kind.curve, linewidth=1.8, label=f"{arm.name} (n = {len(arm.runs)})")
            if band is not None:
                axis.fill_between(steps, *band, color=kind.color, alpha=0.14, linewidth=0)
        for reference in references:
            if reference.is_for(env):
                inside = reference.steps <= analysis.until[env]
                axis.plot(
                    reference.steps[inside],
                    reference.returns[inside],
                    color=FAINT,
                    linestyle=":",
                    label=f"for orientation: {reference.label}",
                )
        axis.set_ylabel("mean return of an evaluation")
        _show_runs_whole(axis, analysis, env)
        steps_axis(axis)
        axis.legend()
    return figure


def _block(analysis: Analysis, env: str) -> Block:
    cells = []
    for arm in arms_of(analysis, env):
        steps, mean, band = mean_curve(analysis, arm)
        until = analysis.until[env]
        runs = [(run.steps[run.steps <= until], run.returns[run.steps <= until]) for run in arm.runs]
        cells.append(Cell(arm.name, steps, mean, None if band is None else (band[0], band[1]), runs))
    return Block(env, cells)


def _show_runs_whole(axis: Any, analysis: Analysis, env: str) -> None:
    """End the axis where the runs' own lines end: with few seeds intervals are many times as high."""
    values = np.concatenate([analysis.curves(arm)[1].ravel() for arm in arms_of(analysis, env)])
    margin = 0.08 * (np.ptp(values) or 1.0)
    axis.set_ylim(values.min() - margin, values.max() + margin)


def sample_efficiency(analysis: Analysis, of_arms: Sequence[Efficiency]) -> Any:
    """Draw the interquartile mean of normalised scores over steps."""
    look = looks(analysis)
    titles = list(dict.fromkeys(one.title for one in of_arms))
    if len(analysis.names) > MOST_TOGETHER:
        blocks = [
            Block(
                title,
                [
                    Cell(one.arm, one.steps, one.estimate, (one.low, one.high))
                    for one in of_arms
                    if one.title == title
                ],
            )
            for title in titles
        ]
        return multiples(blocks, look, analysis.baseline)
    figure, axes = panels(titles)
    for one in of_arms:
        axis, kind = axes[one.title], look[one.arm]
        axis.plot(one.steps, one.estimate, **kind.curve, linewidth=1.8, label=one.arm)
        axis.fill_between(one.steps, one.low, one.high, color=kind.color, alpha=0.14, linewidth=0)
    for axis in axes.values():
        axis.set_ylabel("normalised return, IQM")
        axis.axhline(1, color=FAINT, linewidth=0.8)
        axis.axhline(0, color=FAINT, linewidth=0.8)
        steps_axis(axis)
        axis.legend()
    return figure
