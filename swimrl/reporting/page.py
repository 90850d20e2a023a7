"""A report as one self-contained HTML page, and as Markdown and LaTeX, from the same sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from swimrl.colours import INK
from swimrl.errors import InputError
from swimrl.reporting.contents import Contents
from swimrl.reporting.figures.draw import Figure
from swimrl.reporting.tables import Table, tables
from swimrl.reporting.undetermined import reasons
from swimrl.reporting.verdict import sentences

_TEMPLATE = Path(__file__).with_name("report.html.jinja")

_SECTIONS = (
    # heading, beginnings of the titles of its tables, of the names of its figures
    ("Scores", ("Scores",), ("learning-curves", "intervals")),
    ("Comparisons", ("Against", "What these seeds"), ("probability-of-improvement", "performance-profile")),
    ("On one scale", ("Normalised", "Other 95%"), ("sample-efficiency",)),
    ("Sensitivity", ("Sensitivity",), ("sensitivity",)),
    ("Reward against cost", ("Cost",), ("reward-against-cost",)),
    ("Inside the networks", (), ("learned-parameters", "diagnostics")),
    ("What was run", ("What was run",), ()),
    ("For orientation", ("Published",), ()),
)


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    heading: str
    tables: tuple[Table, ...]
    figures: tuple[Figure, ...]


def sections(contents: Contents, figures: Sequence[Figure]) -> list[Section]:
    """Return the parts that hold something."""
    found = tables(contents)
    parts = [
        Section(
            heading,
            tuple(table for table in found if table.title.startswith(titles)) if titles else (),
            tuple(figure for figure in figures if figure.name.startswith(names)) if names else (),
        )
        for heading, titles, names in _SECTIONS
    ]
    return [part for part in parts if part.tables or part.figures]


def html(contents: Contents, figures: Sequence[Figure], *, refresh_s: int | None = None) -> str:
    """Return the whole report as one page that needs no network.

    Args:
        contents: What it shows.
        figures: Drawn already.
        refresh_s: After how many seconds a browser loads it again; never when not given.

    Raises:
        InputError: If jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError as error:
        raise InputError("the page needs jinja2; install it with: pip install 'swimrl[report]'") from error
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    analysis = contents.analysis
    return template.render(
        title=title(contents),
        interim=analysis.interim,
        verdict=sentences(analysis),
        facts=facts(contents),
        warnings=analysis.warnings,
        sections=sections(contents, figures),
        inline=_inline_svg,
        excluded=analysis.excluded,
        undetermined=reasons(contents),
        refresh_s=refresh_s,
    )


def title(contents: Contents) -> str:
    """Return what a report is about."""
    analysis = contents.analysis
    return f"{_joined(analysis.names)} on {_joined(analysis.tasks)}"


def _joined(names: Sequence[str]) -> str:
    most = 6
    shown = [*names[:most], *([f"{len(names) - most} more"] if len(names) > most else [])]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def facts(contents: Contents) -> list[str]:
    """Return what was compared and what was declared, one line each."""
    analysis = contents.analysis
    steps = ", ".join(f"{env} at step {until:,.0f}" for env, until in analysis.until.items())
    lines = [f"Compared by {analysis.metric}: {steps}. Resampling seed {analysis.seed}."]
    primary = analysis.primary
    if primary is None:
        lines.append("Declared before the first run: nothing.")
    else:
        environments = ", ".join(primary.environments) or "all tasks"
        lines.append(
            f"Declared before the first run: {primary.metric}, {', '.join(primary.comparisons)} against "
            f"{primary.baseline} on {environments}, {primary.planned_seeds} seeds each, "
            f"{'paired' if primary.paired else 'unpaired'}, correction {primary.correction} "
            f"(SHA-256 of the declaration: {analysis.primary_sha256})."
        )
    return lines


def _inline_svg(figure: Figure) -> str:
    """Return an SVG file as an element in the page's colours; its ids get the file's name."""
    text = figure.svg.read_text(encoding="utf-8")
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    for attribute in ('id="', 'href="#', "url(#"):
        text = text.replace(attribute, f"{attribute}{figure.name}-")
    # On a narrow screen a wide figure is scrolled, not shrunk until nobody can read it. Screen readers get
    # the caption.
    width_pt = float(text.split('width="', 1)[1].split("pt", 1)[0])
    return text.replace("<svg", f'<svg aria-hidden="true" style="min-width: {0.9 * width_pt:.0f}px"', 1)


def markdown(contents: Contents, figures: Sequence[Figure], folder: Path) -> str:
    """Return the report as Markdown, its figures linked."""
    analysis = contents.analysis
    lines = [f"# {title(contents)}", ""]
    for line in [*sentences(analysis), *facts(contents), *(f"Caution: {w}." for w in analysis.warnings)]:
        lines += [line, ""]
    for section in sections(contents, figures):
        lines += [f"## {section.heading}", ""]
        for table in section.tables:
            if table.title != section.heading:
                lines += [f"**{table.title}**", ""]
            rows = [table.columns, ["---"] * len(table.columns), *table.rows]
            lines += [*map(_markdown_row, rows), "", *([table.note, ""] if table.note else [])]
        for figure in section.figures:
            lines += [
                f"![{figure.name}]({figure.svg.relative_to(folder).as_posix()})",
                "",
                figure.caption,
                "",
            ]
    left_out = [f"- {one.source}: {one.why}" for one in analysis.excluded] or ["- nothing"]
    lines += ["## Left out", "", *left_out, ""]
    if why := reasons(contents):
        lines += ["## Undetermined", "", *(f"- {line}" for line in why), ""]
    return "\n".join(lines)


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def latex(table: Table) -> str:
    """Return a table for LaTeX with the booktabs package."""
    lines = [
        f"% {table.title}. {table.note}",
        rf"\begin{{tabular}}{{ll{'r' * (len(table.columns) - 2)}}}",
        r"\toprule",
        " & ".join(map(_escape, table.columns)) + r" \\",
        r"\midrule",
        *(" & ".join(map(_escape, row)) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


_SPECIAL = {
    **{character: "\\" + character for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
}


def _escape(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in text)
