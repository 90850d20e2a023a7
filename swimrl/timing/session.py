"""A measurement as a record: the readings, and when, where and with which libraries they were taken."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from swimrl.errors import SwimrlError
from swimrl.host import host_facts, library_versions, load_average
from swimrl.timing.measure import Plan, Progress, TimedArm, measure
from swimrl.timing.record import Series, TimingRecord
from swimrl.timing.stability import frequency_governor

_SEPARATOR = " | "


@dataclass(frozen=True)
class RecordContent:
    """The fields of a `TimingRecord` that a benchmark fills itself."""

    arms: Mapping[str, Mapping[str, Any]]
    series: tuple[Series, ...]
    absent: Mapping[str, str] = field(default_factory=dict)


def take_record(kind: str, settings: Mapping[str, Any], measure: Callable[[], RecordContent]) -> TimingRecord:
    """Call ``measure`` and return its content with facts about this machine, its load and the time."""
    load_before, started, clock = load_average(), datetime.now(UTC), time.perf_counter()
    content = measure()
    return TimingRecord(
        kind=kind,
        settings=json.loads(json.dumps(settings)),  # as a reader of the file gets them
        arms=content.arms,
        series=content.series,
        absent=content.absent,
        versions=library_versions(),
        host={
            **host_facts(),
            "load_before": load_before,
            "load_after": load_average(),
            "frequency_governor": frequency_governor(),
        },
        started=started.isoformat(timespec="seconds"),
        duration_s=round(time.perf_counter() - clock, 1),
    )


def work_name(arm: str, work: str) -> str:
    """Return the name of an arm's work in a process that hosts many arms."""
    return f"{arm}{_SEPARATOR}{work}"


def measure_in_one_process(
    command: list[str], settings: Mapping[str, Any], plan: Plan, progress: Progress
) -> RecordContent:
    """Measure many arms that live in one process, which is replaced by a fresh one after all rounds.

    Starting a process takes seconds. With works of microseconds, a process for each arm would take hours, and
    one process compares them as well: its memory layout is the same for all.

    Args:
        command: The program. Its facts must hold ``arms``, each arm's description, and ``absent``, reasons
            by arm; its works are named by `work_name`.
        settings: The first message to the process.
        plan: How much is measured.
        progress: Receives the progress.

    Raises:
        SwimrlError: If the process fails; the message is its reason.
    """
    host = "the measuring process"
    measurement = measure([TimedArm(host, command, settings)], plan, progress)
    if host in measurement.absent:
        raise SwimrlError(f"{host} failed: {measurement.absent[host]}")
    facts = measurement.facts[host]
    return RecordContent(facts["arms"], tuple(_by_arm(measurement.series)), facts["absent"])


def _by_arm(series: Iterable[Series]) -> Iterable[Series]:
    for one in series:
        arm, _, work = one.work.rpartition(_SEPARATOR)
        yield replace(one, arm=arm, work=work)
