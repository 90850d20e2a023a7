"""Strips of frames: how the best, the median and the worst seed of each arm move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swimrl.reporting.figures.style import PAGE_WIDTH, new_figure
from swimrl.reporting.gait import Strip

_LABEL = 2.2
"""Inches left of the frames."""

_GAP = 3
"""Pixels between frames."""


def gait(strips: Sequence[Strip]) -> Any:
    """Draw the strips below each other, with arm, seed, score and length beside them."""
    frames = max(len(strip.frames) for strip in strips)
    height, width = strips[0].frames.shape[1:3]
    row = (PAGE_WIDTH - _LABEL) * height / (width * frames)
    figure = new_figure(PAGE_WIDTH, row * len(strips))
    figure.set_layout_engine("none")
    for number, strip in enumerate(strips):
        bottom = 1 - (number + 1) / len(strips)
        share = (1 - _LABEL / PAGE_WIDTH) * len(strip.frames) / frames
        axis = figure.add_axes((_LABEL / PAGE_WIDTH, bottom, share, 0.94 / len(strips)))
        axis.imshow(_side_by_side(strip.frames), aspect="auto", interpolation="none")
        axis.axis("off")
        is_first = number == 0 or strips[number - 1].arm != strip.arm
        lines = [strip.arm] if is_first else []
        lines += [f"{strip.place}: seed {strip.seed}", f"score {strip.score:,.0f}, {strip.length} steps"]
        middle = bottom + 0.47 / len(strips)
        figure.text(0.005, middle, "\n".join(lines), va="center", fontsize=8.5, linespacing=1.4)
    return figure


def _side_by_side(frames: np.ndarray) -> np.ndarray:
    """Return frames [F, H, W, 3] as one image with transparent gaps, [H, F (W + gap), 4]."""
    opaque = np.concatenate([frames, np.full_like(frames[..., :1], 255)], axis=-1)
    return np.concatenate([*np.pad(opaque, ((0, 0), (0, 0), (0, _GAP), (0, 0)))], axis=1)
