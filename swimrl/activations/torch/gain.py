"""The gain that keeps the variance of a layer's outputs, for weight initialisation."""

from __future__ import annotations

import copy
import functools
import math

import numpy as np
import torch
from torch import nn

from swimrl.activations.language.spec import ActivationSpec
from swimrl.activations.torch.factory import build
from swimrl.errors import FormulaError

_REACH = 14.0  # standard deviations; the normal density beyond is 1e-43
_PANELS_PER_UNIT = 32
_NODES = 8  # Gauss-Legendre points in each panel


def variance_gain(activation: ActivationSpec | nn.Module) -> float:
    """Return 1/E[f(z)^2] for a standard normal z, by Gauss-Legendre quadrature in float64.

    Weights of variance ``gain / fan_in`` keep the mean square of the activations from layer to
    layer (He et al. 2015, equation 10; for relu the gain is 2).

    Args:
        activation: A specification or an elementwise module. A module is evaluated in evaluation mode and
            not changed.

    Raises:
        FormulaError: The mean square is zero or not finite.
    """
    module = build(activation) if isinstance(activation, ActivationSpec) else copy.deepcopy(activation)
    nodes, weights = normal_quadrature()
    with torch.no_grad():
        values = module.to(device="cpu", dtype=torch.float64).eval()(nodes)
    squares = weights * values.square()
    mean_square = float(squares.sum())
    beyond = float(squares[nodes.abs() > _REACH - 1].sum())
    if not (math.isfinite(mean_square) and mean_square > 0 and beyond < 1e-12 * mean_square):
        name = activation.canonical if isinstance(activation, ActivationSpec) else type(activation).__name__
        raise FormulaError(f"{name!r} has no gain: its mean square under a normal input is zero or infinite")
    return 1.0 / mean_square


@functools.cache
def normal_quadrature() -> tuple[torch.Tensor, torch.Tensor]:
    """Return nodes and weights, float64 ``[P]``, with which sums are expectations under the standard normal.

    Panel edges are multiples of 1/32, so the kinks of activations, at 0 and other short binary
    fractions, fall on them.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    width = 1.0 / _PANELS_PER_UNIT
    centres = np.arange(-_REACH, _REACH, width) + width / 2
    points = (centres[:, None] + nodes * width / 2).ravel()
    density = np.exp(-(points**2) / 2) / math.sqrt(2 * math.pi)
    return torch.from_numpy(points), torch.from_numpy(np.tile(weights * width / 2, centres.size) * density)
