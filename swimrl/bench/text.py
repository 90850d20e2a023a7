"""What the tables of all benchmarks share: columns, ratios, doubts, output. 80 columns wide."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Console, RenderableType
from rich.table import Table

from swimrl.timing import stability
from swimrl.timing.ratio import Ratio
from swimrl.timing.record import Clock, TimingRecord

NOTHING = "-"

LEGEND = "[x, y]: 95 % interval; [?]: undetermined, too few rounds; =: not distinguishable from 1;"

_MOST_NAMES, _WIDTH = 12, 80


def print_all(content: Iterable[RenderableType]) -> None:
    """Print tables and lines on standard output."""
    console = Console(width=_WIDTH, highlight=False, markup=False)
    for one in content:
        console.print(one)


def plain_text(content: Iterable[RenderableType]) -> str:
    """Return tables and lines as text without colours."""
    console = Console(width=_WIDTH, highlight=False, markup=False, file=io.StringIO(), force_jupyter=False)
    with console.capture() as capture:
        for one in content:
            console.print(one)
    return capture.get().rstrip("\n")


def html(content: Iterable[RenderableType]) -> str:
    """Return tables and lines as a block of HTML, for notebooks."""
    from html import escape

    return f"<pre style='line-height: 1.2'>{escape(plain_text(content))}</pre>"


def new_table(title: str, columns: Sequence[str], words: int) -> Table:
    """Return an empty table; its first ``words`` columns hold words, the others numbers."""
    table = Table(
        box=None,
        padding=(0, 1, 0, 0),
        header_style="bold",
        title=f"\n{title}",
        title_justify="left",
        min_width=len(title),
    )
    for position, name in enumerate(columns):
        if position < words:
            table.add_column(name, no_wrap=True, overflow="ellipsis", max_width=16)
        else:
            table.add_column(name, justify="right", no_wrap=True)
    return table


def ratio_text(ratio: Ratio | None) -> str:
    """Return a ratio with its interval, and the mark ``=`` if it cannot be distinguished from 1."""
    if ratio is None:
        return NOTHING
    if ratio.interval is None:
        return f"{_number(ratio.value)} [?] "
    low, high = ratio.interval
    mark = " " if ratio.distinguishable else "="
    return f"{_number(ratio.value)} [{_number(low)}, {_number(high)}]{mark}"


def doubts(record: TimingRecord, clock: Clock) -> Iterator[str]:
    """Yield the arms that were not measured with the reason, and reasons to doubt the others."""
    for reason, names in _by_reason(record.absent).items():
        shown = names if len(names) <= _MOST_NAMES else [*names[:_MOST_NAMES], f"{len(names)} in all"]
        yield f"not measured: {', '.join(shown)}: {reason}"
    for warning in stability.warnings(record, clock):
        yield f"warning: {warning}"


def _by_reason(absent: Mapping[str, str]) -> dict[str, list[str]]:
    names = defaultdict(list)
    for name, reason in absent.items():
        names[reason].append(name)
    return names


def _number(value: float) -> str:
    digits = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{digits}f}"
