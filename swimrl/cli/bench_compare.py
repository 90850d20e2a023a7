"""Say what became slower or faster from one record to another of the same machine.

examples:
  swimrl bench compare before.json after.json
  swimrl bench compare before.json after.json --clock cpu
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import tyro

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from swimrl.timing.comparison import Change
    from swimrl.timing.record import TimingRecord


@dataclass(frozen=True)
class Args:
    """What to compare."""

    first: tyro.conf.Positional[Path] = field(kw_only=True)
    """A record that `swimrl bench ... --json` wrote."""

    second: tyro.conf.Positional[Path] = field(kw_only=True)
    """A later one."""

    clock: Literal["wall", "cpu"] = "wall"
    """What counts: seconds that pass, or seconds for which the processor works, which are steadier on a
    busy machine."""


def run(args: Args) -> None:
    """Print the changes."""
    from swimrl.bench.text import LEGEND, new_console, new_table, ratio_text
    from swimrl.errors import InputError
    from swimrl.timing import record as timing_record
    from swimrl.timing.comparison import compare

    first, second = timing_record.read(args.first), timing_record.read(args.second)
    changes = list(compare(first, second, args.clock))
    if not changes:
        raise InputError(
            f"{args.first} and {args.second} have nothing in common; measure the same arms in both"
        )
    table = new_table(
        f"time by {args.second.name} / time by {args.first.name}", ["arm", "work", "times"], words=0
    )
    for column in table.columns[:2]:
        column.justify, column.no_wrap = "left", False
    for change in changes:
        table.add_row(change.arm, change.work, ratio_text(change.ratio))
    console = new_console()
    console.print(table)
    console.print()
    for line in (*_summary(changes), f"{LEGEND.rstrip(';')}.", *_differences(first, second)):
        console.print(line)


def _summary(changes: Sequence[Change]) -> Iterator[str]:
    told = [change.ratio for change in changes if change.ratio.distinguishable]
    slower = sum(ratio.value > 1 for ratio in told)
    yield (
        f"{slower} slower, {len(told) - slower} faster, {len(changes) - len(told)} not distinguishable. The "
        "records were taken at different times: what the machine did meanwhile counts too, and of many "
        "intervals of 95 % some miss by chance."
    )


def _differences(first: TimingRecord, second: TimingRecord) -> Iterator[str]:
    for name in sorted(first.versions.keys() | second.versions.keys()):
        old, new = first.versions.get(name), second.versions.get(name)
        if old != new:
            yield f"{name}: {old} and {new}"
