"""What the tables of all benchmarks have in common; 80 columns wide."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from swimrl.timing import stability
from swimrl.timing.ratio import Ratio
from swimrl.timing.record import Clock, TimingRecord

NOTHING = "-"

LEGEND = "[x, y]: 95 % interval; [?]: undetermined, too few rounds; =: not distinguishable from 1;"

_MOST_NAMES = 12


def new_console() -> Console:
    """Return a console of 80 columns that prints text as it is."""
    return Console(width=80, highlight=False, markup=False)


def new_table(title: str, columns: Sequence[str], words: int) -> Table:
    """Return an empty table whose first ``words`` columns hold words and the others numbers."""
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
    """Return a ratio with its interval, and a mark if it cannot be told from 1."""
    if ratio is None:
        return NOTHING
    if ratio.interval is None:
        return f"{_number(ratio.value)} [?] "
    low, high = ratio.interval
    mark = " " if ratio.distinguishable else "="
    return f"{_number(ratio.value)} [{_number(low)}, {_number(high)}]{mark}"


def doubts(record: TimingRecord, clock: Clock) -> Iterator[str]:
    """Yield what was not measured, and what speaks against trusting the rest."""
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
