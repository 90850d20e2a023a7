"""The tables of ``swimrl bench paper``, 80 columns wide."""

from __future__ import annotations

import statistics

from rich.table import Table

from swimrl.bench.paper.benchmark import BACKWARD, BATCH_SIZE, CALLS, DTYPES, INFERENCE, LEFT_OUT
from swimrl.bench.text import LEGEND, NOTHING, doubts, new_console, new_table, ratio_text
from swimrl.timing.ratio import median, ratio
from swimrl.timing.record import Clock, Readings, TimingRecord

_REFERENCE = "relu"


def print_record(record: TimingRecord, clock: Clock = "wall") -> None:
    """Print both protocols, and what the paper's leaves out."""
    console = new_console()
    settings = record.settings
    console.print(f"{settings['env']}, 256x256, batch {BATCH_SIZE}, one thread; {record.host['processor']}")
    console.print(_as_the_paper(record))
    for dtype in DTYPES:
        console.print(_corrected(record, dtype, clock))
    console.print()
    console.print("What the paper's protocol leaves out:")
    for reason in LEFT_OUT:
        console.print(f"- {reason}")
    console.print()
    if clock == "cpu":
        console.print("The corrected protocol's seconds are the processor's.")
    console.print(
        f"Corrected: medians of {settings['processes']} x {settings['rounds']} interleaved rounds of "
        f"{settings['reading']} s, after a warm-up. {LEGEND.rstrip(';')}."
    )
    for line in doubts(record, clock):
        console.print(line)


def _as_the_paper(record: TimingRecord) -> Table:
    title = f"The paper's protocol: float64, {CALLS} calls, mean +- population sd, ms"
    table = new_table(title, ["activation", "inference", "first call", "backward", "first call"], words=1)
    for act, about in record.arms.items():
        cells = []
        for work in (INFERENCE, BACKWARD):
            readings = about["paper"][work]
            cells += [f"{statistics.fmean(readings):.3f} +- {statistics.pstdev(readings):.3f}"]
            cells += [f"{readings[0]:.3f}"]
        table.add_row(act, *cells)
    return table


def _corrected(record: TimingRecord, dtype: str, clock: Clock) -> Table:
    reference = _REFERENCE if _REFERENCE in record.arms else next(iter(record.arms), _REFERENCE)
    times = f"times {reference}"
    columns = ["activation", "inference ms", times, "backward ms", times]
    table = new_table(f"Corrected, {dtype}", columns, words=1)
    for act in record.arms:
        cells = []
        for work in (INFERENCE, BACKWARD):
            readings, compared = (
                _readings(record, arm, f"{work} {dtype}", clock) for arm in (act, reference)
            )
            cells.append(NOTHING if readings is None else f"{median(readings) * 1e3:.3f}")
            is_told = readings is not None and compared is not None and act != reference
            cells.append(ratio_text(ratio(readings, compared)) if is_told else NOTHING)  # type: ignore[arg-type]
        table.add_row(act, *cells)
    return table


def _readings(record: TimingRecord, act: str, work: str, clock: Clock) -> Readings | None:
    series = record.find(act, work)
    return None if series is None else series.per_unit_s(clock)
