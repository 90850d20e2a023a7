"""Figures of activations: files drawn by matplotlib, and characters for a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from swimrl.activations.language.spec import ActivationSpec
from swimrl.activations.torch.composite import value_and_derivatives
from swimrl.colours import ACCENT, GRID, INK, SOFT
from swimrl.errors import FormulaError, InputError

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Curve:
    """An activation at many points.

    Args:
        name: Its canonical name.
        x: Points, [P].
        value: f(x), [P].
        slope: f'(x), [P].
    """

    name: str
    x: Array
    value: Array
    slope: Array


def curve(spec: ActivationSpec, low: float = -5.0, high: float = 5.0, points: int = 401) -> Curve:
    """Return an activation's values and slopes; trainable parameters have their initial values.

    Args:
        spec: What to evaluate.
        low: Left end.
        high: Right end.
        points: P.

    Raises:
        FormulaError: It is a module, not a formula, or the interval is empty.
    """
    if spec.formula is None:
        raise FormulaError(f"{spec.canonical!r} is a module, not a formula, and cannot be drawn as a curve")
    if not low < high:
        raise FormulaError(f"the interval from {low:g} to {high:g} is empty; give its lower end first")
    x = torch.linspace(low, high, points, dtype=torch.float64)
    value, slope, *_ = value_and_derivatives(spec.formula)(x, *(one.initial for one in spec.values))
    return Curve(spec.canonical, x.numpy(), value.numpy(), slope.numpy())


def sketch(values: Array, *, rows: int = 13, columns: int = 61) -> list[str]:
    """Draw equally spaced values with characters.

    Args:
        values: [P], from left to right.
        rows: Height in lines.
        columns: Width in characters.

    Returns:
        The lines. Those of the largest and the smallest value begin with that value.
    """
    shown = np.interp(np.linspace(0, 1, columns), np.linspace(0, 1, len(values)), values)
    low, high = float(np.min(shown)), float(np.max(shown))
    scale = (rows - 1) / (high - low) if high > low else 0.0
    heights = [round((high - value) * scale) for value in shown.tolist()]
    picture = [[" "] * columns for _ in range(rows)]
    if low < 0 < high:
        picture[round(high * scale)] = ["┄"] * columns
    for line in picture:
        line[columns // 2] = "┊"
    for column, height in enumerate(heights):
        # Join neighbours, so that a steep piece has no holes.
        before = heights[max(column - 1, 0)]
        step = (height > before) - (height < before)
        for row in range(before + step, height, step) if step else ():
            picture[row][column] = "│"
        picture[height][column] = "•"
    labels = {0: f"{high:.3g}", rows - 1: f"{low:.3g}"}
    width = max(map(len, labels.values()))
    return [f"{labels.get(row, ''):>{width}} {''.join(line)}".rstrip() for row, line in enumerate(picture)]


def plot(curves: Sequence[Curve], path: Path) -> None:
    """Draw curves into one figure, values on the left and derivatives on the right.

    Args:
        curves: The curves; up to ten have different colours.
        path: A ``.png`` or ``.svg`` file to write.

    Raises:
        InputError: Another kind of file, or matplotlib is not installed.
    """
    pyplot = pyplot_for(path)
    figure, axes = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for number, one in enumerate(curves):
        style = {"color": pyplot.get_cmap("tab10")(number % 10), "linewidth": 1.8}
        axes[0].plot(one.x, one.value, label=one.name, **style)
        axes[1].plot(one.x, one.slope, **style)
    for axis, title in zip(axes, ("f(x)", "f'(x)"), strict=True):
        style_axes(axis)
        axis.set_title(title, color=INK, fontsize=11, loc="left")
        axis.tick_params(labelsize=9, colors=SOFT)
    axes[0].legend(frameon=False, fontsize=9, labelcolor=INK)
    save(pyplot, figure, path)


def gallery(curves: Sequence[Curve], path: Path, *, columns: int = 5) -> None:
    """Draw each curve in a small panel of its own, its derivative dashed.

    Args:
        curves: The curves.
        path: A ``.png`` or ``.svg`` file to write.
        columns: Panels in a row.

    Raises:
        InputError: Another kind of file, or matplotlib is not installed.
    """
    pyplot = pyplot_for(path)
    rows = -(-len(curves) // columns)
    size = (2.0 * columns, 1.55 * rows)
    figure, axes = pyplot.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    for axis in axes.flat[len(curves) :]:
        axis.set_visible(False)
    for axis, one in zip(axes.flat, curves, strict=False):
        style_axes(axis)
        axis.plot(one.x, one.slope, color=SOFT, linewidth=0.9, linestyle=(0, (3, 2)))
        axis.plot(one.x, one.value, color=ACCENT, linewidth=1.6)
        low, high = float(np.min(one.value)), float(np.max(one.value))
        margin = 0.08 * max(high - low, 0.5)
        axis.set_ylim(max(low, -6) - margin, min(high, 6) + margin)
        axis.set_title(one.name, color=INK, fontsize=8, loc="left", pad=3)
        axis.tick_params(labelsize=6, colors=SOFT, length=2)
    save(pyplot, figure, path)


def style_axes(axis: Any) -> None:
    """Give axes the grid and the colours of our figures."""
    axis.grid(color=GRID, linewidth=0.6)
    axis.axhline(0, color=SOFT, linewidth=0.6)
    axis.axvline(0, color=SOFT, linewidth=0.6)
    axis.margins(x=0)
    for spine in axis.spines.values():
        spine.set_visible(False)


def pyplot_for(path: Path) -> Any:
    """Return matplotlib's pyplot, set up to write a file.

    Raises:
        InputError: Neither ``.png`` nor ``.svg``, or matplotlib is not installed.
    """
    if path.suffix not in (".png", ".svg"):
        raise InputError(f"cannot write a figure to {str(path)!r}; end its name in .png or .svg")
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise InputError(
            "figures need matplotlib, which is not installed; run: pip install 'swimrl[report]'"
        ) from error
    mpl.use("Agg")
    # The same figure always gives the same bytes; text stays text.
    mpl.rcParams.update({"svg.hashsalt": "swimrl", "svg.fonttype": "none"})
    from matplotlib import pyplot

    return pyplot


def save(pyplot: Any, figure: Any, path: Path) -> None:
    """Write and close a figure."""
    path.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"Date": None} if path.suffix == ".svg" else None
    figure.savefig(path, dpi=100, metadata=metadata)
    pyplot.close(figure)
