"""Write an analysis down: one self-contained HTML page, Markdown, LaTeX, CSV and JSON, all from one table."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swimrl.errors import InputError, StorageError
from swimrl.report.analysis import Analysis, Arm, Comparison, Undetermined
from swimrl.report.figures import METRIC_TITLES, draw, shown
from swimrl.report.verdict import better, sentences, short
from swimrl.stats.interval import Interval

FORMATS = ("html", "md", "tex", "csv", "json")
SCHEMA_VERSION = 1

_TEMPLATE = Path(__file__).with_name("report.html.jinja")
_CAPTIONS = {
    "learning-curves": "Learning curves: the mean over seeds with Student's 95 % interval at each step by "
    "itself, and each seed's own line.",
    "intervals": "Scores of the runs (dots), their mean and its 95 % interval (Student's t).",
    "probability-of-improvement": "Probability that a run of one arm scores above a run of another, ties "
    "counted half, averaged over tasks.",
    "performance-profile": "Share of runs that score above each level.",
}


@dataclass(frozen=True)
class Table:
    """A table of texts."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def write(analysis: Analysis, folder: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write the report's files into ``folder``, and figures into ``folder/figures``.

    Returns:
        The files, without the figures.

    Raises:
        InputError: If a format does not exist or a library for it is missing.
        StorageError: If a file cannot be written.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise InputError(f"--format {unknown[0]!r} is unknown; expected some of {', '.join(FORMATS)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        figures = draw(analysis, folder / "figures") if {"html", "md"} & {*formats} else {}
        texts: dict[str, tuple[str, Callable[[], str]]] = {
            "html": ("report.html", lambda: html(analysis, figures)),
            "md": ("report.md", lambda: markdown(analysis, figures, folder)),
            "tex": ("table.tex", lambda: latex(score_table(analysis))),
            "csv": ("summary.csv", lambda: scores_csv(analysis)),
            "json": ("summary.json", lambda: json.dumps(summary(analysis), indent=2) + "\n"),
        }
        written = []
        for name in formats:
            file, text = texts[name]
            path = folder / file
            path.write_text(text(), encoding="utf-8")
            written.append(path)
    except OSError as error:
        raise StorageError(
            f"cannot write {folder}: {error.strerror or error}; name another folder with --out"
        ) from error
    return written


def score_table(analysis: Analysis) -> Table:
    """Return the table of scores; a winner is marked with * only where the corrected test says so."""
    winners = set()
    if not analysis.interim:
        winners = {(c.env, better(c)) for c in analysis.comparisons if c.established and c.env}
    rows = []
    for env in analysis.tasks:
        for name in analysis.names:
            arm = analysis.arm(env, name)
            if arm is None:
                continue
            rows.append(
                (
                    env,
                    name + (" *" if (env, name) in winners else ""),
                    str(len(arm.scores)),
                    f"{arm.scores.mean():,.1f}",
                    interval_text(arm.mean),
                    shown(arm.spread),
                    f"{arm.iqm:,.1f}",
                    shown(arm.max_of_mean),
                    f"{arm.failed / len(arm.scores):.0%}",
                )
            )
    columns = ("task", "arm", "n", "mean", "95% interval", "sd", "IQM", "max of mean", "diverged")
    return Table(f"{METRIC_TITLES[analysis.metric]} ({analysis.metric})", columns, tuple(rows))


def comparison_table(analysis: Analysis) -> Table:
    """Return the table of comparisons with the baseline."""
    rows = [
        (
            comparison.env or "all tasks",
            comparison.arm,
            _estimate(comparison.difference),
            interval_text(comparison.difference),
            interval_text(comparison.by_permutation),
            shown(comparison.probability_of_improvement, 2),
            short(comparison, analysis),
        )
        for comparison in analysis.comparisons
    ]
    columns = ("task", "arm", "difference", "Welch", "permutation", "P(better)", "verdict")
    return Table(f"Against {analysis.baseline}", columns, tuple(rows))


def seeds_table(analysis: Analysis) -> Table:
    """Return what the seeds at hand can show, and how many would be needed."""
    rows = []
    for comparison in analysis.comparisons:
        if comparison.env is None:
            continue
        needed = [
            found.why if isinstance(found, Undetermined) else f"{found.needed} [{found.low}, {found.high}]"
            for found in comparison.seeds.values()
        ]
        detectable = comparison.detectable
        rows.append(
            (
                comparison.env,
                comparison.arm,
                f"{detectable:.0%}" if isinstance(detectable, float) else "undetermined",
                *needed,
            )
        )
    effects = next((c.seeds for c in analysis.comparisons if c.seeds), {})
    columns = ("task", "arm", "least effect found", *(f"seeds for {effect:.0%}" for effect in effects))
    return Table(
        f"Power 0.8 at level 0.05, effects as shares of {analysis.baseline}'s score", columns, tuple(rows)
    )


def run_table(analysis: Analysis) -> Table:
    """Return what was run: task, arm, seeds, and where there is a record, formula and versions."""
    rows = []
    for arm in analysis.arms:
        records = [run.record for run in arm.runs if run.record is not None]
        formula = versions = "not recorded"
        if records:
            layers = records[0].activations.get("actor", [])
            formulas = dict.fromkeys(str(layer.get("formula") or layer.get("name")) for layer in layers)
            formula = "; ".join(formulas) or formula
            named = ("swimrl", "torch", "mujoco", "gymnasium")
            versions = ", ".join(f"{name} {records[0].versions.get(name)}" for name in named)
        rows.append((arm.env, arm.name, _ranges([run.seed for run in arm.runs]), formula, versions))
    return Table("What was run", ("task", "arm", "seeds", "formula", "versions"), tuple(rows))


def _ranges(seeds: Sequence[int]) -> str:
    """Return seeds as text: 0-3, 7."""
    parts: list[list[int]] = []
    for seed in sorted(seeds):
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    return ", ".join(str(p[0]) if len(p) == 1 else f"{p[0]}-{p[-1]}" for p in parts)


def markdown(analysis: Analysis, figures: Mapping[str, Path], folder: Path) -> str:
    """Return the report as Markdown, its figures linked."""
    lines = ["# Report", "", *_as_paragraphs(sentences(analysis)), *_as_paragraphs(_cautions(analysis))]
    for table in _tables(analysis):
        lines += [
            f"## {table.title}",
            "",
            _markdown_row(table.columns),
            _markdown_row(["---"] * len(table.columns)),
        ]
        lines += [*map(_markdown_row, table.rows), ""]
    for name, path in figures.items():
        lines += [f"![{name}]({path.relative_to(folder).as_posix()})", "", _CAPTIONS[name], ""]
    if analysis.excluded:
        lines += ["## Left out", "", *(f"- {e.source}: {e.why}" for e in analysis.excluded), ""]
    return "\n".join(lines)


def _tables(analysis: Analysis) -> list[Table]:
    tables = (score_table, comparison_table, seeds_table, run_table)
    return [table for make in tables if (table := make(analysis)).rows]


def _cautions(analysis: Analysis) -> list[str]:
    steps = {f"{until:,.0f}" for until in analysis.until.values()}
    compared = "Runs are compared at step " + ", ".join(sorted(steps)) + "."
    star = "* marks what a corrected test established." if not analysis.interim else ""
    return [" ".join(filter(None, [compared, star])), *(f"Caution: {line}." for line in analysis.warnings)]


def _as_paragraphs(lines: Sequence[str]) -> list[str]:
    return [text for line in lines for text in (line, "")]


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def latex(table: Table) -> str:
    """Return a table for LaTeX with the booktabs package."""
    lines = [
        f"% {table.title}",
        rf"\begin{{tabular}}{{ll{'r' * (len(table.columns) - 2)}}}",
        r"\toprule",
        " & ".join(map(_escape, table.columns)) + r" \\",
        r"\midrule",
        *(" & ".join(map(_escape, row)) + r" \\" for row in table.rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    for character in "&%$#_":
        text = text.replace(character, "\\" + character)
    return text


def scores_csv(analysis: Analysis) -> str:
    """Return the score of each run, one line each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["env", "arm", "seed", "metric", "until", "score", "status"])
    for arm in analysis.arms:
        for run, score in zip(arm.runs, arm.scores, strict=True):
            until = f"{analysis.until[arm.env]:.0f}"
            writer.writerow(
                [arm.env, arm.name, run.seed, analysis.metric, until, repr(float(score)), run.status]
            )
    return text.getvalue()


def summary(analysis: Analysis) -> dict[str, Any]:
    """Return everything that the report says as JSON can hold it; what is undetermined holds ``why``."""
    return {
        "schema_version": SCHEMA_VERSION,
        "metric": analysis.metric,
        "metric_declared": analysis.metric_declared,
        "until": dict(analysis.until),
        "baseline": analysis.baseline,
        "correction": analysis.correction,
        "resampling_seed": analysis.seed,
        "interim": analysis.interim,
        "verdict": sentences(analysis),
        "arms": [_arm_summary(arm) for arm in analysis.arms],
        "comparisons": [_comparison_summary(comparison) for comparison in analysis.comparisons],
        "excluded": [dataclasses.asdict(excluded) for excluded in analysis.excluded],
        "warnings": list(analysis.warnings),
    }


def _arm_summary(arm: Arm) -> dict[str, Any]:
    return {
        "env": arm.env,
        "arm": arm.name,
        "n": len(arm.scores),
        "seeds": [run.seed for run in arm.runs],
        "scores": arm.scores.tolist(),
        "mean": float(arm.scores.mean()),
        "mean_interval": _plain(arm.mean),
        "sd": _plain(arm.spread),
        "iqm": arm.iqm,
        "max_of_mean": _plain(arm.max_of_mean),
        "failed": arm.failed,
    }


def _comparison_summary(comparison: Comparison) -> dict[str, Any]:
    return {
        "env": comparison.env,
        "arm": comparison.arm,
        "baseline": comparison.baseline,
        "difference": _plain(comparison.difference),
        "difference_by_permutation": _plain(comparison.by_permutation),
        "probability_of_improvement": _plain(comparison.probability_of_improvement),
        "test": _plain(comparison.test),
        "adjusted_p_value": comparison.adjusted,
        "primary": comparison.primary,
        "established": comparison.established,
        "minimum_detectable_effect": _plain(comparison.detectable),
        "seeds_needed": {f"{effect:g}": _plain(found) for effect, found in comparison.seeds.items()},
    }


def _plain(value: Any) -> Any:
    """Return a number, or the fields of an interval, a test or why there is none."""
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) else value  # type: ignore[arg-type]


def html(analysis: Analysis, figures: Mapping[str, Path]) -> str:
    """Return the whole report as one page that needs no network.

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
        title=f"{', '.join(analysis.names)} on {', '.join(analysis.tasks)}",
        interim=analysis.interim,
        verdict=sentences(analysis),
        cautions=_cautions(analysis),
        tables=_tables(analysis),
        figures=[
            (name, _CAPTIONS[name], _inline_svg(path))
            for name, path in figures.items()
            if path.suffix == ".svg"
        ],
        excluded=analysis.excluded,
    )


def _inline_svg(path: Path) -> str:
    """Return an SVG file as an element; its ids get the file's name, for a page has several."""
    text = path.read_text(encoding="utf-8")
    text = text[text.index("<svg") :]
    for attribute in ('id="', 'href="#', "url(#"):
        text = text.replace(attribute, f"{attribute}{path.stem}-")
    return text


def interval_text(found: Interval | Undetermined) -> str:
    """Return an interval as text."""
    return "undetermined" if isinstance(found, Undetermined) else f"[{found.low:,.1f}, {found.high:,.1f}]"


def _estimate(found: Interval | Undetermined) -> str:
    return "undetermined" if isinstance(found, Undetermined) else f"{found.estimate:+,.1f}"
