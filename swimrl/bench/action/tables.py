"""The table of ``swimrl bench policy``, 80 columns wide."""

from __future__ import annotations

from rich.table import Table

from swimrl.bench.action.benchmark import ACTION, CONTENDERS, P50, latency
from swimrl.bench.text import LEGEND, NOTHING, doubts, new_console, new_table, ratio_text
from swimrl.timing.ratio import Ratio, ratio
from swimrl.timing.record import Clock, TimingRecord


def print_record(record: TimingRecord, clock: Clock = "wall") -> None:
    """Print all that a record of kind ``policy`` says; each call was timed on the wall clock."""
    console = new_console()
    settings = record.settings
    which = settings["run"] or f"{settings['env']}, {settings['net']}"
    console.print(f"{which}; one observation, one thread; {record.host['processor']}")
    console.print(_table(record))
    console.print()
    for contender, what in CONTENDERS.items():
        console.print(f"{contender}: {what}")
    console.print(
        f"p50, p99: medians over {settings['processes']} x {settings['rounds']} readings of their "
        f"percentiles. The worst call holds what the system did meanwhile. {LEGEND.rstrip(';')}."
    )
    for line in doubts(record, clock):
        console.print(line)


def _table(record: TimingRecord) -> Table:
    columns = ["activation", "policy", "p50 us", "p99 us", "worst us", "calls", "p50 / fast's"]
    table = new_table("Latency of one action", columns, words=2)
    for name, about in record.arms.items():
        found = latency(record, name)
        if found is not None:
            times = [f"{seconds * 1e6:,.1f}" for seconds in (found.p50_s, found.p99_s, found.worst_s)]
            compared = _against_fast(record, about["contender"], about["activation"])
            cells = [*times, f"{found.calls:,}", NOTHING if compared is None else ratio_text(compared)]
            table.add_row(about["activation"], about["contender"], *cells)
    return table


def _against_fast(record: TimingRecord, contender: str, act: str) -> Ratio | None:
    series, fast = (record.find(f"{name} {act}", ACTION, P50) for name in (contender, "fast"))
    if contender == "fast" or series is None or fast is None:
        return None
    return ratio(series.wall_s, fast.wall_s)
