"""Loops that backpropagate through an activation, from the slopes that its kernel wrote.

They are plain functions here; ``kernel.multiply_by_slope`` compiles them. All arrays are C-contiguous and
of one dtype.

Letters in shapes: B batch, N units, P trainable parameters.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from swimrl.activations.cpu.kernel_source import decorator

_DIMENSIONS = {"g": 2, "slope": 2, "bias_gradient": 1, "theta_slope": 3, "theta_gradient": 2}


def gradient_source(loop: Callable[..., None], dtype: str) -> str:
    """Return the text of a module whose function ``kernel`` is one of the loops below, for ``dtype``."""
    arguments = list(inspect.signature(loop).parameters)
    return "\n".join(
        [
            "import numpy as np",
            "\n",
            decorator(dtype, (_DIMENSIONS[name] for name in arguments)),
            inspect.getsource(loop),
            f"kernel = {loop.__name__}",
            "",
        ]
    )


def times_slope(g: np.ndarray, slope: np.ndarray) -> None:
    """Multiply the gradient ``g`` [B, N] by ``slope`` [B, N]."""
    for b in range(g.shape[0]):
        for n in range(g.shape[1]):
            g[b, n] *= slope[b, n]


def times_slope_and_sums(g: np.ndarray, slope: np.ndarray, bias_gradient: np.ndarray) -> None:
    """Multiply ``g`` by ``slope``, and write the column sums of the product into ``bias_gradient`` [N]."""
    bias_gradient[:] = 0
    for b in range(g.shape[0]):
        for n in range(g.shape[1]):
            product = g[b, n] * slope[b, n]
            g[b, n] = product
            bias_gradient[n] += product


def times_slope_and_all_sums(
    g: np.ndarray,
    slope: np.ndarray,
    bias_gradient: np.ndarray,
    theta_slope: np.ndarray,
    theta_gradient: np.ndarray,
) -> None:
    """Do the same, and write the sums of g times ``theta_slope`` [P, B, N] into ``theta_gradient``.

    Here g is the gradient before it is multiplied. ``theta_gradient`` is [P, N], for the sums over B of each
    unit, or [P, 1], for the sum over all.
    """
    # Sums over a column first: independent of each other, so that the loops over n are vectorised.
    column = np.zeros((theta_slope.shape[0], g.shape[1]), g.dtype)
    bias_gradient[:] = 0
    for b in range(g.shape[0]):
        for p in range(theta_slope.shape[0]):
            for n in range(g.shape[1]):
                column[p, n] += g[b, n] * theta_slope[p, b, n]
        for n in range(g.shape[1]):
            product = g[b, n] * slope[b, n]
            g[b, n] = product
            bias_gradient[n] += product
    for p in range(theta_slope.shape[0]):
        if theta_gradient.shape[1] == 1:
            total = 0.0  # in float64
            for n in range(g.shape[1]):
                total += column[p, n]
            theta_gradient[p, 0] = total
        else:
            for n in range(g.shape[1]):  # numba takes 3 s to compile an assignment of rows
                theta_gradient[p, n] = column[p, n]
