"""Write a report's files into a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from swimrl.errors import InputError
from swimrl.reporting.contents import Contents
from swimrl.reporting.figures.draw import FORMATS as FIGURE_FORMATS
from swimrl.reporting.figures.draw import Figure, draw
from swimrl.reporting.page import html, latex, markdown
from swimrl.reporting.summary import scores_csv, summary
from swimrl.reporting.tables import score_table
from swimrl.runs.directory import replace, writing

FORMATS = ("html", "md", "tex", "csv", "json")


def check_formats(formats: Sequence[str]) -> None:
    """Check that formats exist.

    Raises:
        InputError: If one does not.
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
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        figures: list[Figure] = []
        if {"html", "md"} & {*formats}:
            figures = draw(contents, folder / "figures", FIGURE_FORMATS)
    texts: dict[str, tuple[str, Callable[[], str]]] = {
        "html": ("report.html", lambda: html(contents, figures, refresh_s=refresh_s)),
        "md": ("report.md", lambda: markdown(contents, figures, folder)),
        "tex": ("table.tex", lambda: latex(score_table(contents))),
        "csv": ("summary.csv", lambda: scores_csv(contents.analysis)),
        "json": ("summary.json", lambda: json.dumps(summary(contents), indent=2) + "\n"),
    }
    written = []
    for name in dict.fromkeys(formats):
        file, text = texts[name]
        with writing(folder / file):
            replace(folder / file, text().encode())
        written.append(folder / file)
    return written
