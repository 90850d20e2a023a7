"""Whole runs in a record of kind ``run``: seconds, parts, ratios. No clock is read here."""

from __future__ import annotations

import numpy as np

from swimrl.bench.training.config import arm_name
from swimrl.bench.whole_run.config import COLD, WARM
from swimrl.bench.whole_run.parts import FIRST_STEP, PARTS, growth
from swimrl.timing.ratio import Ratio, median, ratio
from swimrl.timing.record import Clock, Readings, TimingRecord


class RunTimes:
    """Reads a record.

    Args:
        record: A record of kind ``run``.
        clock: Ignored: the parts of a run were timed on the wall clock only.

    Attributes:
        nets: The networks.
        contenders: The names of the contenders, such as ``swimrl-fused`` and ``sb3``.
        is_extrapolated: Whether the runs that were done are shorter than the run that the record is about.
    """

    def __init__(self, record: TimingRecord, clock: Clock = "wall") -> None:
        self.record = record
        self.clock = clock
        arms = record.arms.values()
        self.nets: list[str] = list(dict.fromkeys(arm["net"] for arm in arms))
        self.contenders = list(
            dict.fromkeys(arm_name(arm["contender"], arm["threads"], "").strip() for arm in arms)
        )
        self._measured, self._whole = record.settings["measured_run"], record.settings["whole_run"]
        self.is_extrapolated: bool = self._measured != self._whole

    @property
    def ours(self) -> list[str]:
        """Our own contenders."""
        return [name for name in self.contenders if name.startswith("swimrl")]

    @property
    def peers(self) -> list[str]:
        """Other libraries."""
        return [name for name in self.contenders if not name.startswith("swimrl")]

    def parts_s(self, contender: str, net: str) -> dict[str, float] | None:
        """Return the seconds of each part of the whole run, or None if it was not measured."""
        if self.record.find(f"{contender} {net}", WARM) is None:
            return None
        return {part: float(np.median(self._part(contender, net, part))) for part in PARTS}

    def whole_s(self, contender: str, net: str) -> float | None:
        """Return the seconds of the whole run, from the command to the end of its process."""
        readings = self.whole_readings(contender, net)
        return None if readings is None else median(readings)

    def times_as_fast(self, contender: str, other: str, net: str) -> Ratio | None:
        """Return the seconds of ``other``'s whole run as a multiple of a contender's."""
        theirs, ours = (self.whole_readings(name, net) for name in (other, contender))
        return None if theirs is None or ours is None else ratio(theirs, ours)

    def first_step_s(self, contender: str, net: str, work: str = WARM) -> float | None:
        """Return the seconds from the command to the end of the first step of training.

        Args:
            contender: Whose run.
            net: With which network.
            work: ``"warm"`` or ``"cold"``.
        """
        series = self.record.find(f"{contender} {net}", work, FIRST_STEP)
        return None if series is None else median(series.wall_s)

    def cold_adds_s(self, contender: str, net: str) -> float | None:
        """Return by how many seconds a run without compiled code on disk is longer."""
        cold, warm = (self.record.find(f"{contender} {net}", work) for work in (COLD, WARM))
        return None if cold is None or warm is None else median(cold.wall_s) - median(warm.wall_s)

    def whole_readings(self, contender: str, net: str) -> Readings | None:
        """Return the seconds of the whole run in each round, [P][R]."""
        if self.record.find(f"{contender} {net}", WARM) is None:
            return None
        total: np.ndarray = sum(self._part(contender, net, part) for part in PARTS)  # type: ignore[assignment]
        return tuple(map(tuple, total.tolist()))

    def _part(self, contender: str, net: str, part: str) -> np.ndarray:
        series = self.record.find(f"{contender} {net}", WARM, part)
        assert series is not None
        times = growth(self._measured, self._whole, is_ours=contender.startswith("swimrl"))
        return np.asarray(series.wall_s) * times.get(part, 1.0)
