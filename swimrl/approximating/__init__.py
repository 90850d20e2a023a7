"""Policies with polynomials in place of their activations: what they lose, and how much precision they need.

Public names are loaded on first use (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swimrl.approximating.api import Approximated, approximate
    from swimrl.approximating.arms import Arm, Settings
    from swimrl.approximating.equivalence import Answer, answer, answer_from
    from swimrl.approximating.policy import write_policy
    from swimrl.approximating.study import Measured, measure, measure_each

_HOME = {
    "Answer": "equivalence",
    "Approximated": "api",
    "Arm": "arms",
    "Measured": "study",
    "Settings": "arms",
    "answer": "equivalence",
    "answer_from": "equivalence",
    "approximate": "api",
    "measure": "study",
    "measure_each": "study",
    "write_policy": "policy",
}

__all__ = [
    "Answer",
    "Approximated",
    "Arm",
    "Measured",
    "Settings",
    "answer",
    "answer_from",
    "approximate",
    "measure",
    "measure_each",
    "write_policy",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
