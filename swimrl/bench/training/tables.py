"""The tables of ``swimrl bench train``, 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from swimrl.bench.text import LEGEND, NOTHING, doubts, new_table, ratio_text
from swimrl.bench.training.config import FLOOR
from swimrl.bench.training.results import BASELINE, STEPS, UPDATES, Rate, TrainingSpeeds
from swimrl.timing.ratio import median

_PARTS = {
    "environment": "env",
    "action": "action",
    "buffer": "buffer",
    "sampling": "sample",
    "products": "prod.",
    "activations": "activ.",
    "optimiser": "optim.",
    "python": "Python",
    "rest": "rest",
    "step": "step",
}


def tables(results: TrainingSpeeds) -> Iterator[RenderableType]:
    """Yield the tables that the record allows, and notes."""
    settings = results.record.settings
    yield (
        f"{settings['env']}, {settings['net']}, batch {settings['batch_size']}; "
        f"{settings['processes']} x {settings['rounds']} rounds of {settings['reading']} s; "
        f"{results.record.host['processor']}"
    )
    yield _rates(results)
    if results.ours and results.peers:
        yield _speedups(results)
    parts = _parts(results)
    if parts.row_count:
        yield parts
    if results.floor() is not None:
        yield _floor(results)
    yield ""
    yield from _notes(results)


def _rates(results: TrainingSpeeds) -> Table:
    against = f"updates / {BASELINE}'s" if BASELINE in results.acts else ""
    columns = ["activation", "contender", "steps/s", "+-", "updates/s", "+-"]
    table = new_table("Speed", [*columns, against] if against else columns, words=2)
    for act in results.acts:
        for contender in results.contenders:
            rates = [results.rate(contender, act, work) for work in (STEPS, UPDATES)]
            if not any(rates):
                continue  # the notes give the reason
            cells = [act, contender]
            for rate in rates:
                cells += _rate(rate)
            if against:
                cells.append(
                    NOTHING if act == BASELINE else ratio_text(results.against_baseline(contender, act))
                )
            table.add_row(*cells)
    return table


def _speedups(results: TrainingSpeeds) -> Table:
    columns = ("activation", "contender", "against", "steps/s", "updates/s")
    table = new_table("How many times as fast", columns, words=3)
    for act in results.acts:
        for contender in results.ours:
            for peer in results.peers:
                ratios = [results.speedup(contender, peer, act, work) for work in (STEPS, UPDATES)]
                if any(ratios):
                    table.add_row(act, contender, peer, *map(ratio_text, ratios))
    return table


def _parts(results: TrainingSpeeds) -> Table:
    table = new_table("Where the time of a step goes, in ms", ["step with", *_PARTS.values()], words=1)
    for act in results.acts:
        for contender in results.ours:
            parts = results.step_parts_s(contender, act)
            if parts is not None:
                label = act if contender == "swimrl-fused" else f"{act} {contender.removeprefix('swimrl-')}"
                table.add_row(label, *(_ms(parts[name]) if name in parts else NOTHING for name in _PARTS))
    return table


def _rate(rate: Rate | None) -> tuple[str, str]:
    return (NOTHING, "") if rate is None else (f"{rate.per_second:,.1f}", f"{rate.spread:.1%}")


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f}"


def _floor(results: TrainingSpeeds) -> Table:
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


def _notes(results: TrainingSpeeds) -> Iterator[str]:
    if results.clock == "cpu":
        yield "Times are processor seconds, except of a step's parts; arms with several threads are left out."
    floor, environment = results.floor(), results.environment_s()
    if floor is not None and environment is not None:
        mega = 2 * results.record.arms[FLOOR]["multiplications"] / 1e6
        yield (
            f"floor: the matrix products of one update, {mega:,.0f} MFLOP, each by its best PyTorch backend, "
            f"take {_ms(median(floor.readings))} ms. loop adds: a step without its update and without the "
            f"{_ms(environment)} ms that a step of the environment alone takes."
        )
    yield f"{LEGEND} +-: half the distance between the quartiles."
    yield from doubts(results.record, results.clock)
