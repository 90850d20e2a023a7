"""A picture of the learned activation of each layer. Drawing needs matplotlib.

Letters in shapes: P points, N neurons of a layer.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from swimrl.colours import ACCENT, FAINT, INK
from swimrl.td3.agent import TD3
from swimrl.td3.network import hidden_pairs
from swimrl.training.monitoring.layers import elementwise_slope, named_perceptrons

_REACH, _POINTS = 5.0, 201

Curves = dict[str, np.ndarray]
"""By layer, such as ``actor.layer1``: lowest, mean and highest value over the neurons, [3, P]."""


def learned_curves(agent: TD3) -> Curves:
    """Return the curve of the activation of each hidden layer that has learned parameters.

    An activation whose outputs depend on other units of the layer has no curve.
    """
    curves = {}
    for name, perceptron in named_perceptrons(agent):
        for number, (linear, activation) in enumerate(hidden_pairs(perceptron), start=1):
            if any(True for _ in activation.parameters()):
                one = curve(activation, linear.out_features)
                if one is not None:
                    curves[f"{name}.layer{number}"] = one
    return curves


def curve(activation: nn.Module, width: int) -> np.ndarray | None:
    """Return the values of an activation at points from -5 to 5, [3, P]; None if it mixes units.

    Lowest, mean and highest value over the neurons are equal where the neurons share their parameters.

    Args:
        activation: A module with learned parameters, in evaluation mode.
        width: N, the width of its layer.
    """
    device = next(activation.parameters()).device
    x = torch.linspace(-_REACH, _REACH, _POINTS, device=device)[:, None].expand(-1, width).contiguous()
    if elementwise_slope(activation, x) is None:
        return None
    with torch.no_grad():
        y = activation(x.clone()).cpu()
    return np.stack([y.amin(1), y.mean(1), y.amax(1)])


def can_draw() -> bool:
    """Return whether matplotlib is installed."""
    return importlib.util.find_spec("matplotlib") is not None


def draw(now: Curves, before: Mapping[str, np.ndarray]) -> np.ndarray:
    """Draw each activation, over its initial curve in grey; a band spans the neurons of the layer.

    Args:
        now: The present curves; each gets a panel with its name.
        before: The curves before training, by the same names.

    Returns:
        An image, uint8 [height, width, 3].
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(len(now), 4)
    rows = -(-len(now) // columns)
    width, height = 2.4 * columns, 2.0 * rows  # inches
    figure = Figure(figsize=(width, height), dpi=80)
    # Fixed margins: Matplotlib's automatic layout would take as long as the drawing.
    figure.subplots_adjust(
        left=0.35 / width,
        right=1 - 0.1 / width,
        bottom=0.25 / height,
        top=1 - 0.25 / height,
        wspace=0.25,
        hspace=0.35,
    )
    canvas: Any = FigureCanvasAgg(figure)  # its methods have no types
    x = np.linspace(-_REACH, _REACH, _POINTS)
    for number, (title, (low, mean, high)) in enumerate(now.items(), start=1):
        axis = figure.add_subplot(rows, columns, number)
        axis.plot(x, before[title][1], color=FAINT, linewidth=1)
        axis.fill_between(x, low, high, color=ACCENT, alpha=0.25, linewidth=0)
        axis.plot(x, mean, color=ACCENT, linewidth=1.5)
        axis.set_title(title, fontsize=8, color=INK, loc="left")
        axis.tick_params(labelsize=6, colors=INK)
        axis.grid(linewidth=0.3)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
