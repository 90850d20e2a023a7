"""Write a report's files into a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from swimrl.errors import InputError
from swimrl.reporting.contents import Contents
from swimrl.reporting.figures.figure import FORMATS as FIGURE_FORMATS
from swimrl.reporting.figures.makers import figures
from swimrl.reporting.page import formulas_latex, html, latex, markdown
from swimrl.reporting.summary import scores_csv, summary
from swimrl.reporting.tables.makers import tables
from swimrl.reporting.tables.table import Table
from swimrl.runs.directory import replace, writing

FORMATS = ("html", "md", "tex", "csv", "json")


def check_formats(formats: Sequence[str]) -> None:
    """Check that every format is known.

    Raises:
        InputError: If one is not.
    """
    for name in formats:
        if name not in FORMATS:
            raise InputError(f"--format {name!r} is unknown; expected some of {', '.join(FORMATS)}")


def write(
    contents: Contents, folder: Path, formats: Sequence[str] = FORMATS, *, refresh_s: int | None = None
) -> list[Path]:
    """Write the files into ``folder``, and where html or md is wanted, figures into ``folder/figures``.

    Returns:
        The files, without the figures.

    Raises:
        InputError: If a format does not exist or a library for it is missing.
        StorageError: If a file cannot be written.
    """
    check_formats(formats)
    drawn = figures(contents)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if {"html", "md"} & {*formats}:
            (folder / "figures").mkdir(exist_ok=True)
            for figure in drawn:
                figure.save(folder / "figures", FIGURE_FORMATS)
    every = tables(contents)
    texts: dict[str, Callable[[], Mapping[str, str]]] = {
        "html": lambda: {"report.html": html(contents, every, drawn, folder, refresh_s=refresh_s)},
        "md": lambda: {"report.md": markdown(contents, every, drawn)},
        "tex": lambda: _latex_files(every),
        "csv": lambda: {"summary.csv": scores_csv(contents.analysis)},
        "json": lambda: {"summary.json": json.dumps(summary(contents), indent=2) + "\n"},
    }
    written = []
    for name in dict.fromkeys(formats):
        for file, text in texts[name]().items():
            with writing(folder / file):
                replace(folder / file, text.encode())
            written.append(folder / file)
    return written


def _latex_files(every: Sequence[Table]) -> dict[str, str]:
    by_key = {table.key: table for table in every}
    formulas = formulas_latex(by_key["runs"])
    files = {"table.tex": latex(by_key["scores"])}
    return files if formulas is None else {**files, "formulas.tex": formulas}
