"""From the files of a study to one page: reward and efficiency with statistics that hold.

Public names are loaded on first use (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swimrl.reporting.api import Report, report
    from swimrl.reporting.tables.table import Table

_HOME = {"Report": "api", "Table": "tables.table", "report": "api"}

__all__ = ["Report", "Table", "report"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
