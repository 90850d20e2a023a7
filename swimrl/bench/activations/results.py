"""Costs in a record of kind ``activations``. No clock is read here, and no torch imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from swimrl.bench.activations.config import BACKWARD, BOTH, COPY, FORWARD, ITEMSIZE, WORKS
from swimrl.timing.ratio import Ratio, median, ratio
from swimrl.timing.record import Clock, Readings, TimingRecord

_DEVICE = "device"
_TRANSFERS = {FORWARD: 2, BACKWARD: 3, BOTH: 5}
"""Tensors that a work must at least read or write: x, y; the two gradients and the kept tensor; all five."""

Verdict = Literal["reference", "slower", "faster", "not distinguishable", "undetermined"]


@dataclass(frozen=True)
class Case:
    """Dtype, shape, device and cache: arms are compared within one case."""

    dtype: str
    shape: tuple[int, int]
    device: str
    cache: str

    def __str__(self) -> str:
        where = "" if self.device == "cpu" else f", {self.device}, {self.cache} cache"
        return f"{self.dtype}, {self.shape[0]}x{self.shape[1]}{where}"


@dataclass(frozen=True)
class ActivationCost:
    """What one work of one arm costs."""

    activation: str
    implementation: str
    case: Case
    work: str

    seconds: float
    """Median seconds of one call."""

    elements: int
    """Numbers in the input."""

    bytes_per_s: float
    """Bytes that must at least be read and written, per second."""

    of_copy: float | None
    """`bytes_per_s` as a share of a copy's in this case; None if the copy was not measured."""

    extra_memory: int
    """Largest number of bytes allocated at one time, including the result."""

    against_reference: Ratio | None
    """Time as a multiple of the reference's in the same rounds; None if the reference was not measured."""

    verdict: Verdict

    @property
    def seconds_per_element(self) -> float:
        """Seconds of one call divided by the numbers in the input."""
        return self.seconds / self.elements

    def to_mapping(self) -> dict[str, Any]:
        """Return all values as plain data, one level deep; times in nanoseconds."""
        ratio = self.against_reference
        low, high = (None, None) if ratio is None or ratio.interval is None else ratio.interval
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
            "ratio": None if ratio is None else ratio.value,
            "ratio_low": low,
            "ratio_high": high,
            "verdict": self.verdict,
        }


class ActivationCosts:
    """Reads a record.

    Args:
        record: A record of kind ``activations``.
        clock: Which of its clocks counts; on a CUDA device the device's events count in any case.

    Attributes:
        reference: The activation with which the others are compared: PyTorch's own operator where that was
            measured, else its eager form.
        cases: The cases that were measured, in order.
    """

    def __init__(self, record: TimingRecord, clock: Clock = "wall") -> None:
        self.record = record
        self.reference: str = record.settings["reference"]
        self.clock = clock
        self._arms: dict[tuple[Case, str, str], str] = {
            (_case(about), about["activation"], about["implementation"]): name
            for name, about in record.arms.items()
        }
        self._series = {(one.arm, one.work, one.part): one for one in record.series}
        self._costs: dict[tuple[Case, str, str, str], ActivationCost | None] = {}
        self.cases: list[Case] = list(dict.fromkeys(case for case, _, _ in self._arms))

    def write_csv(self, path: Path) -> None:
        """Write every cost to ``path`` as CSV, one on a line, over an older file.

        Raises:
            StorageError: If it cannot be written.
        """
        from swimrl.bench.activations import csv

        csv.write(self, path)

    def draw(self, path: Path) -> None:
        """Draw value and gradients of every activation into a ``.png`` or ``.svg`` file, over an older one.

        Raises:
            InputError: If the file is of another kind, or matplotlib is not installed.
            StorageError: If the folder is missing.
        """
        from swimrl.bench.activations import figure

        figure.check(path)
        figure.draw(self, path)

    def all(self) -> Iterator[ActivationCost]:
        """Yield every cost, case by case; the copies are left out."""
        for case in self.cases:
            for activation, implementation in self.arms(case):
                for work in WORKS:
                    cost = self.cost(case, activation, implementation, work)
                    if cost is not None:
                        yield cost

    def arms(self, case: Case) -> list[tuple[str, str]]:
        """Return (activation, implementation) of each arm in a case; the copy is left out."""
        return [(name, how) for one, name, how in self._arms if one == case and name != COPY]

    def cost(self, case: Case, activation: str, implementation: str, work: str) -> ActivationCost | None:
        """Return the cost of a work, or None if it was not measured."""
        key = (case, activation, implementation, work)
        if key not in self._costs:  # intervals take a while
            self._costs[key] = self._cost(*key)
        return self._costs[key]

    def reference_arm(self, case: Case) -> tuple[str, str] | None:
        """Return (activation, implementation) of the reference in a case, or None if it is absent."""
        for implementation in ("native", "eager"):
            if (case, self.reference, implementation) in self._arms:
                return self.reference, implementation
        return None

    def _cost(self, case: Case, activation: str, implementation: str, work: str) -> ActivationCost | None:
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
        against_reference = None if reference is None else ratio(readings, reference)
        return ActivationCost(
            activation,
            implementation,
            case,
            work,
            seconds,
            about["elements"],
            transferred / seconds,
            None if copy is None else transferred / seconds / (copied / median(copy)),
            about["extra_memory"][work],
            against_reference,
            "reference" if is_reference else _verdict(against_reference),
        )

    def _reference(self, case: Case, work: str) -> Readings | None:
        arm = self.reference_arm(case)
        return None if arm is None else self.readings(case, *arm, work)

    def readings(self, case: Case, activation: str, implementation: str, work: str) -> Readings | None:
        """Return the seconds of one call in each reading, [P][R], or None if it was not measured."""
        arm = self._arms.get((case, activation, implementation), "")
        on_device = self._series.get((arm, work, _DEVICE))
        if on_device is not None:
            return on_device.per_unit_s()
        series = self._series.get((arm, work, None))
        return None if series is None else series.per_unit_s(self.clock)


def _case(about: Mapping[str, Any]) -> Case:
    batch, neurons = about["shape"]
    return Case(about["dtype"], (batch, neurons), about["device"], about["cache"])


def _verdict(ratio: Ratio | None) -> Verdict:
    if ratio is None or ratio.interval is None:
        return "undetermined"
    if not ratio.distinguishable:
        return "not distinguishable"
    return "slower" if ratio.value > 1 else "faster"
