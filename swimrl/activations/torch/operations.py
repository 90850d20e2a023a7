"""The operations that generated code calls, in torch.

Code for people to paste holds copies of these functions. So each uses only ``torch``, ``math`` and
functions of this file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def _at_least(u: Tensor, bound: Tensor | float) -> Tensor:
    # torch.maximum would halve the gradient at the bound; here u keeps it all.
    return torch.where(u < bound, bound, u) if isinstance(bound, torch.Tensor) else u.clamp(min=bound)


def _at_most(u: Tensor, bound: Tensor | float) -> Tensor:
    return torch.where(u > bound, bound, u) if isinstance(bound, torch.Tensor) else u.clamp(max=bound)


def _atan_gate(u: Tensor) -> Tensor:
    return torch.atan2(torch.ones_like(u), -u) / math.pi


def _clip(u: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    # torch.clamp has slope 1 at its bounds, our primitive 0.
    return torch.where(u <= low, low, torch.where(u >= high, high, u))


def _isru_gate(u: Tensor) -> Tensor:
    """Compute (1 + u/sqrt(1 + u^2))/2 without cancellation for u < 0.

    With r = sqrt(1 + u^2) and t = 1/(2 r (r + |u|)), it is t for u <= 0 and 1 - t for u > 0.
    ``torch.where`` costs ten times as much as arithmetic on a CPU, so the side is a factor; and
    with ``side`` constant, |u| has slope -1 at 0, which makes the derivatives at 0 right. Dividing
    twice keeps r (r + |u|) from overflowing.
    """
    side = torch.sign(u.detach()).clamp(min=0.0)  # 0 for u <= 0, else 1
    r = torch.sqrt(1.0 + u * u)
    t = 0.5 / r / (r + u * (2.0 * side - 1.0))
    return t + side * (1.0 - 2.0 * t)


def _isru_slope(u: Tensor) -> Tensor:
    return 0.5 * torch.rsqrt(1.0 + u * u) ** 3


def _ndtr(u: Tensor) -> Tensor:
    # erfc keeps its digits in the left tail, where 1 + erf cancels.
    return 0.5 * torch.erfc(-math.sqrt(0.5) * u)


def _normal_pdf(u: Tensor) -> Tensor:
    return torch.exp(-0.5 * u * u) * (1.0 / math.sqrt(2.0 * math.pi))


def _sech2(u: Tensor) -> Tensor:
    # In this form neither the value nor any derivative overflows, as 1/cosh(u)**2 would.
    return 4.0 * torch.sigmoid(2.0 * u) * torch.sigmoid(-2.0 * u)


def _softplus(u: Tensor) -> Tensor:
    # Beyond its threshold torch returns u: at the default of 20 that is wrong in float64, at 40 it is exact.
    return torch.nn.functional.softplus(u, threshold=40.0)


def _step(u: Tensor) -> Tensor:
    return (u > 0.0).to(u.dtype)


def _tanh_softplus(u: Tensor) -> Tensor:
    return torch.tanh(_softplus(u))


def _tanh_softplus_slope(u: Tensor) -> Tensor:
    return _sech2(_softplus(u)) * torch.sigmoid(u)


LIBRARY = {
    "_constant": "{x}.new_full((), {value})",
    "_lowest": "torch.finfo({x}.dtype).min",
    "_rsqrt": "torch.rsqrt",
    "abs": "torch.abs",
    "atan": "torch.atan",
    "cos": "torch.cos",
    "erf": "torch.erf",
    "exp": "torch.exp",
    "expm1": "torch.expm1",
    "inf": "math.inf",
    "log": "torch.log",
    "log1p": "torch.log1p",
    "relu": "torch.relu",
    "sigmoid": "torch.sigmoid",
    "sign": "torch.sign",
    "sin": "torch.sin",
    "sqrt": "torch.sqrt",
    "tanh": "torch.tanh",
    "where": "torch.where",
}
"""The operations that torch has, by their spelling in generated code."""

NAMESPACE: Mapping[str, Any] = {
    "_at_least": _at_least,
    "_at_most": _at_most,
    "_constant": lambda value, x: x.new_full((), value),
    "_lowest": lambda x: torch.finfo(x.dtype).min,
    "atan_gate": _atan_gate,
    "clip": _clip,
    "inf": math.inf,
    "isru_gate": _isru_gate,
    "isru_slope": _isru_slope,
    "ndtr": _ndtr,
    "normal_pdf": _normal_pdf,
    "sech2": _sech2,
    "softplus": _softplus,
    "step": _step,
    "tanh_softplus": _tanh_softplus,
    "tanh_softplus_slope": _tanh_softplus_slope,
    **{
        spelling: getattr(torch, text.removeprefix("torch."))
        for spelling, text in LIBRARY.items()
        if text.startswith("torch.") and "(" not in text
    },
}
"""What the names in generated code mean here."""
