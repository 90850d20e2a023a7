"""What a record of kind ``activations`` says. No clock is read here, and no torch imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from swimrl.bench.activations.benchmark import BACKWARD, BOTH, COPY, FORWARD, ITEMSIZE, WORKS
from swimrl.timing.ratio import Ratio, median, ratio
from swimrl.timing.record import Clock, Readings, TimingRecord

_DEVICE = "device"
_TRANSFERS = {FORWARD: 2, BACKWARD: 3, BOTH: 5}
"""Tensors that a work must at least read or write: x, y; gradient, what is kept, gradient; all of them."""

Verdict = Literal["reference", "slower", "faster", "not distinguishable", "undetermined"]


@dataclass(frozen=True)
class Case:
    """What arms must share to be compared."""

    dtype: str
    shape: tuple[int, int]
    device: str
    cache: str

    def __str__(self) -> str:
        where = "" if self.device == "cpu" else f", {self.device}, {self.cache} cache"
        return f"{self.dtype}, {self.shape[0]}x{self.shape[1]}{where}"


@dataclass(frozen=True)
class Cost:
    """One work of one arm."""

    activation: str
    implementation: str
    case: Case
    work: str

    seconds: float
    """Of one call, median."""

    elements: int
    """Numbers in the input."""

    bytes_per_s: float
    """Bytes that at least have to be read and written, by time."""

    of_copy: float | None
    """The same as a share of what a copy reaches in this case; None if it was not measured."""

    extra_memory: int
    """Bytes taken at the worst moment, the result included."""

    against_reference: Ratio | None
    """Time as a multiple of the reference's in the same rounds; None if that was not measured."""

    verdict: Verdict

    @property
    def seconds_per_element(self) -> float:
        """Seconds of one call by numbers in the input."""
        return self.seconds / self.elements

    def to_mapping(self) -> dict[str, Any]:
        """Return all of it as plain data, one level deep; times in nanoseconds."""
        found = self.against_reference
        low, high = (None, None) if found is None or found.interval is None else found.interval
        return {
            "activation": self.activation,
            "implementation": self.implementation,
            "work": self.work,
            "dtype": self.case.dtype,
            "shape": "x".join(map(str, self.case.shape)),
            "device": self.case.device,
            "cache": self.case.cache,
            "ns": self.seconds * 1e9,
            "ns_per_element": self.seconds_per_element * 1e9,
            "elements_per_s": 1 / self.seconds_per_element,
            "gb_per_s": self.bytes_per_s / 1e9,
            "of_copy": self.of_copy,
            "extra_memory_bytes": self.extra_memory,
            "ratio": None if found is None else found.value,
            "ratio_low": low,
            "ratio_high": high,
            "verdict": self.verdict,
        }


class Costs:
    """Reads a record.

    Args:
        record: Of kind ``activations``.
        clock: Which of its clocks counts; on a CUDA device its own events count in any case.

    Attributes:
        record: The record.
        reference: The activation with which the others are compared: PyTorch's own operator where it was
            measured, else its eager form.
        cases: What was measured side by side, in order.
    """

    def __init__(self, record: TimingRecord, clock: Clock = "wall") -> None:
        self.record = record
        self.reference: str = record.settings["reference"]
        self._clock = clock
        self._arms: dict[tuple[Case, str, str], str] = {
            (_case(about), about["activation"], about["implementation"]): name
            for name, about in record.arms.items()
        }
        self._series = {(one.arm, one.work, one.part): one for one in record.series}
        self._costs: dict[tuple[Case, str, str, str], Cost | None] = {}
        self.cases: list[Case] = list(dict.fromkeys(case for case, _, _ in self._arms))

    def all(self) -> Iterator[Cost]:
        """Yield every cost, case by case, without the copies."""
        for case in self.cases:
            for activation, implementation in self.arms(case):
                for work in WORKS:
                    cost = self.cost(case, activation, implementation, work)
                    if cost is not None:
                        yield cost

    def arms(self, case: Case) -> list[tuple[str, str]]:
        """Return activation and implementation of what was measured in a case, without the copy."""
        return [(name, how) for one, name, how in self._arms if one == case and name != COPY]

    def cost(self, case: Case, activation: str, implementation: str, work: str) -> Cost | None:
        """Return what a work costs, or None if it was not measured."""
        key = (case, activation, implementation, work)
        if key not in self._costs:  # intervals take a while
            self._costs[key] = self._cost(*key)
        return self._costs[key]

    def copy_bytes_per_s(self, case: Case) -> float | None:
        """Return the bytes that a copy reads and writes in a second, or None if it was not measured."""
        readings = self.readings(case, COPY, "native", FORWARD)
        if readings is None:
            return None
        batch, neurons = case.shape
        return _TRANSFERS[FORWARD] * batch * neurons * ITEMSIZE[case.dtype] / median(readings)

    def reference_arm(self, case: Case) -> tuple[str, str] | None:
        """Return activation and implementation of the reference in a case, or None if it is absent."""
        for implementation in ("native", "eager"):
            if (case, self.reference, implementation) in self._arms:
                return self.reference, implementation
        return None

    def _cost(self, case: Case, activation: str, implementation: str, work: str) -> Cost | None:
        readings = self.readings(case, activation, implementation, work)
        if readings is None:
            return None
        about = self.record.arms[self._arms[case, activation, implementation]]
        seconds = median(readings)
        transferred = _TRANSFERS[work] * about["elements"] * ITEMSIZE[case.dtype]
        copy = self.readings(case, COPY, "native", FORWARD)
        copied = _TRANSFERS[FORWARD] * about["elements"] * ITEMSIZE[case.dtype]
        is_reference = (activation, implementation) == self.reference_arm(case)
        reference = self._reference(case, work)
        found = None if reference is None else ratio(readings, reference)
        return Cost(
            activation,
            implementation,
            case,
            work,
            seconds,
            about["elements"],
            transferred / seconds,
            None if copy is None else transferred / seconds / (copied / median(copy)),
            about["extra_memory"][work],
            found,
            "reference" if is_reference else _verdict(found),
        )

    def _reference(self, case: Case, work: str) -> Readings | None:
        arm = self.reference_arm(case)
        return None if arm is None else self.readings(case, *arm, work)

    def readings(self, case: Case, activation: str, implementation: str, work: str) -> Readings | None:
        """Return the seconds of one call, [P][R], or None if it was not measured."""
        arm = self._arms.get((case, activation, implementation), "")
        on_device = self._series.get((arm, work, _DEVICE))
        if on_device is not None:
            return on_device.per_unit_s()
        series = self._series.get((arm, work, None))
        return None if series is None else series.per_unit_s(self._clock)


def _case(about: Mapping[str, Any]) -> Case:
    batch, neurons = about["shape"]
    return Case(about["dtype"], (batch, neurons), about["device"], about["cache"])


def _verdict(found: Ratio | None) -> Verdict:
    if found is None or found.interval is None:
        return "undetermined"
    if not found.distinguishable:
        return "not distinguishable"
    return "slower" if found.value > 1 else "faster"
