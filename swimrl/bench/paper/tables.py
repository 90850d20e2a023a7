"""The tables of ``swimrl bench paper``, 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from swimrl.bench.paper.config import BACKWARD, BATCH_SIZE, CALLS, DTYPES, INFERENCE, LEFT_OUT
from swimrl.bench.paper.results import PaperTimes
from swimrl.bench.text import LEGEND, NOTHING, doubts, new_table, ratio_text


def tables(results: PaperTimes) -> Iterator[RenderableType]:
    """Yield the tables of both protocols, and the weaknesses of the paper's."""
    record = results.record
    settings = record.settings
    yield f"{settings['env']}, 256x256, batch {BATCH_SIZE}, one thread; {record.host['processor']}"
    yield _as_the_paper(results)
    for dtype in DTYPES:
        yield _corrected(results, dtype)
    yield ""
    yield "What the paper's protocol leaves out:"
    for reason in LEFT_OUT:
        yield f"- {reason}"
    yield ""
    if results.clock == "cpu":
        yield "The corrected protocol counts processor seconds."
    yield (
        f"Corrected: medians of {settings['processes']} x {settings['rounds']} interleaved rounds of "
        f"{settings['reading']} s, after a warm-up. {LEGEND.rstrip(';')}."
    )
    yield from doubts(record, results.clock)


def _as_the_paper(results: PaperTimes) -> Table:
    title = f"The paper's protocol: float64, {CALLS} calls, mean +- population sd, ms"
    table = new_table(title, ["activation", "inference", "first call", "backward", "first call"], words=1)
    for act in results.acts:
        cells = []
        for work in (INFERENCE, BACKWARD):
            time = results.as_the_paper(act, work)
            cells += [f"{time.mean_ms:.3f} +- {time.deviation_ms:.3f}", f"{time.first_ms:.3f}"]
        table.add_row(act, *cells)
    return table


def _corrected(results: PaperTimes, dtype: str) -> Table:
    times = f"times {results.reference}"
    columns = ["activation", "inference ms", times, "backward ms", times]
    table = new_table(f"Corrected, {dtype}", columns, words=1)
    for act in results.acts:
        cells = []
        for work in (INFERENCE, BACKWARD):
            seconds = results.corrected_s(act, work, dtype)
            cells.append(NOTHING if seconds is None else f"{seconds * 1e3:.3f}")
            cells.append(ratio_text(results.against_reference(act, work, dtype)))
        table.add_row(act, *cells)
    return table
