"""Speeds in a record of kind ``train``: rates, ratios, parts of a step. No clock is read here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from swimrl.bench.training.config import FLOOR, arm_name
from swimrl.td3.engine.products.choice import sound
from swimrl.timing.ratio import Ratio, median, ratio, spread
from swimrl.timing.record import Clock, Readings, TimingRecord

STEPS, UPDATES, PROFILE = "steps", "updates", "profile"
"""The works: environment steps of the whole loop, updates alone, and steps with timers around their parts."""

_PRODUCTS = "products"

BASELINE = "relu"
"""The activation with which others are compared."""


@dataclass(frozen=True)
class Rate:
    """How often a work is done per second."""

    per_second: float
    spread: float
    """Half the distance between the quartiles, as a share of the median."""


@dataclass(frozen=True)
class Floor:
    """The matrix products of one update, without anything else."""

    chosen: Mapping[str, str]
    """The fastest candidate of each product whose error is that of float32."""

    readings: Readings
    """Seconds for one update in each round, [P][R]."""


class TrainingSpeeds:
    """Reads a record.

    Args:
        record: A record of kind ``train``.
        clock: Which of its clocks counts. With ``cpu``, arms with several threads are left out, because that
            clock sums their threads. The parts of a step were timed on the wall clock only.

    Attributes:
        acts: The activations.
        contenders: The names of the contenders, such as ``swimrl-fused`` and ``sb3@2``.
    """

    def __init__(self, record: TimingRecord, clock: Clock = "wall") -> None:
        self.record = record
        self.clock = clock
        arms = [
            arm
            for name, arm in record.arms.items()
            if name != FLOOR and (clock == "wall" or arm["threads"] == 1)
        ]
        self.acts: list[str] = list(dict.fromkeys(arm["act"] for arm in arms))
        self.contenders = list(
            dict.fromkeys(arm_name(arm["contender"], arm["threads"], "").strip() for arm in arms)
        )

    @property
    def ours(self) -> list[str]:
        """Our own contenders."""
        return [name for name in self.contenders if name.startswith("swimrl")]

    @property
    def peers(self) -> list[str]:
        """Other libraries."""
        return [name for name in self.contenders if not name.startswith("swimrl")]

    def rate(self, contender: str, act: str, work: str) -> Rate | None:
        """Return the rate of ``work``, or None if it was not measured."""
        readings = self.readings(contender, act, work)
        return None if readings is None else Rate(1 / median(readings), spread(readings))

    def speedup(self, contender: str, other: str, act: str, work: str) -> Ratio | None:
        """Return the speed of a contender at ``work`` as a multiple of ``other``'s."""
        return self._ratio(self.readings(other, act, work), self.readings(contender, act, work))

    def against_baseline(self, contender: str, act: str) -> Ratio | None:
        """Return the updates/s with ``act`` as a multiple of those with `BASELINE`."""
        return self._ratio(
            self.readings(contender, BASELINE, UPDATES), self.readings(contender, act, UPDATES)
        )

    def step_parts_s(self, contender: str, act: str) -> dict[str, float] | None:
        """Return the seconds of each part of a profiled step, of the ``rest``, and of the whole ``step``."""
        arm = f"{contender} {act}"
        whole = self.record.find(arm, PROFILE)
        if whole is None:
            return None
        parts = {
            series.part: median(series.per_unit_s())
            for series in self.record.series
            if series.arm == arm and series.work == PROFILE and series.part is not None
        }
        step = median(whole.per_unit_s())
        return {**parts, "rest": step - sum(parts.values()), "step": step}

    def floor(self) -> Floor | None:
        """Return the time of one update's products, each by its fastest sound candidate."""
        if self.record.find(FLOOR, _PRODUCTS) is None:
            return None
        chosen, total = {}, None
        for product in self.record.arms[FLOOR]["products"]:
            readings = {name: self._floor_readings(name) for name in sound(product["errors"])}
            best = min(readings, key=lambda name: float(np.median(readings[name])))
            chosen[product["product"]] = best
            share = product["count"] * readings[best]
            total = share if total is None else total + share
        assert total is not None
        return Floor(chosen, tuple(map(tuple, total.tolist())))

    def update_over_floor(self, contender: str, act: str) -> Ratio | None:
        """Return the time of an update as a multiple of the floor's."""
        floor = self.floor()
        return self._ratio(self.readings(contender, act, UPDATES), floor.readings if floor else None)

    def environment_s(self) -> float | None:
        """Return the seconds of one bare step of the environment, with random actions."""
        series = self.record.find(FLOOR, "environment")
        return None if series is None else median(series.per_unit_s(self.clock))

    def loop_s(self, contender: str, act: str) -> float | None:
        """Return the seconds of a step that are neither its update nor the environment."""
        steps, updates = (self.readings(contender, act, work) for work in (STEPS, UPDATES))
        environment = self.environment_s()
        if steps is None or updates is None or environment is None:
            return None
        return median(steps) - median(updates) - environment

    def readings(self, contender: str, act: str, work: str) -> Readings | None:
        """Return the seconds of doing a work once, [P][R], or None if it was not measured."""
        series = self.record.find(f"{contender} {act}", work)
        return None if series is None else series.per_unit_s(self.clock)

    def _floor_readings(self, candidate: str) -> np.ndarray:
        series = self.record.find(FLOOR, _PRODUCTS, candidate)
        assert series is not None
        return np.asarray(series.per_unit_s(self.clock))

    @staticmethod
    def _ratio(numerator: Readings | None, denominator: Readings | None) -> Ratio | None:
        return None if numerator is None or denominator is None else ratio(numerator, denominator)
