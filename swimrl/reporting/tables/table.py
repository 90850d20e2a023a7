"""A table: cells that hold data, and columns that know how their cells are printed."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from swimrl.errors import InputError
from swimrl.reporting.findings import Undetermined
from swimrl.reporting.section import Section
from swimrl.reporting.tables.bars import Bar
from swimrl.reporting.tables.formulas import Formulas


@dataclass(frozen=True)
class Estimate:
    """A number with the ends of its 95 % interval, where these are known."""

    value: float
    low: float | None = None
    high: float | None = None


Cell = str | int | float | bool | None | Estimate | tuple[float, float] | Bar | Formulas | Undetermined
"""What a table holds. A pair of numbers is the two ends of an interval; None means that there is nothing."""


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    key: str
    """Its name in programs, such as ``max_of_mean``."""

    title: str
    """Its heading for people, such as "max of mean"."""

    text: Callable[[Any], str] = str
    """Returns the text of a cell that holds something."""

    is_left: bool = False
    """Whether its cells are words, which are aligned left."""

    none: str = ""
    """The text of a cell that holds None."""

    def shown(self, cell: Cell) -> str:
        """Return the text of a cell."""
        if isinstance(cell, Undetermined):
            return "undetermined"
        return self.none if cell is None else self.text(cell)


@dataclass(frozen=True)
class Table:
    """A table of a report.

    Raises:
        ValueError: If the section is unknown, two columns share a key, or a row is longer or shorter than
            the columns.
    """

    section: Section
    """Where it stands on the page."""

    key: str
    """Its name in programs, such as ``scores``."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    """What a reader must know to understand it."""

    has_sentences: bool = False
    """Whether its cells are so long that their lines must break."""

    def __post_init__(self) -> None:
        Section(self.section)
        if len({*self.keys}) < len(self.keys):
            raise ValueError(f"table {self.key!r} has two columns of one key: {', '.join(self.keys)}")
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.key!r} has {len(self.columns)} columns and a row of {len(row)} cells: {row}"
                )

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the columns, in order."""
        return tuple(column.key for column in self.columns)

    def only(self, *keys: str) -> Table:
        """Return the table with these columns alone, in this order.

        Raises:
            KeyError: If there is no such column.
        """
        places = {key: place for place, key in enumerate(self.keys)}
        chosen = [places[key] for key in keys]
        return replace(
            self,
            columns=tuple(self.columns[place] for place in chosen),
            rows=tuple(tuple(row[place] for place in chosen) for row in self.rows),
        )

    def texts(self) -> list[list[str]]:
        """Return the text of every cell, row by row."""
        return [
            [column.shown(cell) for column, cell in zip(self.columns, row, strict=True)] for row in self.rows
        ]

    def records(self) -> list[dict[str, Any]]:
        """Return every row as a mapping from keys to plain values.

        A number with an interval fills three keys, such as ``mean``, ``mean_low`` and ``mean_high``, and an
        interval alone the last two. What is undetermined or missing is None.
        """
        return [
            dict(pair for key, cell in zip(self.keys, row, strict=True) for pair in _plain(key, cell))
            for row in self.rows
        ]

    def to_pandas(self) -> Any:
        """Return the records as a pandas ``DataFrame``.

        Raises:
            InputError: If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise InputError(
                "to_pandas() needs pandas; install it with: pip install pandas, or use records(), which "
                "returns a list of dicts"
            ) from error
        return pd.DataFrame(self.records())

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(column.title)}</th>" for column in self.columns)
        rows = "".join(
            f"<tr>{''.join(f'<td>{html.escape(text)}</td>' for text in row)}</tr>" for row in self.texts()
        )
        caption = f"<caption>{html.escape(self.title)}</caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def _repr_markdown_(self) -> str:
        return markdown(self)


def markdown(table: Table) -> str:
    """Return the rows of a table in Markdown, without its title and its note."""
    heads = [column.title for column in table.columns]
    rules = ["---" if column.is_left else "---:" for column in table.columns]
    return "\n".join(_markdown_row(row) for row in (heads, rules, *table.texts()))


def _markdown_row(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _plain(key: str, cell: Cell) -> Iterator[tuple[str, Any]]:
    if isinstance(cell, Estimate):
        yield from ((key, cell.value), (f"{key}_low", cell.low), (f"{key}_high", cell.high))
    elif isinstance(cell, Bar):
        yield from ((key, cell.value), (f"{key}_low", cell.low), (f"{key}_high", cell.high))
        yield f"{key}_mark", cell.mark
    elif isinstance(cell, tuple):
        yield from ((f"{key}_low", cell[0]), (f"{key}_high", cell[1]))
    elif isinstance(cell, Formulas):
        yield key, str(cell)
    else:
        yield key, None if isinstance(cell, Undetermined) else cell
