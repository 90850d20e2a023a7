"""The style of every figure: an activation has the same colour everywhere.

Where two activations share a colour, and in grey, line styles and markers differ. Text, axes and relu are
drawn in `INK`, which the page replaces with the colour of its own text, so that figures suit light and dark
pages.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from swimrl.colours import CATEGORIES, FAINT, INK
from swimrl.reporting.findings import Analysis, Arm

_KNOWN = {"relu": 0, "swim": 1, "swish": 2, "ulu": 3, "mish": 4, "gelu": 5, "tanh": 6}
_LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
_MARKERS = "osD^vPX*"

PAGE_WIDTH = 12.4
"""Inches of a figure that is as wide as the page."""

NARROW_WIDTH = 4.6
"""Inches of a figure that is as wide as the screen of a telephone."""

RC: Mapping[Any, Any] = {
    "font.size": 9,
    "font.family": "DejaVu Sans",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.titlesize": 10,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "grid.alpha": 0.35,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "svg.hashsalt": "swimrl",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,
}


@dataclass(frozen=True)
class Look:
    """How an arm is drawn."""

    color: str
    line: Any
    marker: str

    @property
    def curve(self) -> dict[str, Any]:
        """Arguments of a line."""
        return {"color": self.color, "linestyle": self.line}


def looks(analysis: Analysis) -> dict[str, Look]:
    """Return how each arm is drawn."""
    first = {arm.name: str(arm.values[0]) if arm.values else arm.name for arm in analysis.arms}
    return {name: look(first[name], place) for place, name in enumerate(analysis.names)}


def look(activation: str, place: int) -> Look:
    """Return how an arm with this activation is drawn, the ``place``-th of its figure."""
    base = activation.partition("(")[0].partition(",")[0].strip()
    color = CATEGORIES[_KNOWN.get(base, zlib.crc32(base.encode()) % len(CATEGORIES))]
    return Look(color, _LINES[place % len(_LINES)], _MARKERS[place % len(_MARKERS)])


def arms_of(analysis: Analysis, env: str) -> list[Arm]:
    """Return the arms of a task in the order of every table."""
    return [arm for arm in analysis.ordered_arms if arm.env == env]


def new_figure(width: float, height: float) -> Any:
    """Return an empty ``matplotlib.figure.Figure``, sizes in inches; pyplot and its state are not used."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def panels(
    titles: Sequence[str],
    *,
    height: float = 3.0,
    columns: int = 3,
    width: float = PAGE_WIDTH,
    **shared: Any,
) -> tuple[Any, dict[str, Any]]:
    """Return a figure and an axis for each title; sizes in inches, the height is that of an axis."""
    columns = min(2 if len(titles) == 4 and columns > 2 else columns, len(titles))
    rows = -(-len(titles) // columns)
    # A single axis is as wide as the page, and would be too flat without more height.
    figure = new_figure(width, height * rows * (1.35 if columns == 1 and width == PAGE_WIDTH else 1.0))
    axes = figure.subplots(rows, columns, squeeze=False, **shared)
    for axis in axes.flat[len(titles) :]:
        axis.set_visible(False)
    for title, axis in zip(titles, axes.flat, strict=False):
        axis.set_title(title)
    return figure, dict(zip(titles, axes.flat, strict=False))


def steps_axis(axis: Any) -> None:
    """Label the x axis as environment steps."""
    axis.set_xlabel("environment steps")
    axis.xaxis.set_major_formatter(lambda value, _: steps_text(value))


def steps_text(value: float) -> str:
    """Return environment steps in thousands or millions.

    Example:
        >>> steps_text(1_500_000), steps_text(5_000), steps_text(0)
        ('1.5M', '5k', '0')
    """
    return f"{value / 1e6:g}M" if abs(value) >= 1e6 else f"{value / 1e3:g}k" if value else "0"
