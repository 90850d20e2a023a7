"""A report as one self-contained HTML page, and as Markdown and LaTeX, from the same sections."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

from swimrl.colours import INK, PAPER
from swimrl.errors import InputError
from swimrl.reporting.contents import Contents
from swimrl.reporting.figures.figure import Figure
from swimrl.reporting.findings import MOST_TOGETHER
from swimrl.reporting.read import Excluded
from swimrl.reporting.section import Section
from swimrl.reporting.tables.bars import Bar
from swimrl.reporting.tables.formulas import Formulas
from swimrl.reporting.tables.table import Cell, Column, Estimate, Table
from swimrl.reporting.tables.table import markdown as table_markdown
from swimrl.reporting.undetermined import reasons
from swimrl.reporting.verdict import headline, named, sentences
from swimrl.runs.declaration import Primary

_MOST_ROWS = 24
"""A longer table is folded away under its title."""

_TEMPLATE = Path(__file__).with_name("report.html.jinja")


@dataclass(frozen=True)
class Part:
    """A section with what stands in it."""

    heading: str
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]


def parts(tables: Sequence[Table], figures: Sequence[Figure]) -> list[Part]:
    """Return the sections that hold something, each with its tables and figures."""
    every = [
        Part(
            section,
            tuple(table for table in tables if table.section == section),
            tuple(figure for figure in figures if figure.section == section),
        )
        for section in Section
    ]
    return [part for part in every if part.tables or part.figures]


def html(
    contents: Contents,
    tables: Sequence[Table],
    figures: Sequence[Figure],
    folder: Path,
    *,
    refresh_s: int | None = None,
) -> str:
    """Return the whole report as one page that needs no network.

    Args:
        contents: The data of the report.
        tables: Its tables.
        figures: Its figures, which are saved in ``folder / "figures"``.
        folder: The report's folder.
        refresh_s: After how many seconds a browser loads it again; never when not given.

    Raises:
        InputError: If jinja2 is not installed.
    """
    analysis = contents.analysis
    return rendered(
        title(contents),
        sentences(analysis),
        facts(contents),
        parts(tables, figures),
        folder,
        answer=headline(analysis),
        folded=folded(contents),
        is_interim=bool(analysis.interim),
        warnings=analysis.warnings,
        excluded=analysis.excluded,
        undetermined=reasons(contents),
        refresh_s=refresh_s,
    )


def rendered(
    heading: str,
    verdict: Sequence[str],
    lines: Sequence[str],
    sections: Sequence[Part],
    folder: Path,
    *,
    answer: str | None = None,
    folded: Collection[str] = (),
    is_interim: bool = False,
    warnings: Sequence[str] = (),
    excluded: Sequence[Excluded] | None = None,
    undetermined: Sequence[str] = (),
    refresh_s: int | None = None,
) -> str:
    """Return one page that needs no network.

    Args:
        heading: The title.
        verdict: What can be concluded, in paragraphs.
        lines: Facts below the verdict.
        sections: Tables and figures.
        folder: The page's folder; the figures are saved in ``folder / "figures"``.
        answer: The answer in one sentence, above the verdict.
        folded: The headings of the sections that are closed when the page opens.
        is_interim: Whether the first paragraph of the verdict says that the result is preliminary.
        warnings: Cautions.
        excluded: What was left out; the page has no such section when not given.
        undetermined: Why numbers are missing.
        refresh_s: After how many seconds a browser loads the page again; never when not given.

    Raises:
        InputError: If jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise InputError("the page needs jinja2; install it with: pip install 'swimrl[report]'") from error
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    return template.render(
        title=heading,
        answer=answer,
        folded=folded,
        interim=is_interim,
        verdict=verdict,
        facts=lines,
        warnings=warnings,
        parts=sections,
        cell=_cell,
        sortable=_sortable,
        most_rows=_MOST_ROWS,
        inline=lambda figure: _inline(figure, folder),
        excluded=excluded,
        undetermined=undetermined,
        refresh_s=refresh_s,
    )


def folded(contents: Contents) -> tuple[Section, ...]:
    """Return the sections that are closed when the page opens; few arms leave room for scores and tests."""
    is_small = len(contents.analysis.names) <= MOST_TOGETHER
    opened = (Section.GLANCE, *((Section.SCORES, Section.COMPARISONS) if is_small else ()))
    return tuple(section for section in Section if section not in opened)


def title(contents: Contents) -> str:
    """Return the title of a report: its arms and its tasks."""
    analysis = contents.analysis
    return f"{_joined(analysis.names)} on {_joined(analysis.tasks)}"


def _joined(names: Sequence[str]) -> str:
    most = 6
    shown = [*names[:most], *([f"{len(names) - most} more"] if len(names) > most else [])]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def facts(contents: Contents) -> list[str]:
    """Return lines on what was compared, what was declared, and whether nothing was tuned."""
    analysis = contents.analysis
    steps = ", ".join(f"{env} at step {until:,.0f}" for env, until in analysis.until.items())
    lines = [f"The score is {analysis.metric}, on {steps}. Seed of resampling: {analysis.seed}."]
    primary = analysis.primary
    if primary is None:
        lines.append("Nothing was declared before the first run.")
    else:
        environments = ", ".join(primary.environments) or "all tasks"
        lines.append(
            f"Declared before the first run: {primary.metric}, {named(primary.comparisons)} against "
            f"{primary.baseline} on {environments}, {primary.planned_seeds} seeds each, "
            f"{'paired' if primary.paired else 'unpaired'}, correction {primary.correction}{_looks(primary)} "
            f"(SHA-256 of the declaration: {analysis.primary_sha256})."
        )
    if contents.tunings and not any(one.origin for one in contents.tunings):
        settings = {one.text for one in contents.tunings}
        which = f"all have the {settings.pop()}" if len(settings) == 1 else "their settings differ"
        lines.append(f"No arm was tuned; {which}.")
    return lines


def _looks(primary: Primary) -> str:
    """Return the declared margin and looks, to stand at the end of an enumeration."""
    parts = [] if primary.margin is None else [f"margin {primary.margin}"]
    if primary.graph is not None:
        weights = " and ".join(f"{name} {share:g}" for name, share in primary.graph.weights.items())
        parts.append(f"weights {weights}")
    if primary.sequential is not None:
        looks = ", ".join(map(str, primary.sequential.looks))
        parts.append(f"looks at {looks} seeds, {primary.sequential.spending} spending")
        if primary.sequential.futility is not None:
            parts.append(f"futile below {primary.sequential.futility:g}")
    return "".join(f", {part}" for part in parts)


def _cell(column: Column, cell: Cell) -> str:
    """Return a cell as HTML."""
    return cell.to_html() if isinstance(cell, Bar | Formulas) else escape(column.shown(cell), quote=False)


def _sortable(cell: Cell) -> float | None:
    """Return the number by which a table is sorted at this cell; None where its text is sorted by."""
    if isinstance(cell, Bar | Estimate):
        return cell.value
    if isinstance(cell, tuple):
        return sum(cell) / 2
    return float(cell) if isinstance(cell, int | float) else None


def _svg_file(key: str, folder: Path) -> Path:
    return folder / "figures" / f"{key}.svg"


def _inline(figure: Figure, folder: Path) -> str:
    """Return a figure as elements of the page; one of two is shown, by the width of the screen."""
    if figure.narrow is None:
        return _inline_svg(figure.key, folder)
    wide, narrow = (_inline_svg(key, folder) for key in (figure.key, f"{figure.key}-narrow"))
    return f'<div class="on-wide">{wide}</div><div class="on-narrow">{narrow}</div>'


def _inline_svg(key: str, folder: Path) -> str:
    """Return a figure as an element in the page's colours; its ids begin with the figure's key."""
    text = _svg_file(key, folder).read_text(encoding="utf-8")
    text = text[text.index("<svg") :].replace(INK, "currentColor").replace(PAPER, "var(--paper)")
    for attribute in ('id="', 'href="#', "url(#"):
        text = text.replace(attribute, f"{attribute}{key}-")
    # On a narrow screen a wide figure is scrolled, not shrunk until nobody can read it. Screen readers get
    # the caption.
    width_pt = float(text.split('width="', 1)[1].split("pt", 1)[0])
    return text.replace("<svg", f'<svg aria-hidden="true" style="min-width: {0.9 * width_pt:.0f}px"', 1)


def markdown(contents: Contents, tables: Sequence[Table], figures: Sequence[Figure]) -> str:
    """Return the report as Markdown, with links to the figures beside it."""
    analysis = contents.analysis
    lines = [f"# {title(contents)}", "", f"**{headline(analysis)}**", ""]
    for line in [*sentences(analysis), *facts(contents), *(f"Caution: {w}." for w in analysis.warnings)]:
        lines += [line, ""]
    for part in parts(tables, figures):
        lines += [f"## {part.heading}", ""]
        for figure in part.figures:
            link = _svg_file(figure.key, Path()).as_posix()
            lines += [f"![{figure.key}]({link})", "", figure.caption, ""]
        for table in part.tables:
            if table.title != part.heading:
                lines += [f"**{table.title}**", ""]
            lines += [table_markdown(table), "", *([table.note, ""] if table.note else [])]
    left_out = [f"- {one.source}: {one.why}" for one in analysis.excluded] or ["- nothing"]
    lines += ["## Left out", "", *left_out, ""]
    if why := reasons(contents):
        lines += ["## Undetermined", "", *(f"- {line}" for line in why), ""]
    return "\n".join(lines)


def latex(table: Table) -> str:
    """Return a table for LaTeX with the booktabs package; formulas are set in mathematical mode."""
    lines = [
        f"% {table.title}. {table.note}",
        rf"\begin{{tabular}}{{{''.join('l' if column.is_left else 'r' for column in table.columns)}}}",
        r"\toprule",
        " & ".join(_escape(column.title) for column in table.columns) + r" \\",
        r"\midrule",
        *(
            " & ".join(_latex_cell(column, cell) for column, cell in zip(table.columns, row, strict=True))
            + r" \\"
            for row in table.rows
        ),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def formulas_latex(runs: Table) -> str | None:
    """Return the formula of each arm for LaTeX, from the table of runs; None if none is recorded."""
    table = runs.only("arm", "formula")
    rows = tuple(dict.fromkeys(row for row in table.rows if isinstance(row[1], Formulas)))
    if not rows:
        return None
    return latex(replace(table, title="Formulas of the activations", rows=rows))


def _latex_cell(column: Column, cell: Cell) -> str:
    if isinstance(cell, Formulas):
        return "; ".join(one.to_latex() or _escape(one.text) for one in cell.of)
    return _escape(column.shown(cell))


_SPECIAL = {
    **{character: "\\" + character for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
}


def _escape(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in text)
