"""Find the largest error of every elementwise activation's float32 kernel over [-50, 50].

    python results/kernel-errors/measure.py

Writes table.md. What is allowed at each point is the largest of 4 ulp of the result, 1e-6 max(|f|, |x f'|)
and 1e-7 min(1, |x|), for the slope likewise with its own slope. Errors are multiples of that; 1 is the aim.
Truth is the same formula in float64. Learned parameters are at their defaults.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from swimrl.activations import REGISTRY, Activation, Formula, activation
from swimrl.activations.cpu.kernel import CpuKernel
from swimrl.activations.torch.composite import value_and_derivatives

FOLDER = Path(__file__).parent
HEAD = (
    "| activation | value: error / allowed | at x | absolute | slope: error / allowed | at x | absolute |\n"
    "|---|---|---|---|---|---|---|\n"
)


class Largest(NamedTuple):
    """The largest error of one result."""

    excess: float
    """As a multiple of what is allowed."""

    x: float
    """Where that is."""

    absolute: float
    """The largest absolute error, wherever it is."""


def grid(points: int = 100_001) -> np.ndarray:
    """Return float32 points in [-50, 50], half of them in [-5, 5]."""
    return np.concatenate([np.linspace(-50, 50, points), np.linspace(-5, 5, points)]).astype(np.float32)


def largest_errors(name: str, x: np.ndarray) -> tuple[Largest, Largest]:
    """Return the errors of value and slope of the activation ``name`` at the float32 points ``x`` [N]."""
    module = activation(name)
    assert isinstance(module, Activation)
    assert module.spec.formula is not None
    theta = np.array([p.item() for p in module.parameters()], np.float32)
    z, slope = x[None].copy(), np.empty((1, x.size), np.float32)
    theta_slope = np.empty((theta.size, 1, x.size), np.float32)
    kernel = CpuKernel(module.spec.settled, np.dtype(np.float32))
    kernel.bind_value_and_slopes(z, np.zeros(x.size, np.float32), theta, slope, theta_slope)()
    formula = module.spec.formula.fix({v.name: v.value for v in module.spec.values if not v.trainable})
    value, first, second = (_truth(formula, x, theta, order) for order in range(3))
    return _largest(z[0], value, first, x), _largest(slope[0], first, second, x)


def _truth(formula: Formula, x: np.ndarray, theta: np.ndarray, order: int) -> np.ndarray:
    """Return the derivative of the given order in float64; the second one by autograd, 0 at jumps."""
    at = torch.tensor(x, dtype=torch.float64, requires_grad=order == 2)
    parameters = torch.tensor(theta, dtype=torch.float64)
    results = value_and_derivatives(formula)(at, *parameters)
    if order < 2:
        return np.asarray(results[order].detach())
    if not results[1].requires_grad:
        return np.zeros(x.size)
    (second,) = torch.autograd.grad(results[1].sum(), at)
    return np.nan_to_num(second.numpy(), posinf=0.0, neginf=0.0)


def _largest(found: np.ndarray, exact: np.ndarray, slope: np.ndarray, x: np.ndarray) -> Largest:
    info = np.finfo(np.float32)
    x64 = x.astype(np.float64)
    allowed = np.maximum.reduce(
        [
            4 * info.eps * np.abs(exact),
            1e-6 * np.maximum(np.abs(exact), np.abs(x64 * slope)),
            1e-7 * np.minimum(1.0, np.abs(x64)),
        ]
    )
    within = np.abs(exact) < info.max / 4
    gaps = np.abs(found.astype(np.float64) - exact)[within]
    excesses = gaps / (allowed[within] + 4 * float(info.smallest_subnormal))
    worst = int(np.argmax(excesses))
    return Largest(float(excesses[worst]), float(x[within][worst]), float(gaps.max()))


def row(name: str) -> str:
    """Return the line of the table for ``name``."""
    cells = [
        cell
        for found in largest_errors(name, grid())
        for cell in (f"{found.excess:.2f}", f"{found.x:.3g}", f"{found.absolute:.1e}")
    ]
    return f"| `{name}` | {' | '.join(cells)} |\n"


def main() -> None:
    """Write the table, the largest errors first."""
    names = [definition.name for definition in REGISTRY.definitions() if definition.expression is not None]
    rows = sorted(map(row, names), key=lambda line: -float(line.split("|")[2]))
    (FOLDER / "table.md").write_text(HEAD + "".join(rows))


if __name__ == "__main__":
    main()
