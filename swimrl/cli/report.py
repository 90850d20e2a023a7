"""Compare the runs of a study: returns with intervals, tests, figures, one page.

Reads run directories, evaluations.npz and CSV files; see docs/reporting.md.

examples:
  swimrl report runs/hopper
  swimrl report runs/hopper --baseline swish --metric final100 --out report
  swimrl report runs/lr --by act,td3.lr
  swimrl report runs/hopper --cost activations.json --reference published.csv
  swimrl report curves.csv --format html,json
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from swimrl.errors import InputError

if TYPE_CHECKING:
    from swimrl.reporting.findings import Analysis

_WATCH_S = 30


@dataclass(frozen=True)
class Selection:
    """Which runs are compared, and how."""

    path: tyro.conf.Positional[tuple[Path, ...]] = field(kw_only=True)
    """Studies, run directories, evaluations.npz or CSV files."""

    metric: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """Score of a run: last10 (mean of its last 10 evaluations), final100, auc, per_seed_max. Default: what
    the study declared, else last10."""

    baseline: Annotated[str | None, tyro.conf.arg(metavar="ARM")] = None
    """What the others are compared with. Default: what the study declared, else relu, else swish, else the
    first."""

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
    """Which files, with commas: html, md, tex, csv, json. Figures come with html and md."""

    cost: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Record of `swimrl bench activations --json FILE`, for reward against cost."""

    reference: Annotated[Path | None, tyro.conf.arg(metavar="FILE.csv")] = None
    """Published curves, drawn for orientation and mixed into no number."""

    watch: bool = False
    """Write the report anew every half minute until no run is left unfinished."""


def run(args: Args) -> None:
    """Analyse, write the report and print the verdict."""
    from swimrl.reporting.contents import gather
    from swimrl.reporting.write import check_formats, write

    formats = [name.strip() for name in args.format.split(",")]
    check_formats(formats)
    while True:
        analysis = analyse(args)
        contents = gather(analysis, cost=args.cost, reference=args.reference, defaults=_defaults())
        goes_on = args.watch and analysis.interim is not None
        files = write(contents, args.out, formats, refresh_s=_WATCH_S if goes_on else None)
        if not goes_on:
            break
        print(f"{time.strftime('%H:%M:%S')}  {analysis.interim}; {files[0]} is up to date", flush=True)
        time.sleep(_WATCH_S)
    print_verdict(analysis)
    print()
    for path in files:
        print(path)


def analyse(selection: Selection) -> Analysis:
    """Read and compare what was selected."""
    from swimrl.envs.random_policy import random_returns
    from swimrl.reporting import analysis, read

    if not selection.path:
        raise InputError("nothing to report; name a study's folder, run directories or a CSV file")
    by = tuple(key.strip() for key in selection.by.split(","))
    return analysis.analyse(
        read.collect(selection.path, by),
        metric=selection.metric,
        baseline=selection.baseline,
        by=by,
        until=selection.steps,
        random_returns=random_returns(),
        seed=selection.seed,
    )


def _defaults() -> dict[str, Any]:
    """Return each key of a run's configuration with its default."""
    from swimrl.fields import flatten, to_mapping
    from swimrl.training.config import TrainConfig

    return flatten(to_mapping(TrainConfig()))


def print_verdict(analysis: Analysis) -> None:
    """Print scores, comparisons and the verdict, 80 columns wide."""
    from rich.console import Console
    from rich.table import Table

    from swimrl.reporting.contents import Contents
    from swimrl.reporting.tables import comparison_table, score_table
    from swimrl.reporting.verdict import sentences

    console = Console(width=80, highlight=False, markup=False)
    contents = Contents(analysis)
    for content, columns in (
        (score_table(contents), (0, 1, 2, 3, 4, 5, 9)),
        (comparison_table(contents), (0, 1, 2, 3, 5, 8)),
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
