"""Compare the runs of a study: returns with intervals, tests, figures, one page.

Reads run directories, evaluations.npz and CSV files; see docs/reporting.md.

examples:
  swimrl report runs/hopper
  swimrl report runs/hopper --baseline swish --metric final100 --out report
  swimrl report runs/lr --by act,td3.lr
  swimrl report runs/hopper --cost activations.json --reference published.csv
  swimrl report runs/hopper --videos
  swimrl report curves.csv --format html,json
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from swimrl.cli.progress import counted

if TYPE_CHECKING:
    import rich.table

    from swimrl.reporting import Report, Table

_WATCH_S = 30

_PRINTED = {
    "scores": ("task", "arm", "winner", "n", "mean", "mean_interval", "sd", "diverged"),
    "comparisons": ("task", "arm", "difference", "difference_interval", "p_better", "verdict"),
}
"""The tables that a terminal shows, with the columns for which 80 characters suffice."""


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

    videos: bool = False
    """Draw how the best, the median and the worst seed of each arm move, frame by frame."""

    watch: bool = False
    """Write the report anew every half minute until no run is left unfinished."""


def run(args: Args) -> None:
    """Compare the runs, write the report and print the verdict."""
    from swimrl.reporting.write import check_formats

    formats = [name.strip() for name in args.format.split(",")]
    check_formats(formats)
    while True:
        report = compared(args, args.cost, args.reference, videos=args.videos)
        goes_on = args.watch and not report.is_final
        files = report.write(args.out, formats, refresh_s=_WATCH_S if goes_on else None)
        if not goes_on:
            break
        now = time.strftime("%H:%M:%S")
        print(f"{now}  {report.analysis.interim}; {files[0]} is up to date", flush=True)
        time.sleep(_WATCH_S)
    print_verdict(report)
    print()
    for path in files:
        print(path)


def compared(
    selection: Selection,
    cost: Path | None = None,
    reference: Path | None = None,
    *,
    videos: bool = False,
) -> Report:
    """Return the report on what was selected."""
    from swimrl.reporting import report

    bar = counted("drawing policies", is_shown_at_once=False) if videos else contextlib.nullcontext()
    with bar as progress:
        return report(
            selection.path,
            metric=selection.metric,
            baseline=selection.baseline,
            by=selection.by,
            steps=selection.steps,
            seed=selection.seed,
            cost=cost,
            reference=reference,
            videos=videos,
            progress=progress,
        )


def print_verdict(report: Report) -> None:
    """Print scores, comparisons and the verdict, 80 columns wide."""
    from rich.console import Console

    console = Console(width=80, highlight=False, markup=False)
    for key, columns in _PRINTED.items():
        if key in report.tables:
            console.print(_printed(report.tables[key].only(*columns)))
            console.print()
    console.print(report.verdict)
    for warning in report.analysis.warnings:
        console.print(f"caution: {warning}")
    for excluded in report.analysis.excluded:
        console.print(f"left out: {excluded.source}: {excluded.why}", soft_wrap=True)


def _printed(table: Table) -> rich.table.Table:
    from rich.table import Table as Printed

    printed = Printed(
        box=None, padding=(0, 1, 0, 0), header_style="bold", title=table.title, title_justify="left"
    )
    for column in table.columns:
        printed.add_column(column.title, justify="left" if column.is_left else "right")
    for row in table.texts():
        printed.add_row(*row)
    return printed
