"""The comparison that a study declares before its first run. Light: no torch, no Stable-Baselines3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from swimrl.errors import ConfigError
from swimrl.fields import from_mapping
from swimrl.runs.scores import Metric
from swimrl.stats.equivalence import Margin, parse_margin
from swimrl.stats.sequential import Design
from swimrl.stats.spending import parse_spending

FIRST_TUNING_SEED = 1000
"""Seeds from here on are for tuning. A comparison refuses them beside lower ones."""


@dataclass(frozen=True)
class Sequential:
    """Looks at the runs before all seeds are done; the study stops where its answer is in.

    Raises:
        ConfigError: If the looks are not ascending, or the spending or the futility is wrong.
    """

    looks: tuple[int, ...]
    """Seeds of each arm at each look, ascending; the last is the planned number."""

    spending: str = "obrien-fleming"
    """How the error probability is spent over the looks: obrien-fleming, pocock or hsd(GAMMA)."""

    futility: float | None = None
    """An arm stops as futile where the chance of a finding at the last look, by the trend so far, is below
    this. It costs no error probability. No arm stops so when not given."""

    def __post_init__(self) -> None:
        if not self.looks or list(self.looks) != sorted(set(self.looks)) or self.looks[0] < 2:
            raise ConfigError(
                f"looks are {list(self.looks)}; expected ascending numbers of seeds from 2 on, such as "
                "[5, 10, 20]"
            )
        if self.futility is not None and not 0 < self.futility < 1:
            raise ConfigError(f"futility is {self.futility:g}; expected a probability, such as 0.1")
        parse_spending(self.spending)

    @cached_property
    def design(self) -> Design:
        """The looks and the spending, as the tests take them."""
        return Design(self.looks, parse_spending(self.spending))


@dataclass(frozen=True)
class Primary:
    """The primary comparison: its tests are the family whose p-values are corrected together.

    Raises:
        ConfigError: If there is less than one planned seed, the margin is wrong, or looks are declared with
            what they do not go with.
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

    correction: Literal["holm", "fixed-sequence", "benjamini-hochberg"] = "holm"
    """How p-values are corrected for their number. ``fixed-sequence`` tests one comparison after the other,
    in the order of ``comparisons``, and stops at the first that is not established."""

    paired: bool = False
    """Whether equal seeds of two activations are pairs."""

    diverged: Literal["random-policy", "last-evaluation"] = "random-policy"
    """What a diverged run scores from its failure on."""

    margin: str | None = None
    """Differences within it do not matter: a share of the baseline's score, such as 10%, or a return. With
    it, a verdict can be that two arms are equal within the margin."""

    sequential: Sequential | None = None
    """Looks before all seeds are done."""

    def __post_init__(self) -> None:
        if self.planned_seeds < 1:
            raise ConfigError(f"planned_seeds is {self.planned_seeds}; expected a whole number of at least 1")
        if self.margin is not None:
            parse_margin(self.margin)
        if self.sequential is None:
            return
        if self.planned_seeds != self.sequential.looks[-1]:
            raise ConfigError(
                f"planned_seeds is {self.planned_seeds}, but the last look has "
                f"{self.sequential.looks[-1]} seeds; leave planned_seeds out, or make them equal"
            )
        if self.paired or self.correction == "benjamini-hochberg":
            other = "paired" if self.paired else "correction benjamini-hochberg"
            raise ConfigError(f"sequential does not go with {other}; leave one of the two out")

    @property
    def parsed_margin(self) -> Margin | None:
        """The margin as the tests take it."""
        return None if self.margin is None else parse_margin(self.margin)


_REQUIRED = ("baseline", "comparisons", "planned_seeds")


def read_primary(declared: Mapping[str, Any], *, source: str) -> Primary:
    """Return a declaration that stands in a study's YAML, in study.json or in run.json.

    Args:
        declared: Names and values of `Primary`'s fields.
        source: Where it stands, for messages.

    Raises:
        ConfigError: If a value is missing, wrong or unknown; the message names it.
    """
    sequential = declared.get("sequential")
    if isinstance(sequential, Mapping) and isinstance(sequential.get("looks"), list) and sequential["looks"]:
        declared = {"planned_seeds": sequential["looks"][-1], **declared}
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
