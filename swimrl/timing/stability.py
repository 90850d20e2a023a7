"""What speaks against trusting a measurement, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from swimrl.timing.ratio import median, spread
from swimrl.timing.record import Series, TimingRecord

_ENOUGH_ROUNDS = 10
_SPREAD = 0.10
_DRIFT = 0.05
_BETWEEN_PROCESSES = 0.10
_TAKEN_AWAY = 0.03
_LOAD = 0.5


def warnings(record: TimingRecord) -> list[str]:
    """Return the reasons for doubt, one sentence each with what to do; an empty list if there are none."""
    return [
        *_few_rounds(record.series),
        *_busy_machine(record),
        *_frequency(record),
        *_spread(record.series),
        *_drift(record.series),
        *_between_processes(record.series),
    ]


def frequency_governor() -> str | None:
    """Return what decides the processor's frequency, where Linux tells it."""
    path = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return None


def _whole(series: Sequence[Series]) -> list[Series]:
    """Return the series of whole works; parts are shorter and noisier, and follow from the whole."""
    return [one for one in series if one.cpu_s]


def _few_rounds(series: Sequence[Series]) -> Iterator[str]:
    rounds = max((np.asarray(one.wall_s).size for one in series), default=0)
    if rounds < _ENOUGH_ROUNDS:
        yield f"only {rounds} rounds; intervals are wide or undetermined: measure at least {_ENOUGH_ROUNDS}"


def _busy_machine(record: TimingRecord) -> Iterator[str]:
    load = record.host.get("load_before")
    if load is not None and load > _LOAD:
        yield (
            f"the machine was busy when the measurement began (load {load:.1f}): "
            "end other work and measure again"
        )
    single = [s for s in _whole(record.series) if record.arms[s.arm].get("threads") == 1]
    wall = sum(np.asarray(one.wall_s).sum() for one in single)
    cpu = sum(np.asarray(one.cpu_s).sum() for one in single)
    if wall and 1 - cpu / wall > _TAKEN_AWAY:
        yield (
            f"the processor was given to others for {1 - cpu / wall:.0%} of the measured time: "
            "end other work and measure again"
        )


def _frequency(record: TimingRecord) -> Iterator[str]:
    governor = record.host.get("frequency_governor")
    if governor not in (None, "performance"):
        yield (
            f"the processor's frequency follows the load (governor {governor!r}): "
            "set it to 'performance', or trust the ratios only"
        )


def _spread(series: Sequence[Series]) -> Iterator[str]:
    unsteady = [(spread(one.wall_s), one) for one in _whole(series)]
    worst = max(unsteady, key=lambda pair: pair[0], default=(0.0, None))
    number = sum(share > _SPREAD for share, _ in unsteady)
    if worst[1] is not None and number:
        yield (
            f"{number} of {len(unsteady)} series vary by more than {_SPREAD:.0%}, most of all "
            f"{worst[1].arm}: {worst[1].work} ({worst[0]:.0%}): end other work, or measure more rounds"
        )


def _drift(series: Sequence[Series]) -> Iterator[str]:
    """Compare the first third of all rounds with the last, over all series together."""
    relative = [np.asarray(one.wall_s).ravel() / median(one.wall_s) for one in _whole(series)]
    third = min((len(one) for one in relative), default=0) // 3
    if not third:
        return
    first = float(np.median([one[:third] for one in relative]))
    last = float(np.median([one[-third:] for one in relative]))
    if abs(last / first - 1) > _DRIFT:
        direction = "slower" if last > first else "faster"
        yield (
            f"the machine became {abs(last / first - 1):.0%} {direction} meanwhile; ratios hold, since all "
            "arms share the rounds, absolute speeds less: measure again when it is steady"
        )


def _between_processes(series: Sequence[Series]) -> Iterator[str]:
    apart = []
    for one in _whole(series):
        medians = [float(np.median(process)) for process in one.wall_s]
        if max(medians) / min(medians) - 1 > _BETWEEN_PROCESSES:
            apart.append((max(medians) / min(medians) - 1, one))
    if apart:
        worst, one = max(apart, key=lambda pair: pair[0])
        yield (
            f"{len(apart)} series differ by more than {_BETWEEN_PROCESSES:.0%} from process to process, most "
            f"of all {one.arm}: {one.work} ({worst:.0%}): measure more processes"
        )
