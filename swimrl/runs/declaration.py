"""The comparison that a study declares before its first run. Light: no torch, no Stable-Baselines3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from swimrl.errors import ConfigError
from swimrl.fields import from_mapping
from swimrl.runs.scores import Metric


@dataclass(frozen=True)
class Primary:
    """The primary comparison: its tests are the family whose p-values are corrected together.

    Raises:
        ConfigError: If there is less than one planned seed.
    """

    baseline: str
    """The activation that others are compared with."""

    comparisons: tuple[str, ...]
    """The activations that are compared with it."""

    planned_seeds: int
    """Seeds of each arm, below which the result is interim."""

    metric: Metric = "last10"
    """The score that is compared."""

    environments: tuple[str, ...] = ()
    """Environments that count; all when not given."""

    correction: Literal["holm", "benjamini-hochberg"] = "holm"
    """How p-values are corrected for their number."""

    paired: bool = False
    """Whether equal seeds of two activations are pairs."""

    diverged: Literal["random-policy", "last-evaluation"] = "random-policy"
    """What a diverged run scores from its failure on."""

    def __post_init__(self) -> None:
        if self.planned_seeds < 1:
            raise ConfigError(f"planned_seeds is {self.planned_seeds}; expected a whole number of at least 1")


_REQUIRED = ("baseline", "comparisons", "planned_seeds")


def read_primary(declared: Mapping[str, Any], *, source: str) -> Primary:
    """Return a declaration that stands in a study's YAML, in study.json or in run.json.

    Args:
        declared: Names and values of `Primary`'s fields.
        source: Where it stands, for messages.

    Raises:
        ConfigError: If a value is missing, wrong or unknown; the message names it.
    """
    for name in _REQUIRED:
        if name not in declared:
            raise ConfigError(f"{source} has no {name}; declare what is to be compared, or leave it out")
    return from_mapping(Primary, declared, source=source)


def sha256_of(declared: Mapping[str, Any]) -> str:
    """Return the hash by which a report sees that a declaration was not changed afterwards, 64 hex digits.

    Args:
        declared: The declaration as it stands in the study's YAML, without the values that were left out.
    """
    return hashlib.sha256(json.dumps(declared, sort_keys=True).encode()).hexdigest()
