"""A measurement with all that belongs into its record: when, where, with which libraries, at what load."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from swimrl.errors import SwimrlError
from swimrl.host import host_facts, library_versions
from swimrl.timing.measure import Arm, Plan, Progress, measure
from swimrl.timing.record import Series, TimingRecord
from swimrl.timing.stability import frequency_governor

_SEPARATOR = " | "


@dataclass(frozen=True)
class Content:
    """What a measurement yields; the fields are those of `TimingRecord`."""

    arms: Mapping[str, Mapping[str, Any]]
    series: tuple[Series, ...]
    absent: Mapping[str, str] = field(default_factory=dict)


def take(kind: str, settings: Mapping[str, Any], measure: Callable[[], Content]) -> TimingRecord:
    """Call ``measure`` and return its content as a record of this machine, now."""
    load_before, started, clock = _load(), datetime.now(UTC), time.perf_counter()
    content = measure()
    return TimingRecord(
        kind=kind,
        settings=json.loads(json.dumps(settings)),  # as it will be read
        arms=content.arms,
        series=content.series,
        absent=content.absent,
        versions=library_versions(),
        host={
            **host_facts(),
            "load_before": load_before,
            "load_after": _load(),
            "frequency_governor": frequency_governor(),
        },
        started=started.isoformat(timespec="seconds"),
        duration_s=round(time.perf_counter() - clock, 1),
    )


def work_name(arm: str, work: str) -> str:
    """Return the name under which a process that hosts many arms offers the work of one."""
    return f"{arm}{_SEPARATOR}{work}"


def measure_in_one_process(
    command: list[str], settings: Mapping[str, Any], plan: Plan, progress: Progress
) -> Content:
    """Measure many arms that live in one process, which is replaced by a fresh one as often as planned.

    Where starting a process takes seconds and a work microseconds, processes of their own would measure
    for hours what is compared within one just as well: all arms share its luck.

    Args:
        command: The program; its facts must hold ``arms``, each arm's description, and ``absent``, reasons
            by arm; its works are named by `work_name`.
        settings: What it is told first.
        plan: How much is measured.
        progress: Is told how far it is.

    Raises:
        SwimrlError: If the process fails; the message is its reason.
    """
    host = "the measuring process"
    found = measure([Arm(host, command, settings)], plan, progress)
    if host in found.absent:
        raise SwimrlError(f"{host} failed: {found.absent[host]}")
    facts = found.facts[host]
    return Content(facts["arms"], tuple(_by_arm(found.series)), facts["absent"])


def _by_arm(series: Iterable[Series]) -> Iterable[Series]:
    for one in series:
        arm, _, work = one.work.rpartition(_SEPARATOR)
        yield replace(one, arm=arm, work=work)


def _load() -> float | None:
    """Return how many processes wanted a core during the last minute, on average."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
