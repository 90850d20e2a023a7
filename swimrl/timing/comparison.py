"""Two records of the same machine: merged into one, or compared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np

from swimrl.errors import InputError
from swimrl.timing.ratio import Ratio, ratio_of_separate
from swimrl.timing.record import Clock, Series, TimingRecord

HOST_FACTS = ("processor", "cores", "machine", "system", "frequency_governor")
"""Facts that must agree before times of two records can be compared."""

_MAY_DIFFER = ("seed", "processes", "peer_python")  # the last only in records of earlier versions


@dataclass(frozen=True)
class Change:
    """How the time of a work of an arm changed from one record to another."""

    arm: str
    work: str
    ratio: Ratio
    """The later time as a multiple of the earlier one."""


def check_comparable(first: TimingRecord, second: TimingRecord) -> None:
    """Check that two records hold the same measurement on the same machine.

    Raises:
        InputError: If they do not; the message names the first fact that differs, and both values.
    """
    _agree("kind", first.kind, second.kind)
    for fact in HOST_FACTS:
        _agree(fact, first.host.get(fact), second.host.get(fact))


def compare(first: TimingRecord, second: TimingRecord, clock: Clock = "wall") -> Iterator[Change]:
    """Yield the change of every work of every arm that both records hold, in the second's order.

    The two were taken at different times, so a change of the machine counts as well.

    Raises:
        InputError: If they cannot be compared.
    """
    check_comparable(first, second)
    before = {_key(one): one for one in first.series}
    for one in second.series:
        old = before.get(_key(one))
        if old is not None and one.part is None and old.per_unit_s(clock) and one.per_unit_s(clock):
            yield Change(one.arm, one.work, ratio_of_separate(one.per_unit_s(clock), old.per_unit_s(clock)))


def merge(records: Sequence[TimingRecord]) -> TimingRecord:
    """Return one record with the processes of all ``records``.

    An arm that is missing in one of them is left out, and the reason is kept.

    Raises:
        InputError: If they do not hold the same measurement with the same versions on the same machine.
    """
    return reduce(_merge, records)


def _merge(first: TimingRecord, second: TimingRecord) -> TimingRecord:
    check_comparable(first, second)
    _agree_all("version of", first.versions, second.versions, but=())
    _agree_all("setting", first.settings, second.settings, but=_MAY_DIFFER)
    others = {_key(one): one for one in second.series}
    series = tuple(_joined(one, others[_key(one)]) for one in first.series if _key(one) in others)
    arms = {name: about for name, about in first.arms.items() if name in second.arms}
    lacking = dict.fromkeys(first.arms.keys() ^ second.arms.keys(), "one of the records lacks it")
    processes = first.settings.get("processes", 0) + second.settings.get("processes", 0)
    loads = [load for one in (first, second) if (load := one.host.get("load_before")) is not None]
    return replace(
        first,
        settings={**first.settings, "processes": processes},
        arms=arms,
        series=series,
        absent={**lacking, **first.absent, **second.absent},
        host={
            **first.host,
            "load_before": max(loads, default=None),
            "load_after": second.host.get("load_after"),
        },
        duration_s=first.duration_s + second.duration_s,
    )


def _joined(first: Series, second: Series) -> Series:
    """Return a series with the processes of both; the second's seconds are scaled to the first's count."""

    def scaled(readings: Sequence[Sequence[float]]) -> tuple[tuple[float, ...], ...]:
        numbers = np.asarray(readings) * (first.count / second.count)
        return tuple(map(tuple, numbers.tolist()))

    rounds = {len(process) for process in (*first.wall_s, *second.wall_s)}
    if len(rounds) > 1:
        raise InputError(f"{first.arm} has {min(rounds)} rounds in one record and {max(rounds)} in another")
    wall_s, cpu_s = first.wall_s + scaled(second.wall_s), first.cpu_s + scaled(second.cpu_s)
    return replace(first, wall_s=wall_s, cpu_s=cpu_s)


def _key(one: Series) -> tuple[str, str, str | None]:
    return one.arm, one.work, one.part


def _agree_all(what: str, first: Mapping[str, Any], second: Mapping[str, Any], *, but: Sequence[str]) -> None:
    for name in sorted(first.keys() | second.keys()):
        if name not in but:
            _agree(f"{what} {name}", first.get(name), second.get(name))


def _agree(what: str, first: object, second: object) -> None:
    if first != second:
        raise InputError(
            f"the records differ in {what}: {first!r} and {second!r}; times of different machines or "
            "measurements say nothing about each other; measure both on one machine in the same way"
        )
