"""The formulas that every target must print, and what they are compared with."""

from __future__ import annotations

import functools
import math

import numpy as np
import torch

from swimrl.activations import REGISTRY, Formula, parse_name
from swimrl.activations.torch.composite import value_and_derivatives

NAMES = [definition.name for definition in REGISTRY.definitions() if definition.expression is not None] + [
    "swim(k=trainable)",
    "swish(beta=-1.5)",
    "taaf(swim)",
    "taaf(mish)",
    "poly(swim, degree=6, bound=8)",
    "poly(elu, degree=5, bound=4)",
    "poly(tanh, degree=9, bound=5, outside=clamp)",
    "expr: where(x > 0, x, exp(x) - 1)*b; b=trainable(1.5)",
    "expr: clip(a*x, -1, b)*erf(x) + max(x, a) - min(b, 0.5*x); a=0.8; b=trainable(1.3)",
    "expr: a*abs(x)**1.7 + (1 + x**2)**b - x**3/(2 + x**6); a=trainable(0.8); b=trainable(-1.3)",
    "expr: sech2(softplus(x))*sigmoid(x) + atan_gate(x)*normal_pdf(x)",
]

POINTS = np.array(
    [
        *np.linspace(-6, 6, 241),
        *(-1e4, 1e4, -88, 88, -30, 30, 1e-8, -1e-8, -1, 1, 3, -3),
        *(-math.inf, math.inf, math.nan),
    ]
)
"""Inputs, [254]: a grid that holds 0, large and tiny numbers, kinks, infinities and NaN."""


def formula_of(name: str) -> Formula:
    return parse_name(name).settled


@functools.cache
def expected(name: str, dtype: torch.dtype = torch.float64) -> list[np.ndarray]:
    """Value and derivatives by x and each parameter at `POINTS`, [254] each.

    The composite form computes them in ``dtype``; ``tests/contracts`` compares it with mpmath.
    """
    formula = formula_of(name)
    results = value_and_derivatives(formula)(
        torch.from_numpy(POINTS).to(dtype), *(parameter.default for parameter in formula.parameters)
    )
    return [result.double().numpy() for result in results]


def largest_error(name: str, got: np.ndarray, *, result: int = 0) -> float:
    """The largest error of a result in float64, relative to max(|f|, min(1, |x|)).

    NaN and infinities must be where they are expected.
    """
    wanted = expected(name)[result]
    if result:  # at infinities the composite form's derivatives may be NaN
        keep = np.isfinite(wanted)
        got, wanted, points = got[keep], wanted[keep], POINTS[keep]
    else:
        points = POINTS
        np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    np.testing.assert_array_equal(got[np.isinf(wanted)], wanted[np.isinf(wanted)])
    finite = np.isfinite(wanted) & np.isfinite(points)
    got, wanted, points = got[finite], wanted[finite], points[finite]
    scale = np.maximum(np.abs(wanted), np.minimum(1, np.abs(points))) + 1e-300
    return float((np.abs(got - wanted) / scale).max())


def is_accurate_float32(name: str, got: np.ndarray) -> bool:
    """Whether float32 results, [254], are about as accurate as those of torch's float32.

    The errors are compared with the largest error that torch makes anywhere, because at zero crossings the
    relative error of float32 is unbounded.
    """
    points = POINTS.astype(np.float32)
    formula = formula_of(name)
    wanted = (
        value_and_derivatives(formula)(
            torch.from_numpy(points).double(), *(parameter.default for parameter in formula.parameters)
        )[0]
        .double()
        .numpy()
    )
    torch32 = expected(name, torch.float32)[0]
    np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
    finite = np.isfinite(wanted) & np.isfinite(points)
    wanted, torch32, points = wanted[finite], torch32[finite], points[finite].astype(float)
    scale = np.maximum(np.abs(wanted), np.minimum(1, np.abs(points))) + 1e-30
    own = (np.abs(torch32 - wanted) / scale).max()
    error = (np.abs(got[finite].astype(float) - wanted) / scale).max()
    return bool(error <= 8 * own + 4e-6)
