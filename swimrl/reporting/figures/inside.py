"""Figures of what networks do inside: diagnostics, and the activations' learned numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from swimrl.reporting.figures.multiples import Block, Cell, multiples
from swimrl.reporting.figures.style import looks, panels, steps_axis
from swimrl.reporting.findings import MOST_TOGETHER, Analysis
from swimrl.reporting.inside import Panel


def inside(analysis: Analysis, shown: Sequence[Panel]) -> Any:
    """Draw each panel: the mean over runs, and the runs' own lines."""
    kinds = looks(analysis)
    if max(len(panel.lines) for panel in shown) > MOST_TOGETHER:
        return multiples([_block(panel) for panel in shown], kinds, analysis.baseline)
    figure, axes = panels([panel.title for panel in shown], height=2.3)
    for panel in shown:
        axis = axes[panel.title]
        for name, (steps, values) in panel.lines.items():
            kind = kinds[name]
            axis.plot(steps, values.T, color=kind.color, alpha=0.25, linewidth=0.6)
            axis.plot(steps, values.mean(axis=0), **kind.curve, linewidth=1.6, label=name)
        axis.set_ylabel(panel.unit)
        steps_axis(axis)
    # Above the panels: the lines of all runs leave no free place inside.
    lines = {line.get_label(): line for axis in axes.values() for line in axis.get_legend_handles_labels()[0]}
    figure.legend(handles=[*lines.values()], loc="outside upper left", ncols=MOST_TOGETHER)
    return figure


def _block(panel: Panel) -> Block:
    cells = [
        Cell(name, steps, values.mean(axis=0), runs=[(steps, one) for one in values])
        for name, (steps, values) in panel.lines.items()
    ]
    return Block(f"{panel.title} ({panel.unit})" if panel.unit else panel.title, cells)
