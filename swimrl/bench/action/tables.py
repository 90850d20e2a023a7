"""The table of ``swimrl bench policy``, 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from swimrl.bench.action.config import CONTENDERS
from swimrl.bench.action.results import ActionLatencies
from swimrl.bench.text import LEGEND, NOTHING, doubts, new_table, ratio_text


def tables(results: ActionLatencies) -> Iterator[RenderableType]:
    """Yield the table and notes; each call was timed on the wall clock."""
    record = results.record
    settings = record.settings
    which = settings["run"] or f"{settings['env']}, {settings['net']}"
    yield f"{which}; one observation, one thread; {record.host['processor']}"
    yield _table(results)
    yield ""
    for contender, description in CONTENDERS.items():
        yield f"{contender}: {description}"
    yield (
        f"p50, p99: medians over {settings['processes']} x {settings['rounds']} readings of their "
        f"percentiles. The worst call includes interruptions by the system. {LEGEND.rstrip(';')}."
    )
    yield from doubts(record, results.clock)


def _table(results: ActionLatencies) -> Table:
    columns = ["activation", "policy", "p50 us", "p99 us", "worst us", "calls", "p50 / fast's"]
    table = new_table("Latency of one action", columns, words=2)
    for contender, activation in results.arms:
        latency = results.latency(contender, activation)
        if latency is not None:
            times = [_us(seconds) for seconds in (latency.p50_s, latency.p99_s, latency.worst_s)]
            ratio = results.against_fastest(contender, activation)
            cells = [*times, f"{latency.calls:,}", NOTHING if ratio is None else ratio_text(ratio)]
            table.add_row(activation, contender, *cells)
    return table


def _us(seconds: float) -> str:
    us = seconds * 1e6
    return f"{us:,.2f}" if us < 10 else f"{us:,.1f}"
