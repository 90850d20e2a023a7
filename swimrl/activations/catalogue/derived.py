"""What is known of each formula of the catalogue with default parameters, so that listing computes nothing.

The numbers stand in ``derived.json``, which ``python -m tools.document_activations`` writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).with_name("derived.json")


class Derived(NamedTuple):
    """Range, shape and neighbours of one activation; see ``properties.Properties``."""

    infimum: float
    supremum: float
    monotone: str
    smoothness: str
    value_at_0: float
    slope_at_0: float
    lipschitz: float
    mean: float
    similar: tuple[str, ...]
    """The nearest others by E[(f(z) - g(z))^2] for a standard normal z, nearest first."""


_BOUNDS = ("infimum", "supremum", "lipschitz", "mean")


def read(text: str) -> dict[str, Derived]:
    """Return the table that `written` wrote, by name of the activation."""
    return {name: _derived(entry) for name, entry in json.loads(text).items()}


def written(table: Mapping[str, Derived]) -> str:
    """Return the table as JSON, one line for each activation; infinities are text."""
    rows = (f"{json.dumps(name)}: {json.dumps(_entry(derived))}" for name, derived in table.items())
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _derived(entry: Mapping[str, Any]) -> Derived:
    return Derived(
        **{name: float(value) if name in _BOUNDS else value for name, value in entry.items()}
        | {"similar": tuple(entry["similar"])}
    )


def _entry(derived: Derived) -> dict[str, Any]:
    infinite = (float("inf"), float("-inf"))
    return {name: str(value) if value in infinite else value for name, value in derived._asdict().items()}


DERIVED = read(FILE.read_text(encoding="utf-8"))
