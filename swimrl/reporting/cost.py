"""What each activation costs, from a record of `swimrl bench --json`: one host, never a sweep's clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swimrl.errors import InputError
from swimrl.reporting.declaration import canonical
from swimrl.reporting.findings import Arm
from swimrl.timing import record as timing
from swimrl.timing.ratio import ratio

_US = 1e6
_CASE_OF_TRAINING = "float32 256x256"  # batch x neurons


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
    """Of what, with its unit, for an axis."""

    forms: tuple[str, ...]
    """Ways of computing, such as eager, native and fused."""

    costs: Mapping[tuple[str, str], Cost]
    """Activation and form -> cost."""

    host: str
    source: str

    def of(self, arm: Arm, form: str) -> Cost | None:
        """Return what an arm's activation costs."""
        return self.costs.get((str(arm.values[0]) if arm.values else arm.name, form))


def read_costs(path: Path, arms: Sequence[Arm]) -> Costs:
    """Read the costs of the activations of ``arms``.

    Raises:
        DamagedFileError: If the file is no timing record.
        InputError: If it measured none of these activations.
    """
    record = timing.read(path)
    work = _work(record.series)
    clock: timing.Clock = "wall"
    costs: dict[tuple[str, str], Cost] = {}
    case = _case(record.arms.values())
    for series in record.series:
        said = record.arms.get(series.arm, {})
        activation = said.get("activation", said.get("act"))
        if series.work != work or series.part is not None or not activation or _case([said]) != case:
            continue
        readings = [[_US * seconds for seconds in process] for process in series.per_unit_s(clock)]
        found = ratio(readings, [[1.0] * len(process) for process in readings])
        low, high = found.interval or (None, None)
        costs[canonical(str(activation)), _form(series.arm, said, str(activation))] = Cost(
            found.value, low, high
        )
    wanted = {str(arm.values[0]) if arm.values else arm.name for arm in arms}
    costs = {key: cost for key, cost in costs.items() if key[0] in wanted}
    if not costs:
        raise InputError(
            f"{path} measured none of {', '.join(sorted(wanted))}; measure them with "
            f"`swimrl bench activations --json FILE`"
        )
    host = record.host.get("processor") or "host not recorded"
    forms = tuple(dict.fromkeys(form for _, form in sorted(costs, key=lambda key: _order(key[1]))))
    unit = f"µs for {work.removesuffix('s')}" + (f", {case}" if case else "")
    return Costs(unit, forms, costs, str(host), str(path))


def _work(series: Iterable[timing.Series]) -> str:
    """Return the work that counts: an update if it was measured, else what goes forward and backward."""
    works = list(dict.fromkeys(one.work for one in series if one.part is None))
    return next(
        (work for wish in ("updates", "forward+backward") for work in works if work == wish), works[0]
    )


def _case(arms: Iterable[Mapping[str, Any]]) -> str:
    """Return the dtype, shape and device that count: those of training where they were measured."""
    cases = [
        " ".join(
            [str(said["dtype"]), "x".join(map(str, said["shape"]))]
            + ([] if said.get("device") == "cpu" else [str(said.get("device")), str(said.get("cache"))])
        )
        for said in arms
        if "dtype" in said and "shape" in said
    ]
    return _CASE_OF_TRAINING if _CASE_OF_TRAINING in cases else next(iter(cases), "")


def _form(arm: str, said: Mapping[str, Any], activation: str) -> str:
    known = said.get("implementation", said.get("contender"))
    return str(known) if known else arm.replace(activation, "").strip(" ,/:") or "cost"


def _order(form: str) -> int:
    return next((i for i, known in enumerate(("eager", "native", "fused", "compiled")) if known in form), 4)


def pareto_front(points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points, (cost, return), that no other beats in both, costs ascending.

    Example:
        >>> pareto_front([(1, 5), (2, 9), (3, 8), (4, 10)])
        [(1, 5), (2, 9), (4, 10)]
    """
    front: list[tuple[float, float]] = []
    for cost, score in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or score > front[-1][1]:
            front.append((cost, score))
    return front
