"""Compare the runs of a study: returns with intervals, tests, figures, one page.

Reads run directories, Stable-Baselines3's evaluations.npz, rl-zoo's logs, and CSV files with the columns env,
activation, seed, step, mean_return_10_episodes.

examples:
  swimrl report runs/hopper
  swimrl report runs/hopper --baseline swish --metric final100 --out report
  swimrl report runs/lr --by act,td3.lr
  swimrl report curves.csv --format html,json
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from swimrl.errors import InputError

if TYPE_CHECKING:
    from swimrl.report.analysis import Analysis, Primary


@dataclass(frozen=True)
class Selection:
    """Which runs are compared, and how."""

    path: tyro.conf.Positional[tuple[Path, ...]] = field(kw_only=True)
    """Studies, run directories, evaluations.npz or CSV files."""

    metric: str | None = None
    """Score of a run: last10 (mean of its last 10 evaluations), final100, auc, per_seed_max. Default: what
    the study declared, else last10."""

    baseline: Annotated[str | None, tyro.conf.arg(metavar="ARM")] = None
    """What the others are compared with. Default: what the study declared, else relu, else the first."""

    by: str = "act"
    """Keys of the configuration that tell the arms apart, with commas, such as act,td3.lr."""

    steps: Annotated[float | None, tyro.conf.arg(metavar="STEPS")] = None
    """Compare at this environment step. Default: the last one that all finished runs of a task reached."""

    seed: int = 0
    """Seed of resampling; the same seed gives the same numbers."""


@dataclass(frozen=True)
class Args(Selection):
    """What to report, and where to."""

    out: Path = Path("report")
    """Folder for the report; files of an earlier one are replaced."""

    format: str = "html,md,tex,csv,json"
    """Which files, with commas: html, md, tex, csv, json."""


def run(args: Args) -> None:
    """Analyse, write the report and print the verdict."""
    from swimrl.report import page

    analysis = analyse(args)
    files = page.write(analysis, args.out, [name.strip() for name in args.format.split(",")])
    print_verdict(analysis)
    print()
    for path in files:
        print(path)


def analyse(selection: Selection) -> Analysis:
    """Read and compare what was selected."""
    from swimrl.envs.random_policy import random_returns
    from swimrl.report import analysis, read

    if not selection.path:
        raise InputError("nothing to report; name a study's folder, run directories or a CSV file")
    collection = read.collect(selection.path, [key.strip() for key in selection.by.split(",")])
    return analysis.analyse(
        collection,
        metric=selection.metric,
        baseline=selection.baseline,
        until=selection.steps,
        primary=_primary(selection.path),
        random_returns=random_returns(),
        seed=selection.seed,
    )


def _primary(paths: tuple[Path, ...]) -> Primary | None:
    """Return what the study declared beforehand, if exactly one study.json says so."""
    from swimrl.report.analysis import Primary

    for path in paths:
        file = path / "study.json"
        if file.is_file():
            declared = json.loads(file.read_text(encoding="utf-8")).get("primary")
            if declared:
                lists: dict[str, Any] = {
                    key: tuple(v) if isinstance(v, list) else v
                    for key, v in declared.items()
                    if v is not None
                }
                return Primary(**lists)
    return None


def print_verdict(analysis: Analysis) -> None:
    """Print scores, comparisons and the verdict, 80 columns wide."""
    from rich.console import Console
    from rich.table import Table

    from swimrl.report import page
    from swimrl.report.verdict import sentences

    console = Console(width=80, highlight=False, markup=False)
    for content, columns in (
        (page.score_table(analysis), (0, 1, 2, 3, 4, 5)),
        (page.comparison_table(analysis), (0, 1, 2, 3, 5)),
    ):
        if not content.rows:
            continue
        table = Table(
            box=None, padding=(0, 1, 0, 0), header_style="bold", title=content.title, title_justify="left"
        )
        for position in columns:
            table.add_column(content.columns[position], justify="left" if position < 2 else "right")
        for row in content.rows:
            table.add_row(*(row[position] for position in columns))
        console.print(table)
        console.print()
    for line in sentences(analysis):
        console.print(line)
    for warning in analysis.warnings:
        console.print(f"caution: {warning}")
    for excluded in analysis.excluded:
        console.print(f"left out: {excluded.source}: {excluded.why}", soft_wrap=True)
