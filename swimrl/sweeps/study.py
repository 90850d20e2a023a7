"""study.json: what all runs of a study share, decided once, whoever does them and wherever.

Schema history: 1 first version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Study:
    """What all runs of a study share. Plain data: it can be pickled and written as JSON."""

    name: str

    products: Mapping[str, str] = field(default_factory=dict)
    """Backend of each matrix product by its shape, so that no two runs of the study differ in it."""

    processor: str = ""
    """The processor on which the backends were chosen."""

    primary: Mapping[str, Any] | None = None
    """The comparison that was declared before the first run; see `swimrl.sweeps.study_file`."""

    def facts(self) -> dict[str, Any]:
        """Return what goes into the run.json of each run, ready for JSON."""
        facts: dict[str, Any] = {"name": self.name, "products_chosen_on": self.processor}
        if self.primary is not None:
            text = json.dumps(self.primary, sort_keys=True)
            facts |= {"primary": self.primary, "primary_sha256": hashlib.sha256(text.encode()).hexdigest()}
        return facts

    def to_mapping(self) -> dict[str, Any]:
        """Return plain data, ready for JSON; ``Study(**content)`` is its inverse."""
        return asdict(self)
