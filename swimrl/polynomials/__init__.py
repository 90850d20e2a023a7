"""Polynomials in place of functions: the best ones, with a proof, and what they cost to evaluate.

Numbers only: functions of arrays go in, coefficients come out. Public names are loaded on first use
(PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swimrl.polynomials.composition import CompositeRelu, composite_relu, smallest_composite_relu
    from swimrl.polynomials.least_squares import observed
    from swimrl.polynomials.precision import parse_precision, precision_text
    from swimrl.polynomials.remez import Fit, minimax, smallest_fit
    from swimrl.polynomials.series import Cost, Series
    from swimrl.polynomials.symmetry import Parity, parity

_HOME = {
    "CompositeRelu": "composition",
    "Cost": "series",
    "Fit": "remez",
    "Parity": "symmetry",
    "Series": "series",
    "composite_relu": "composition",
    "minimax": "remez",
    "observed": "least_squares",
    "parity": "symmetry",
    "parse_precision": "precision",
    "precision_text": "precision",
    "smallest_composite_relu": "composition",
    "smallest_fit": "remez",
}

__all__ = [
    "CompositeRelu",
    "Cost",
    "Fit",
    "Parity",
    "Series",
    "composite_relu",
    "minimax",
    "observed",
    "parity",
    "parse_precision",
    "precision_text",
    "smallest_composite_relu",
    "smallest_fit",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
