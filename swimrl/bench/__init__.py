"""Benchmarks: what activations, actions and training cost on this machine.

Public names are loaded on first use (PEP 562), as in `swimrl.activations`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swimrl.bench.records import BenchRecord, Comparison, compare, merge, read, run

__all__ = ["BenchRecord", "Comparison", "compare", "merge", "read", "run"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("swimrl.bench.records"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
