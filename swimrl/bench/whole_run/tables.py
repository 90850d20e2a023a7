"""The tables of ``swimrl bench run``, 80 columns wide."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table

from swimrl.bench.text import LEGEND, NOTHING, doubts, new_table, ratio_text
from swimrl.bench.whole_run.config import COLD
from swimrl.bench.whole_run.parts import PARTS
from swimrl.bench.whole_run.results import RunTimes


def tables(results: RunTimes) -> Iterator[RenderableType]:
    """Yield the tables that the record allows, and notes."""
    settings = results.record.settings
    whole = settings["whole_run"]
    yield (
        f"{settings['env']}, {settings['act']}, batch {settings['batch_size']}, {whole['steps']:,} steps "
        f"({whole['learning_starts']:,} random); {whole['eval_episodes']} episodes every "
        f"{whole['eval_every']:,} steps, {whole['final_episodes']} at the end; "
        f"{results.record.host['processor']}"
    )
    if results.is_extrapolated:
        measured = settings["measured_run"]
        yield (
            f"Extrapolated from runs of {measured['steps']:,} steps with {measured['final_episodes']} "
            f"final episodes; --steps {whole['steps']} measures all of it."
        )
    for net in results.nets:
        yield _seconds(results, net)
    if results.ours and results.peers:
        yield _ratios(results)
    yield _starts(results)
    yield ""
    yield from _notes(results)


def _seconds(results: RunTimes, net: str) -> Table:
    table = new_table(f"Where the seconds of a run go, {net}", ["", *results.contenders], words=0)
    table.columns[0].justify = "left"
    each = [results.parts_s(contender, net) for contender in results.contenders]
    for part, title in PARTS.items():
        table.add_row(title, *(NOTHING if one is None else _seconds_text(one[part]) for one in each))
    whole = (results.whole_s(contender, net) for contender in results.contenders)
    table.add_row("whole run", *(NOTHING if one is None else f"{one:,.1f}" for one in whole))
    return table


def _ratios(results: RunTimes) -> Table:
    table = new_table("How many times as fast", ["network", "contender", "against", "whole run"], words=3)
    for net in results.nets:
        for contender in results.ours:
            for peer in results.peers:
                times = results.times_as_fast(contender, peer, net)
                if times is not None:
                    table.add_row(net, contender, peer, ratio_text(times))
    return table


def _starts(results: RunTimes) -> Table:
    columns = ["network", "contender", "first step", "uncompiled", "adds to run"]
    table = new_table("Start, in seconds after the command", columns, words=2)
    for net in results.nets:
        for contender in results.contenders:
            warm = results.first_step_s(contender, net)
            if warm is not None:
                cold = results.first_step_s(contender, net, COLD)
                others = (cold, results.cold_adds_s(contender, net))
                cells = (NOTHING if one is None else f"{one:.1f}" for one in others)
                table.add_row(net, contender, f"{warm:.1f}", *cells)
    return table


def _notes(results: RunTimes) -> Iterator[str]:
    yield (
        "first step: the first step of training is done, with the evaluation before it, which only swimrl "
        "does. uncompiled: the same without compiled code on disk; adds to run: how much longer such a run "
        "takes. Only swimrl has diagnostics and checkpoints."
    )
    if "rltools" in results.contenders:
        yield (
            "rltools updates during the random steps too, which its Python interface cannot change; so its "
            "whole run has more updates than the others'."
        )
    yield LEGEND.rstrip(";") + "."
    yield from doubts(results.record, results.clock)


def _seconds_text(seconds: float) -> str:
    return f"{seconds:,.2f}"
