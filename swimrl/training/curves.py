"""A picture of what training has made of each layer's activation. Needs matplotlib.

Letters in shapes: P points, N neurons of a layer.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from swimrl.activations.factory import build
from swimrl.activations.module import Activation

_REACH, _POINTS = 5.0, 201
_INK, _SOFT, _ACCENT = "#1b2733", "#9aa7b2", "#0b7285"


def learning(activations: Mapping[str, nn.Module]) -> dict[str, Activation]:
    """Return the formulas among the activations that learn parameters, by the same names."""
    return {
        name: activation
        for name, activation in activations.items()
        if isinstance(activation, Activation) and any(True for _ in activation.parameters())
    }


def can_draw() -> bool:
    """Return whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


@torch.no_grad()
def curve(activation: Activation) -> np.ndarray:
    """Return lowest, mean and highest value over the layer's neurons at each point from -5 to 5, [3, P].

    The three are the same where the whole layer shares its parameters.
    """
    width = max(parameter.numel() for parameter in activation.parameters())
    x = torch.linspace(-_REACH, _REACH, _POINTS)[:, None].expand(-1, width)
    y = activation(x.to(next(activation.parameters()).device)).cpu()
    return np.stack([y.amin(1), y.mean(1), y.amax(1)])


def draw(activations: Mapping[str, Activation]) -> np.ndarray:
    """Draw each activation as it is now, over what it started from in grey.

    Args:
        activations: One panel each, by its title.

    Returns:
        An image, uint8 [height, width, 3].
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(len(activations), 4)
    rows = -(-len(activations) // columns)
    figure = Figure(figsize=(2.4 * columns, 2.0 * rows), dpi=80, layout="constrained")
    canvas: Any = FigureCanvasAgg(figure)  # its methods have no types
    x = np.linspace(-_REACH, _REACH, _POINTS)
    for number, (title, activation) in enumerate(activations.items(), start=1):
        axis = figure.add_subplot(rows, columns, number)
        width = max(parameter.numel() for parameter in activation.parameters())
        start = build(activation.spec, width)
        assert isinstance(start, Activation)
        low, mean, high = curve(activation)
        axis.plot(x, curve(start)[1], color=_SOFT, linewidth=1)
        axis.fill_between(x, low, high, color=_ACCENT, alpha=0.25, linewidth=0)
        axis.plot(x, mean, color=_ACCENT, linewidth=1.5)
        axis.set_title(title, fontsize=8, color=_INK, loc="left")
        axis.tick_params(labelsize=6, colors=_INK)
        axis.grid(linewidth=0.3)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
