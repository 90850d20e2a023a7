"""Many runs at once: a study's settings, the runs that follow from them, who does them, and how far they are.

Public names are loaded on first use (PEP 562): the status of a study needs no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swimrl.sweeps.api import sweep
    from swimrl.sweeps.config import SweepConfig
    from swimrl.sweeps.status import RunStatus, StudyStatus
    from swimrl.sweeps.study import Study, open_study

_HOME = {
    "RunStatus": "status",
    "Study": "study",
    "StudyStatus": "status",
    "SweepConfig": "config",
    "open_study": "study",
    "sweep": "api",
}

__all__ = ["RunStatus", "Study", "StudyStatus", "SweepConfig", "open_study", "sweep"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
