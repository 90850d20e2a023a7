"""Reasons to doubt a measurement, and what to do about them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from swimrl.timing.ratio import median, spread
from swimrl.timing.record import Clock, Readings, TimingRecord

_ENOUGH_ROUNDS = 10
_SPREAD = 0.10
_DRIFT = 0.05
_BETWEEN_PROCESSES = 0.10
_TAKEN_AWAY = 0.03
_LOAD = 0.5

_Named = list[tuple[str, Readings]]
"""Arm and work, and the seconds of doing the work once."""


def warnings(record: TimingRecord, clock: Clock = "wall") -> list[str]:
    """Return the reasons for doubt, one sentence each with what to do about it; empty if there are none.

    Args:
        record: The measurement.
        clock: Which of the record's clocks counts.
    """
    # Parts are left out: they are shorter and noisier than the works they belong to.
    named = [
        (f"{one.arm}: {one.work}", readings)
        for one in record.series
        if one.part is None and (readings := one.per_unit_s(clock))
    ]
    return [
        *_few_rounds(named),
        *_busy_machine(record, clock),
        *_frequency(record),
        *_spread(named),
        *_drift(named),
        *_between_processes(named),
    ]


def frequency_governor() -> str | None:
    """Return Linux's governor of the processor's frequency; None where there is none."""
    path = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None


def _few_rounds(named: _Named) -> Iterator[str]:
    rounds = max((np.asarray(readings).size for _, readings in named), default=0)
    if rounds < _ENOUGH_ROUNDS:
        yield f"only {rounds} rounds; intervals are wide or undetermined: measure at least {_ENOUGH_ROUNDS}"


def _busy_machine(record: TimingRecord, clock: Clock) -> Iterator[str]:
    load = record.host.get("load_before")
    if load is not None and load > _LOAD:
        yield (
            f"the machine was busy when the measurement began (load {load:.1f}): "
            "end other work and measure again"
        )
    single = [s for s in record.series if s.part is None and record.arms[s.arm].get("threads") == 1]
    wall = sum(np.asarray(one.wall_s).sum() for one in single)
    cpu = sum(np.asarray(one.cpu_s).sum() for one in single)
    if clock == "wall" and wall and 1 - cpu / wall > _TAKEN_AWAY:
        yield (
            f"other processes had the processor for {1 - cpu / wall:.0%} of the measured time: "
            "end other work and measure again, or use processor seconds"
        )


def _frequency(record: TimingRecord) -> Iterator[str]:
    governor = record.host.get("frequency_governor")
    if governor not in (None, "performance"):
        yield (
            f"the processor's frequency follows the load (governor {governor!r}): "
            "set it to 'performance', or trust the ratios only"
        )


def _spread(named: _Named) -> Iterator[str]:
    unsteady = {name: share for name, readings in named if (share := spread(readings)) > _SPREAD}
    if unsteady:
        worst = max(unsteady, key=unsteady.__getitem__)
        yield (
            f"{len(unsteady)} of {len(named)} series vary by more than {_SPREAD:.0%}, most of all "
            f"{worst} ({unsteady[worst]:.0%}): end other work, or measure more rounds"
        )


def _drift(named: _Named) -> Iterator[str]:
    """Compare the first third of all rounds with the last, over all series together."""
    relative = [np.asarray(readings).ravel() / median(readings) for _, readings in named]
    third = min((len(one) for one in relative), default=0) // 3
    if not third:
        return
    first = float(np.median([one[:third] for one in relative]))
    last = float(np.median([one[-third:] for one in relative]))
    if abs(last / first - 1) > _DRIFT:
        direction = "slower" if last > first else "faster"
        yield (
            f"the machine became {abs(last / first - 1):.0%} {direction} during the measurement; ratios "
            "hold, because all arms share the rounds, but absolute speeds do not: measure again later"
        )


def _between_processes(named: _Named) -> Iterator[str]:
    apart = {}
    for name, readings in named:
        medians = [float(np.median(process)) for process in readings]
        if max(medians) / min(medians) - 1 > _BETWEEN_PROCESSES:
            apart[name] = max(medians) / min(medians) - 1
    if apart:
        worst = max(apart, key=apart.__getitem__)
        yield (
            f"{len(apart)} series differ by more than {_BETWEEN_PROCESSES:.0%} from process to process, "
            f"most of all {worst} ({apart[worst]:.0%}): measure more processes"
        )
