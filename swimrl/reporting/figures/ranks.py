"""The critical-difference diagram of Demsar 2006: average ranks, and groups whose arms may be equal."""

from __future__ import annotations

from typing import Any

from swimrl.colours import FAINT, INK
from swimrl.reporting.figures.style import PAGE_WIDTH, looks, new_figure
from swimrl.reporting.findings import ALPHA, Analysis
from swimrl.stats.ranks import Ranking

MOST_RANKED = 40
"""A diagram of more arms could not be read; the table has all of them."""

_ROW, _BAR, _NAMES = 0.2, 0.1, 1.9
"""Inches of the row of a name, of a bar below the axis, and of the names beside the axis."""


def critical_difference(analysis: Analysis, ranking: Ranking) -> Any:
    """Draw the arms along an axis of average ranks; bars join arms whose difference is not established.

    Solid bars are Wilcoxon's tests with Holm's correction, dotted ones Nemenyi's test.
    """
    kinds = looks(analysis)
    arms = len(ranking.names)
    bars = [
        *((group, "-", 3.0, INK) for group in ranking.groups(ALPHA)),
        *((group, (0, (1, 1)), 2.0, FAINT) for group in ranking.nemenyi_groups()),
    ]
    below = 0.2 + _BAR * len(bars)
    rows = -(-arms // 2)
    height = 0.9 + below + _ROW * (rows + 0.5)
    figure = new_figure(PAGE_WIDTH, height)
    axis = figure.subplots()
    margin = _NAMES * (arms - 1) / (PAGE_WIDTH - 2 * _NAMES)
    axis.set(xlim=(1 - margin, arms + margin), ylim=(height, 0))
    axis.axis("off")
    line = 0.75
    _draw_axis(axis, arms, line)
    _draw_ruler(axis, ranking.critical_difference, line)
    for place, (group, style, width, color) in enumerate(bars):
        ends = [ranking.average[group[0]] - 0.04, ranking.average[group[1]] + 0.04]
        axis.plot(ends, [line + 0.16 + _BAR * place] * 2, linestyle=style, linewidth=width, color=color)
    for place, name in enumerate(ranking.names):
        is_left = place < rows
        row = place if is_left else arms - 1 - place
        rank, kind = float(ranking.average[place]), kinds[name]
        y, side = line + below + _ROW * (row + 0.7), 1 - 0.05 * arms if is_left else arms + 0.05 * arms
        axis.plot([rank, rank, side], [line, y, y], color=kind.color, linestyle=kind.line, linewidth=1)
        axis.plot(rank, line, kind.marker, color=kind.color, markersize=5, clip_on=False)
        ha, gap = ("right", -4) if is_left else ("left", 4)
        axis.annotate(
            f"{name}  {rank:.2f}" if is_left else f"{rank:.2f}  {name}",
            (side, y),
            xytext=(gap, 0),
            textcoords="offset points",
            ha=ha,
            va="center",
            fontsize=8.5,
        )
    return figure


def _draw_axis(axis: Any, arms: int, line: float) -> None:
    axis.plot([1, arms], [line, line], color=INK, linewidth=1)
    step = max(1, arms // 12)
    for rank in range(1, arms + 1, step):
        axis.plot([rank, rank], [line - 0.06, line], color=INK, linewidth=1)
        axis.text(rank, line - 0.1, str(rank), ha="center", va="bottom", fontsize=8)


def _draw_ruler(axis: Any, length: float, line: float) -> None:
    """Draw the critical difference above the axis."""
    y = line - 0.42
    axis.plot([1, 1 + length], [y, y], color=FAINT, linewidth=2)
    for end in (1, 1 + length):
        axis.plot([end, end], [y - 0.05, y + 0.05], color=FAINT, linewidth=2)
    axis.text(1, y - 0.09, f"critical difference (Nemenyi) {length:.2f}", va="bottom", fontsize=8)
