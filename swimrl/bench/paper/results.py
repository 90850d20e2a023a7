"""Times in a record of kind ``paper``, by both protocols. No clock is read here, and no torch imported."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from swimrl.timing.ratio import Ratio, median, ratio
from swimrl.timing.record import Clock, Readings, TimingRecord

_REFERENCE = "relu"


@dataclass(frozen=True)
class PaperTime:
    """Milliseconds of a work by the paper's protocol."""

    mean_ms: float
    deviation_ms: float
    """Population standard deviation of the calls, as in the paper."""

    first_ms: float
    """The first call, which loads and allocates."""


class PaperTimes:
    """Reads a record.

    Args:
        record: A record of kind ``paper``.
        clock: Which clock counts in the corrected protocol.

    Attributes:
        acts: The activations.
        reference: The activation with which the others are compared: relu, or the first.
    """

    def __init__(self, record: TimingRecord, clock: Clock = "wall") -> None:
        self.record = record
        self.clock = clock
        self.acts = list(record.arms)
        self.reference = _REFERENCE if _REFERENCE in self.acts else next(iter(self.acts), _REFERENCE)

    def as_the_paper(self, act: str, work: str) -> PaperTime:
        """Return the time of ``inference`` or ``backward`` by the paper's protocol."""
        calls_ms = self.record.arms[act]["paper"][work]
        return PaperTime(statistics.fmean(calls_ms), statistics.pstdev(calls_ms), calls_ms[0])

    def corrected_s(self, act: str, work: str, dtype: str) -> float | None:
        """Return the median seconds of a work by the corrected protocol, or None if it was not measured."""
        readings = self._readings(act, work, dtype)
        return None if readings is None else median(readings)

    def against_reference(self, act: str, work: str, dtype: str) -> Ratio | None:
        """Return the corrected time as a multiple of the reference's; None for the reference itself."""
        readings, reference = (self._readings(name, work, dtype) for name in (act, self.reference))
        if act == self.reference or readings is None or reference is None:
            return None
        return ratio(readings, reference)

    def _readings(self, act: str, work: str, dtype: str) -> Readings | None:
        series = self.record.find(act, f"{work} {dtype}")
        return None if series is None else series.per_unit_s(self.clock)
