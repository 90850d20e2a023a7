"""The status of a study as a table: for a terminal, as plain text, and for a notebook. Light."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from swimrl.sweeps.status import RunStatus, StudyStatus

if TYPE_CHECKING:
    from swimrl.sweeps.config import PlannedRun

_COLUMNS = ("environment", "variant", "seed", "done", "steps/s", "return", "left")
_TEXT_COLUMNS = ("environment", "variant")
_MOST_WIDTHS = (14, 22, 9, 9, 9, 9, 9)
_LINE_WIDTH = 80


def table_of(statuses: Iterable[RunStatus]) -> Text:
    """Return a table with a row for each run; 80 columns are enough for it.

    It is aligned here, because `rich.table.Table` takes half a millisecond for each row.
    """
    rows = [_COLUMNS, *map(_cells, statuses)]
    shortened = [
        tuple(_shortened(cell, width) for cell, width in zip(row, _MOST_WIDTHS, strict=True)) for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*shortened, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if name in _TEXT_COLUMNS else cell.rjust(width)
            for name, cell, width in zip(_COLUMNS, row, widths, strict=True)
        )
        for row in shortened
    ]
    table = Text("\n".join(lines), no_wrap=True, overflow="ellipsis")
    table.stylize("bold", 0, len(lines[0]))
    return table


def text_of(status: StudyStatus) -> str:
    """Return table and summary as plain text, 80 columns wide."""
    console = Console(width=_LINE_WIDTH, color_system=None, force_terminal=False, force_jupyter=False)
    with console.capture() as captured:
        console.print(table_of(status))
    return f"{captured.get()}{summary_of(status)}"


def html_of(status: StudyStatus) -> str:
    """Return table and summary as HTML."""
    head = "".join(f"<th>{escape(name)}</th>" for name in _COLUMNS)
    rows = []
    for run in status:
        cells = [
            f'<td style="text-align: {"left" if name in _TEXT_COLUMNS else "right"}">{escape(cell)}</td>'
            for name, cell in zip(_COLUMNS, _cells(run), strict=True)
        ]
        rows.append(f'<tr title="{escape(run.reason or str(run.path))}">{"".join(cells)}</tr>')
    body = "".join(rows)
    summary = escape(summary_of(status))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{summary}</p>"


def summary_of(status: StudyStatus) -> str:
    """Return how many runs are in each state and, if it is known, how long it takes until all are done.

    Example:
        >>> from pathlib import Path
        >>> left = RunStatus(Path("Hopper-v4/swim-1a2b3c4d/seed-0"), steps=1000)
        >>> running = RunStatus(Path("Hopper-v4/relu-1a2b3c4d/seed-0"), 1000, "running", 500, 10.0)
        >>> summary_of(StudyStatus([left, running]))
        '2 runs: 1 running, 1 left; about 2 min left'
    """
    states = ", ".join(f"{number} {state}" for state, number in status.counts.items())
    speed = sum(run.steps_per_s or 0.0 for run in status if run.state == "running")
    steps = sum(max(run.steps - run.step, 0) for run in status if run.state != "failed")
    time_left = f"; about {duration(steps / speed)} left" if speed and steps else ""
    return f"{len(status)} run{'s' * (len(status) != 1)}: {states}{time_left}"


def name_of(run: PlannedRun) -> str:
    """Return the name of a run in a line of text."""
    return f"{run.config.env} {run.directory.path.parent.name} seed {run.config.seed}"


def duration(seconds: float | None) -> str:
    """Return a length of time in one or two words; an empty text for None.

    Example:
        >>> [duration(seconds) for seconds in (4, 200, 9000, 200_000)]
        ['4 s', '3 min', '2.5 h', '2.3 days']
    """
    if seconds is None:
        return ""
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def _cells(status: RunStatus) -> tuple[str, ...]:
    return (
        status.environment,
        status.variant,
        str(status.seed),
        f"{100 * status.step // max(status.steps, 1)} %",
        _number(status.steps_per_s),
        _number(status.last_return),
        duration(status.seconds_left) if status.state == "running" else status.state,
    )


def _shortened(cell: str, width: int) -> str:
    return cell if len(cell) <= width else f"{cell[: width - 1]}…"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"
