"""Repair of a network: the few weights that make it fail, and new values for them.

Public names are loaded on first use (PEP 562).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from swimrl.repairing.api import Repaired, repair
    from swimrl.repairing.evolution import FitnessLog, Generation, Patch, SearchSettings, search
    from swimrl.repairing.localisation import Costs, localise
    from swimrl.repairing.places import Place, SearchSpace, patched, write
    from swimrl.repairing.settings import RepairSettings
    from swimrl.repairing.specification import Labels, Specification, sample_passing

_HOME = {
    "Costs": "localisation",
    "FitnessLog": "evolution",
    "Generation": "evolution",
    "Labels": "specification",
    "Patch": "evolution",
    "Place": "places",
    "RepairSettings": "settings",
    "Repaired": "api",
    "SearchSettings": "evolution",
    "SearchSpace": "places",
    "Specification": "specification",
    "localise": "localisation",
    "patched": "places",
    "repair": "api",
    "sample_passing": "specification",
    "search": "evolution",
    "write": "places",
}

__all__ = [
    "Costs",
    "FitnessLog",
    "Generation",
    "Labels",
    "Patch",
    "Place",
    "RepairSettings",
    "Repaired",
    "SearchSettings",
    "SearchSpace",
    "Specification",
    "localise",
    "patched",
    "repair",
    "sample_passing",
    "search",
    "write",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
