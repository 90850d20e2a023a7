"""The tables of ``swimrl bench train``, 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table

from swimrl.timing import stability
from swimrl.timing.ratio import Ratio, median
from swimrl.timing.record import Clock, TimingRecord
from swimrl.training.benchmark import FLOOR
from swimrl.training.benchmark_results import BASELINE, STEPS, UPDATES, Rate, Results

_WIDTH = 80
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
_NOTHING = "-"


def print_record(record: TimingRecord, clock: Clock = "wall") -> None:
    """Print all that a record of kind ``train`` says by one of its clocks."""
    console = Console(width=_WIDTH, highlight=False, markup=False)
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


def _table(title: str, columns: Sequence[str], words: int) -> Table:
    """Return an empty table whose first ``words`` columns hold words and the others numbers."""
    table = Table(
        box=None,
        padding=(0, 1, 0, 0),
        header_style="bold",
        title=f"\n{title}",
        title_justify="left",
    )
    for position, name in enumerate(columns):
        if position < words:
            table.add_column(name, no_wrap=True, overflow="ellipsis", max_width=16)
        else:
            table.add_column(name, justify="right", no_wrap=True)
    return table


def _rates(results: Results) -> Table:
    against = f"updates / {BASELINE}'s" if BASELINE in results.acts else ""
    columns = ["activation", "contender", "steps/s", "+-", "updates/s", "+-"]
    table = _table("Speed", [*columns, against] if against else columns, words=2)
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
                    _NOTHING if act == BASELINE else _ratio(results.against_baseline(contender, act))
                )
            table.add_row(*cells)
    return table


def _speedups(results: Results) -> Table:
    columns = ("activation", "contender", "against", "steps/s", "updates/s")
    table = _table("How many times as fast", columns, words=3)
    for act in results.acts:
        for contender in results.ours:
            for peer in results.peers:
                ratios = [results.speedup(contender, peer, act, work) for work in (STEPS, UPDATES)]
                if any(ratios):
                    table.add_row(act, contender, peer, *map(_ratio, ratios))
    return table


def _parts(results: Results) -> Table:
    table = _table("Where the time of a step goes, in ms", ["step with", *_PARTS.values()], words=1)
    for act in results.acts:
        for contender in results.ours:
            parts = results.step_parts_s(contender, act)
            if parts is not None:
                label = act if contender == "swimrl-fused" else f"{act}, {contender}"
                table.add_row(label, *(_ms(parts[name]) for name in _PARTS))
    return table


def _rate(rate: Rate | None) -> tuple[str, str]:
    return (_NOTHING, "") if rate is None else (f"{rate.per_second:,.1f}", f"{rate.spread:.1%}")


def _ratio(ratio: Ratio | None) -> str:
    if ratio is None:
        return _NOTHING
    if ratio.interval is None:
        return f"{ratio.value:.2f} [?] "
    low, high = ratio.interval
    return f"{ratio.value:.2f} [{low:.2f}, {high:.2f}]{' ' if ratio.distinguishable else '='}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f}"


def _floor(results: Results) -> Table:
    table = _table(
        "Above the floor", ["activation", "contender", "update ms", "of the floor", "loop adds ms"], words=2
    )
    for act in results.acts:
        for contender in results.contenders:
            rate, loop = results.rate(contender, act, UPDATES), results.loop_s(contender, act)
            over = results.update_over_floor(contender, act)
            if rate is not None and loop is not None:
                table.add_row(act, contender, _ms(1 / rate.per_second), _ratio(over), _ms(loop))
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
    yield (
        "[x, y]: 95 % interval; [?]: undetermined, too few rounds; =: not distinguishable from 1; "
        "+-: half the distance of the quartiles."
    )
    for name, reason in results.record.absent.items():
        yield f"not measured: {name}: {reason}"
    for warning in stability.warnings(results.record, clock):
        yield f"warning: {warning}"
