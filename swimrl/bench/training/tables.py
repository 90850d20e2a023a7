"""The tables of ``swimrl bench train``, 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from swimrl.bench.text import LEGEND, NOTHING, doubts, new_console, new_table, ratio_text
from swimrl.bench.training.benchmark import FLOOR
from swimrl.bench.training.results import BASELINE, STEPS, UPDATES, Rate, Results
from swimrl.timing.ratio import median
from swimrl.timing.record import Clock, TimingRecord

_PARTS = {
    "environment": "env",
    "action": "action",
    "buffer": "buffer",
    "sampling": "sample",
    "products": "prod.",
    "activations": "activ.",
    "optimiser": "optim.",
    "rest": "rest",
    "step": "step",
}


def print_record(record: TimingRecord, clock: Clock = "wall") -> None:
    """Print all that a record of kind ``train`` says by one of its clocks."""
    console = new_console()
    results = Results(record, clock)
    settings = record.settings
    console.print(
        f"{settings['env']}, {settings['net']}, batch {settings['batch_size']}; "
        f"{settings['processes']} x {settings['rounds']} rounds of {settings['reading']} s; "
        f"{record.host['processor']}"
    )
    console.print(_rates(results))
    if results.ours and results.peers:
        console.print(_speedups(results))
    parts = _parts(results)
    if parts.row_count:
        console.print(parts)
    if results.floor() is not None:
        console.print(_floor(results))
    console.print()
    for line in _notes(results, clock):
        console.print(line)


def _rates(results: Results) -> Table:
    against = f"updates / {BASELINE}'s" if BASELINE in results.acts else ""
    columns = ["activation", "contender", "steps/s", "+-", "updates/s", "+-"]
    table = new_table("Speed", [*columns, against] if against else columns, words=2)
    for act in results.acts:
        for contender in results.contenders:
            rates = [results.rate(contender, act, work) for work in (STEPS, UPDATES)]
            if not any(rates):
                continue  # the notes say why
            cells = [act, contender]
            for rate in rates:
                cells += _rate(rate)
            if against:
                cells.append(
                    NOTHING if act == BASELINE else ratio_text(results.against_baseline(contender, act))
                )
            table.add_row(*cells)
    return table


def _speedups(results: Results) -> Table:
    columns = ("activation", "contender", "against", "steps/s", "updates/s")
    table = new_table("How many times as fast", columns, words=3)
    for act in results.acts:
        for contender in results.ours:
            for peer in results.peers:
                ratios = [results.speedup(contender, peer, act, work) for work in (STEPS, UPDATES)]
                if any(ratios):
                    table.add_row(act, contender, peer, *map(ratio_text, ratios))
    return table


def _parts(results: Results) -> Table:
    table = new_table("Where the time of a step goes, in ms", ["step with", *_PARTS.values()], words=1)
    for act in results.acts:
        for contender in results.ours:
            parts = results.step_parts_s(contender, act)
            if parts is not None:
                label = act if contender == "swimrl-fused" else f"{act}, {contender}"
                table.add_row(label, *(_ms(parts[name]) for name in _PARTS))
    return table


def _rate(rate: Rate | None) -> tuple[str, str]:
    return (NOTHING, "") if rate is None else (f"{rate.per_second:,.1f}", f"{rate.spread:.1%}")


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f}"


def _floor(results: Results) -> Table:
    table = new_table(
        "Above the floor", ["activation", "contender", "update ms", "of the floor", "loop adds ms"], words=2
    )
    for act in results.acts:
        for contender in results.contenders:
            rate, loop = results.rate(contender, act, UPDATES), results.loop_s(contender, act)
            over = results.update_over_floor(contender, act)
            if rate is not None and loop is not None:
                table.add_row(act, contender, _ms(1 / rate.per_second), ratio_text(over), _ms(loop))
    return table


def _notes(results: Results, clock: Clock) -> Iterator[str]:
    if clock == "cpu":
        yield "Seconds are the processor's, except of a step's parts; arms of several threads are left out."
    floor, environment = results.floor(), results.environment_s()
    if floor is not None and environment is not None:
        mega = 2 * results.record.arms[FLOOR]["multiplications"] / 1e6
        yield (
            f"floor: the {mega:,.0f} MFLOP of products of one update, each by its best PyTorch backend, "
            f"{_ms(median(floor.readings))} ms. The loop's share is a step without its update and without "
            f"the {_ms(environment)} ms of a bare step of the environment."
        )
    yield f"{LEGEND} +-: half the distance of the quartiles."
    yield from doubts(results.record, clock)
