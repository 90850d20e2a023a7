"""The comparison that a study declares before its first run. Light: no torch, no Stable-Baselines3."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
class Graph:
    """How the error probability is shared among comparisons, and passed on by those that are established.

    Raises:
        ConfigError: If a share is negative, or shares sum to more than 1.
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    """The share of each comparison, by its name in ``comparisons``; 0 where not given."""

    transfer: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """By comparison: the share of its weight that others get when it is established; 0 where not given."""

    def __post_init__(self) -> None:
        for name, shares in {"weights": self.weights, **self.transfer}.items():
            where = "weights" if name == "weights" else f"transfer of {name}"
            total = sum(shares.values())
            are_shares = all(share >= 0 for share in shares.values()) and total <= 1 + 1e-9
            if not are_shares or (name == "weights" and total == 0):
                text = ", ".join(f"{key} {share:g}" for key, share in shares.items()) or "nothing"
                raise ConfigError(
                    f"graph: {where} is {text}; expected shares from 0 on that sum to at most 1, such as "
                    "{swim: 0.5, swish: 0.5}"
                )
            if name in shares:
                raise ConfigError(f"graph: {where} gives {name} to itself; name other comparisons")

    @property
    def names(self) -> list[str]:
        """All comparisons that it names."""
        return [*self.weights, *self.transfer, *(name for of in self.transfer.values() for name in of)]

    def renamed(self, name: Callable[[str], str]) -> Graph:
        """Return the graph with other names of its comparisons."""
        return Graph(
            {name(key): share for key, share in self.weights.items()},
            {
                name(key): {name(other): share for other, share in shares.items()}
                for key, shares in self.transfer.items()
            },
        )


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

    correction: Literal["holm", "fixed-sequence", "benjamini-hochberg", "graph"] = "holm"
    """How p-values are corrected for their number. ``fixed-sequence`` tests one comparison after the other,
    in the order of ``comparisons``, and stops at the first that is not established. ``graph`` is the
    procedure that ``graph`` describes."""

    graph: Graph | None = None
    """Shares of the error probability, and where they go; for ``correction: graph``."""

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
        self._check_graph()
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

    def _check_graph(self) -> None:
        if (self.correction == "graph") != (self.graph is not None):
            missing = "graph: {weights: {...}}" if self.graph is None else "correction: graph"
            raise ConfigError(f"correction is {self.correction}, and graph needs both; add {missing}")
        for name in self.graph.names if self.graph is not None else ():
            if name not in self.comparisons:
                raise ConfigError(
                    f"graph names {name}, which is none of the comparisons; expected some of "
                    f"{', '.join(self.comparisons)}"
                )

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
