"""The cost of each activation, from a record of `swimrl bench --json`, measured on one host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from swimrl.bench.activations import config as activations
from swimrl.bench.activations.results import ActivationCosts, Case
from swimrl.bench.training import config as training
from swimrl.bench.training.results import UPDATES, TrainingSpeeds
from swimrl.errors import InputError
from swimrl.reporting.declaration import canonical
from swimrl.reporting.findings import Arm
from swimrl.timing import record as timing
from swimrl.timing.ratio import ratio
from swimrl.timing.record import Readings, TimingRecord

_US = 1e6
_CASE_OF_TRAINING = Case("float32", (256, 256), "cpu", "warm")


@dataclass(frozen=True)
class Cost:
    """Microseconds of one unit of work: the median of all readings, its 95 % interval if there are enough."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Costs:
    """The costs in one record."""

    unit: str
    """The unit and the work, for the label of an axis."""

    forms: tuple[str, ...]
    """The implementations, such as eager, native and fused, or the contenders of a training benchmark."""

    costs: Mapping[tuple[str, str], Cost]
    """The cost, by activation and form."""

    host: str
    source: str

    def of(self, arm: Arm, form: str) -> Cost | None:
        """Return the cost of an arm's activation, or None if it was not measured."""
        return self.costs.get((_activation(arm), form))


def read_costs(path: Path, arms: Sequence[Arm]) -> Costs:
    """Read the costs of the activations of ``arms``.

    Raises:
        DamagedFileError: If the file is no timing record.
        InputError: If it is a record of something else, or measured none of these activations.
    """
    record = timing.read(path)
    if record.kind == activations.KIND:
        unit, forms, readings = _of_activations(record)
    elif record.kind == training.KIND:
        unit, forms, readings = _of_training(record)
    else:
        raise InputError(
            f"{path} is a record of `swimrl bench {record.kind}`; expected one of `swimrl bench activations "
            "--json FILE` or `swimrl bench train --json FILE`"
        )
    wanted = {_activation(arm) for arm in arms}
    named = {(canonical(activation), form): of for (activation, form), of in readings.items()}
    costs = {key: _cost(of) for key, of in named.items() if key[0] in wanted}
    if not costs:
        raise InputError(
            f"{path} measured none of {', '.join(sorted(wanted))}; measure them with "
            f"`swimrl bench activations --json FILE`"
        )
    measured = {form for _, form in costs}
    host = record.host.get("processor") or "host not recorded"
    return Costs(unit, tuple(form for form in forms if form in measured), costs, str(host), str(path))


_Measured = tuple[str, tuple[str, ...], Mapping[tuple[str, str], Readings]]
"""Unit, forms in order, and the seconds of activation and form."""


def _of_activations(record: TimingRecord) -> _Measured:
    """Return the seconds forward and backward, at the shape of training where that was measured."""
    results = ActivationCosts(record)
    case = _CASE_OF_TRAINING if _CASE_OF_TRAINING in results.cases else results.cases[0]
    readings = {arm: results.readings(case, *arm, activations.BOTH) for arm in results.arms(case)}
    unit = f"µs for {activations.BOTH}, {case}"
    forms = get_args(activations.Implementation)
    return unit, forms, {arm: seconds for arm, seconds in readings.items() if seconds is not None}


def _of_training(record: TimingRecord) -> _Measured:
    """Return the seconds of an update."""
    results = TrainingSpeeds(record)
    readings = {
        (act, contender): results.readings(contender, act, UPDATES)
        for contender in results.contenders
        for act in results.acts
    }
    forms = (*results.ours, *results.peers)
    return (
        "µs for an update",
        forms,
        {arm: seconds for arm, seconds in readings.items() if seconds is not None},
    )


def _cost(readings: Readings) -> Cost:
    ones = [[1.0] * len(process) for process in readings]
    median = ratio([[_US * seconds for seconds in process] for process in readings], ones)
    low, high = median.interval or (None, None)
    return Cost(median.value, low, high)


def _activation(arm: Arm) -> str:
    return str(arm.values[0]) if arm.values else arm.name


def pareto_front(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points (cost, return) for which no other point is better in both, costs ascending.

    Example:
        >>> pareto_front([(1, 5), (2, 9), (3, 8), (4, 10)])
        [(1, 5), (2, 9), (4, 10)]
    """
    front: list[tuple[float, float]] = []
    for cost, score in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or score > front[-1][1]:
            front.append((cost, score))
    return front
