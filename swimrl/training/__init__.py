"""One run: settings, training, evaluation, checkpoints and the record of it all.

Public names are loaded on first use (PEP 562): reading settings needs neither torch nor Gymnasium.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swimrl.training.api import Evaluations, Run, Series, open_run, train
    from swimrl.training.config import TrainConfig
    from swimrl.training.evaluation import Episodes

_HOME = {
    "Episodes": "evaluation",
    "Evaluations": "api",
    "Run": "api",
    "Series": "api",
    "TrainConfig": "config",
    "open_run": "api",
    "train": "api",
}

__all__ = ["Episodes", "Evaluations", "Run", "Series", "TrainConfig", "open_run", "train"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
