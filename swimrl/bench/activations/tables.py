"""The tables of ``swimrl bench activations``, 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from swimrl.bench.activations.benchmark import BACKWARD, BOTH, FORWARD, ITEMSIZE, WORKS
from swimrl.bench.activations.results import Case, Costs
from swimrl.bench.text import LEGEND, NOTHING, doubts, new_console, new_table, ratio_text
from swimrl.timing.record import Clock, TimingRecord


def print_record(record: TimingRecord, clock: Clock = "wall") -> None:
    """Print all that a record of kind ``activations`` says by one of its clocks."""
    console = new_console()
    costs = Costs(record, clock)
    settings = record.settings
    console.print(
        f"{settings['processes']} x {settings['rounds']} rounds of {settings['reading']} s, one thread; "
        f"{record.host['processor']}"
    )
    for case in costs.cases:
        console.print(_times(costs, case))
        console.print(_ratios(costs, case))
    console.print()
    for line in _notes(costs, clock):
        console.print(line)


def _times(costs: Costs, case: Case) -> Table:
    columns = ["activation", "how", "forward", "backward", "both us", "ns/el", "Mel/s", "GB/s", "copy", "mem"]
    table = new_table(str(case), columns, words=2)
    batch, neurons = case.shape
    size = batch * neurons * ITEMSIZE[case.dtype]
    for activation, how in costs.arms(case):
        found = {work: costs.cost(case, activation, how, work) for work in WORKS}
        cells = [NOTHING if cost is None else _us(cost.seconds) for cost in found.values()]
        both = found[BOTH]
        if both is not None:
            per_element = both.seconds_per_element * 1e9
            cells += [_short(per_element), _short(1e3 / per_element), _short(both.bytes_per_s / 1e9)]
            cells += [NOTHING if both.of_copy is None else f"{both.of_copy:.0%}"]
            cells += [f"{both.extra_memory / size:.1f}"]
        table.add_row(activation, how, *cells)
    return table


def _ratios(costs: Costs, case: Case) -> Table:
    arm = costs.reference_arm(case)
    title = f"{case}: times {' '.join(arm)}" if arm else f"{case}: {costs.reference} was not measured"
    table = new_table(title, ["activation", "how", FORWARD, BACKWARD, "both"], words=2)
    for activation, how in costs.arms(case):
        if (activation, how) != arm:
            found = [costs.cost(case, activation, how, work) for work in WORKS]
            ratios = [None if cost is None else cost.against_reference for cost in found]
            table.add_row(activation, how, *map(ratio_text, ratios))
    return table


def _notes(costs: Costs, clock: Clock) -> Iterator[str]:
    if clock == "cpu":
        yield "Seconds are the processor's."
    yield (
        "forward: without gradients; backward: gradients of a value that is kept; both: value and gradients, "
        "to which the columns after it belong. GB/s: input, value and gradients read or written once; copy: "
        "the same as a share of what a copy reaches; mem: memory taken at the worst moment, the result "
        "included, in sizes of the input."
    )
    yield LEGEND.rstrip(";") + "."
    yield from doubts(costs.record, clock)


def _us(seconds: float) -> str:
    return _short(seconds * 1e6)


def _short(value: float) -> str:
    """Return a number in at most seven characters."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
