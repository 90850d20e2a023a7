"""The settings of a controller's repair. Light: the command line reads its options from here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import tyro

from swimrl.errors import InputError, UnknownNameError
from swimrl.fields import Count

WAYS = ("bidirectional", "gradient", "random", "last-layer")
"""How places are chosen; a number is possible too."""


@dataclass(frozen=True)
class RepairSettings:
    """All that decides the result of a repair, besides the policy.

    Raises:
        InputError: If a setting is out of range.
    """

    repair_starts: Annotated[Count, tyro.conf.arg(metavar="N")] = 32
    """Starts of the search; half of them fail, half of them pass."""

    validation_starts: Annotated[Count, tyro.conf.arg(metavar="N")] = 60
    """Other starts, whole episodes, on which one of the best candidates of the search is chosen, or none; 0
    takes the best of the search."""

    test_starts: Annotated[Count, tyro.conf.arg(metavar="N")] = 300
    """Fresh starts for the verdict."""

    failure: Annotated[str, tyro.conf.arg(metavar="fall|return-below=Q")] = "fall"
    """What counts as a failure: a fall (the environment ends the episode before its time limit), or a return
    below the Q quantile of the unpatched policy's, such as return-below=0.3."""

    places: Annotated[str, tyro.conf.arg(metavar="WHICH")] = "bidirectional"
    """Weights to search: bidirectional (the Pareto front of both costs), gradient or random (as many, by the
    gradient alone or by chance), last-layer (all of it), or a number (so many, front by front)."""

    population: Annotated[Count, tyro.conf.arg(metavar="N")] = 30
    """Candidates in each generation of the search."""

    generations: Annotated[Count, tyro.conf.arg(metavar="N")] = 30
    """Generations at most; 0 searches at random: only the first population is tried."""

    alpha: Annotated[float, tyro.conf.arg(metavar="X")] = 1.0
    """Weight of a failing start beside a passing one; a larger one repairs more and breaks more."""

    lead: Annotated[Count, tyro.conf.arg(metavar="STEPS")] = 100
    """Steps from the start of a failing window to the fall."""

    window: Annotated[Count, tyro.conf.arg(metavar="STEPS")] = 300
    """Steps of a window."""

    start_noise: Annotated[float, tyro.conf.arg(metavar="X")] = 0.0
    """Noise on the first 20 actions of each start, as a part of half the action range, for harder starts."""

    null_draws: Annotated[Count, tyro.conf.arg(metavar="N")] = 20
    """Random changes of equal size that the repair is compared with; at least 20 can establish anything."""

    seed: Annotated[Count, tyro.conf.arg(metavar="INT")] = 0
    """Seed of the starts, the search and the random changes."""

    best: bool = False
    """Repair the policy of the best evaluation instead of the last."""

    def __post_init__(self) -> None:
        least = {
            "repair_starts": 8,
            "validation_starts": 0,
            "test_starts": 10,
            "population": 5,
            "generations": 0,
            "lead": 1,
            "null_draws": 1,
            "seed": 0,
        }
        for name, low in least.items():
            if getattr(self, name) < low:
                raise InputError(
                    f"--{_option(name)} is {getattr(self, name)}; expected a whole number of at least {low}"
                )
        for name in ("alpha", "start_noise"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InputError(f"--{_option(name)} is {value}; expected a number of at least 0")
        if self.window <= self.lead:
            raise InputError(
                f"--lead is {self.lead} and --window {self.window}; a window must be longer than its lead, "
                "or the fall lies outside it"
            )
        _ = self.quantile
        if self.places not in WAYS and not (self.places.isdecimal() and int(self.places) > 0):
            raise UnknownNameError("choice of places", self.places, WAYS, "swimrl repair --help")

    @property
    def quantile(self) -> float | None:
        """Q of ``return-below=Q``; None for ``fall``.

        Raises:
            InputError: If ``failure`` is something else.
        """
        if self.failure == "fall":
            return None
        name, _, number = self.failure.partition("=")
        try:
            quantile = float(number) if name == "return-below" else -1.0
        except ValueError:
            quantile = -1.0
        if not 0 < quantile < 1:
            raise InputError(
                f"--failure {self.failure!r} is unknown; expected fall, or return-below=Q with Q between 0 "
                "and 1, such as return-below=0.3: the lowest 30 % of the unpatched policy's returns"
            )
        return quantile


def _option(name: str) -> str:
    return name.replace("_", "-")
