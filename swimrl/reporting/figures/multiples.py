"""Small multiples: one small panel for each arm, where the lines of many arms would cover each other.

All panels of a figure are drawn into one axis, with a few collections of lines. So hundreds of panels take
seconds, where an axis for each would take minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from swimrl.colours import FAINT, INK
from swimrl.reporting.figures.style import PAGE_WIDTH, Look, steps_text

_COLUMNS = 6
_LEFT, _GAP = 0.6, 0.18
"""Inches left of the first panel, for the numbers of its axis, and between panels."""

_HEIGHT, _HEADING, _NAME, _FOOT = 0.8, 0.45, 0.2, 0.3
"""Inches of a panel, of the heading above a block, of the arm's name above a panel, and below a block."""

MOST_LINES = 1_000
"""A figure with more runs shows no line of a single run."""


@dataclass(frozen=True)
class Cell:
    """What one small panel shows."""

    arm: str
    x: np.ndarray
    """[E]."""

    y: np.ndarray
    """The line of the arm, [E]."""

    band: tuple[np.ndarray, np.ndarray] | None = None
    """Lower and upper end of its interval, each [E]."""

    runs: Sequence[tuple[np.ndarray, np.ndarray]] = field(default=(), repr=False)
    """The line of each run."""


@dataclass(frozen=True)
class Block:
    """The panels that share their axes, under one heading."""

    title: str
    cells: Sequence[Cell]
    has_steps: bool = True
    """Whether x are environment steps."""


def multiples(blocks: Sequence[Block], looks: dict[str, Look], baseline: str) -> Any:
    """Draw every arm in a panel of its own, the baseline in grey behind it.

    Args:
        blocks: The panels. Within a block all have the same axes.
        looks: How each arm is drawn.
        baseline: The arm that is drawn behind the others.
    """
    from matplotlib.figure import Figure

    with_runs = sum(len(cell.runs) for block in blocks for cell in block.cells) <= MOST_LINES
    height = sum(_height(block) for block in blocks)
    figure = Figure(figsize=(PAGE_WIDTH, height))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, PAGE_WIDTH), ylim=(0, height))
    axis.axis("off")
    top = height
    for block in blocks:
        _draw(axis, block, looks, baseline, top, with_runs)
        top -= _height(block)
    return figure


def _height(block: Block) -> float:
    return _HEADING + -(-len(block.cells) // _COLUMNS) * (_HEIGHT + _NAME) + _FOOT


def _draw(
    axis: Any, block: Block, looks: dict[str, Look], baseline: str, top: float, with_runs: bool
) -> None:
    from matplotlib.collections import LineCollection, PolyCollection

    frame = _Frame.around(block, with_runs)
    behind = next((cell for cell in block.cells if cell.arm == baseline), None)
    floors, greys, lines, bands, runs = [], [], [], [], []
    for place, cell in enumerate(block.cells):
        row, column = divmod(place, _COLUMNS)
        left = _LEFT + column * (frame.width + _GAP)
        bottom = top - _HEADING - (row + 1) * (_HEIGHT + _NAME) + 0.05
        floors.append([(left, bottom), (left + frame.width, bottom)])
        if behind is not None and cell is not behind:
            greys.append(frame.points(behind.x, behind.y, left, bottom))
        lines.append(frame.points(cell.x, cell.y, left, bottom))
        if cell.band is not None:
            low, high = (frame.points(cell.x, end, left, bottom) for end in cell.band)
            bands.append((np.concatenate([low, high[::-1]]), looks[cell.arm].color))
        runs += [(frame.points(*run, left, bottom), looks[cell.arm].color) for run in cell.runs if with_runs]
        axis.text(left, bottom + _HEIGHT + 0.02, cell.arm, fontsize=8)
        if column == 0:
            for share, value in ((0.0, frame.low), (1.0, frame.high)):
                axis.text(
                    *(left - 0.05, bottom + share * _HEIGHT, _short(value)),
                    ha="right",
                    va="center",
                    fontsize=7,
                )
    styles = [looks[cell.arm] for cell in block.cells]
    axis.add_collection(LineCollection(floors, colors=FAINT, linewidths=0.6))
    axis.add_collection(
        PolyCollection([b for b, _ in bands], facecolors=[c for _, c in bands], alpha=0.18, linewidths=0)
    )
    axis.add_collection(
        LineCollection([r for r, _ in runs], colors=[c for _, c in runs], alpha=0.3, linewidths=0.5)
    )
    axis.add_collection(LineCollection(greys, colors=FAINT, linewidths=1.4))
    axis.add_collection(
        LineCollection(
            lines, colors=[s.color for s in styles], linestyles=[s.line for s in styles], linewidths=1.6
        )
    )
    axis.text(0.05, top - 0.28, block.title, fontsize=10, color=INK, weight="bold")
    show = steps_text if block.has_steps else _short
    foot = top - _height(block) + _FOOT - 0.02
    for share, side in ((0.0, "left"), (1.0, "right")):
        text = show(frame.start + share * (frame.end - frame.start))
        axis.text(_LEFT + share * frame.width, foot, text, ha=side, va="top", fontsize=7)


@dataclass(frozen=True)
class _Frame:
    """The axes that the panels of a block share."""

    start: float
    end: float
    low: float
    high: float
    width: float
    """Inches of a panel."""

    @staticmethod
    def around(block: Block, with_runs: bool) -> _Frame:
        x = np.concatenate([cell.x for cell in block.cells])
        shown = [cell.y for cell in block.cells]
        shown += [end for cell in block.cells for end in (cell.band or ())]
        shown += [y for cell in block.cells for _, y in cell.runs if with_runs]
        y = np.concatenate(shown)
        y = y[np.isfinite(y)] if np.isfinite(y).any() else np.zeros(1)
        width = (PAGE_WIDTH - _LEFT - 0.1) / _COLUMNS - _GAP
        low, high = float(y.min()), float(y.max())
        return _Frame(float(x.min()), float(x.max()), low, high if high > low else low + 1, width)

    def points(self, x: np.ndarray, y: np.ndarray, left: float, bottom: float) -> np.ndarray:
        """Return points in inches, [E, 2], in the panel whose corner is given."""
        across = (np.asarray(x) - self.start) / ((self.end - self.start) or 1.0)
        up = (np.asarray(y) - self.low) / (self.high - self.low)
        return np.column_stack([left + across * self.width, bottom + up * _HEIGHT])


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
