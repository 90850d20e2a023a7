"""The tables of ``swimrl bench activations``, 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from swimrl.bench.activations.config import BACKWARD, BOTH, FORWARD, ITEMSIZE, WORKS
from swimrl.bench.activations.results import ActivationCosts, Case
from swimrl.bench.text import LEGEND, NOTHING, doubts, new_table, ratio_text


def tables(costs: ActivationCosts) -> Iterator[RenderableType]:
    """Yield two tables for each case, and notes."""
    settings = costs.record.settings
    yield (
        f"{settings['processes']} x {settings['rounds']} rounds of {settings['reading']} s, one thread; "
        f"{costs.record.host['processor']}"
    )
    for case in costs.cases:
        yield _times(costs, case)
        yield _ratios(costs, case)
    yield ""
    yield from _notes(costs)


def _times(costs: ActivationCosts, case: Case) -> Table:
    columns = ["activation", "how", "forward", "backward", "both us", "ns/el", "Mel/s", "GB/s", "copy", "mem"]
    table = new_table(str(case), columns, words=2)
    batch, neurons = case.shape
    size = batch * neurons * ITEMSIZE[case.dtype]
    for activation, how in costs.arms(case):
        by_work = {work: costs.cost(case, activation, how, work) for work in WORKS}
        cells = [NOTHING if cost is None else _us(cost.seconds) for cost in by_work.values()]
        both = by_work[BOTH]
        if both is not None:
            per_element = both.seconds_per_element * 1e9
            cells += [_short(per_element), _short(1e3 / per_element), _short(both.bytes_per_s / 1e9)]
            cells += [NOTHING if both.of_copy is None else f"{both.of_copy:.0%}"]
            cells += [f"{both.extra_memory / size:.1f}"]
        table.add_row(activation, how, *cells)
    return table


def _ratios(costs: ActivationCosts, case: Case) -> Table:
    arm = costs.reference_arm(case)
    title = f"{case}: times {' '.join(arm)}" if arm else f"{case}: {costs.reference} was not measured"
    table = new_table(title, ["activation", "how", FORWARD, BACKWARD, "both"], words=2)
    for activation, how in costs.arms(case):
        if (activation, how) != arm:
            of_works = [costs.cost(case, activation, how, work) for work in WORKS]
            ratios = [None if cost is None else cost.against_reference for cost in of_works]
            table.add_row(activation, how, *map(ratio_text, ratios))
    return table


def _notes(costs: ActivationCosts) -> Iterator[str]:
    if costs.clock == "cpu":
        yield "Times are processor seconds."
    yield (
        "forward: without gradients; backward: gradients of a value that is kept; both: value and gradients; "
        "the columns to the right of it belong to it. GB/s: input, value and gradients, each read or written "
        "once; copy: GB/s as a share of a copy's; mem: largest memory allocated at one time, including the "
        "result, as a multiple of the input's size."
    )
    yield LEGEND.rstrip(";") + "."
    yield from doubts(costs.record, costs.clock)


def _us(seconds: float) -> str:
    return _short(seconds * 1e6)


def _short(value: float) -> str:
    """Return a number in at most seven characters."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
