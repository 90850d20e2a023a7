"""Print the tables of a record; several records are merged first.

Only records of the same measurement on the same machine can be merged.

examples:
  swimrl bench show FILE
  swimrl bench show monday.json tuesday.json --json both.json
  swimrl bench show FILE --figure costs.svg --csv costs.csv
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from swimrl.errors import InputError


@dataclass(frozen=True)
class Args:
    """What to show."""

    files: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="FILE [FILE ...]")] = (
        field(kw_only=True)
    )
    """Records that `swimrl bench ... --json` wrote."""

    clock: Literal["wall", "cpu"] = "wall"
    """What counts: seconds that pass, or seconds for which the processor works, which are steadier on a
    busy machine."""

    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the merged record to this new file."""

    csv: Annotated[Path | None, tyro.conf.arg(metavar="FILE.csv")] = None
    """Write every cost of a record of activations to this new file, one a line."""

    figure: Annotated[Path | None, tyro.conf.arg(metavar="FILE.svg")] = None
    """Draw a record of activations into this new .png or .svg file."""


def run(args: Args) -> None:
    """Print."""
    from swimrl.bench.action import tables as action_tables
    from swimrl.bench.activations import tables as activation_tables
    from swimrl.bench.paper import tables as paper_tables
    from swimrl.bench.training import tables as training_tables
    from swimrl.timing import record as timing_record
    from swimrl.timing.comparison import merge

    printers = {
        "activations": activation_tables.print_record,
        "paper": paper_tables.print_record,
        "policy": action_tables.print_record,
        "train": training_tables.print_record,
    }
    record = merge([timing_record.read(path) for path in args.files])
    if record.kind not in printers:
        raise InputError(f"{args.files[0]} is of kind {record.kind!r}; expected one of {', '.join(printers)}")
    if (args.csv or args.figure) and record.kind != "activations":
        raise InputError(
            f"--csv and --figure are for records of activations, and this is one of {record.kind!r}"
        )
    for path in (args.json, args.csv, args.figure):
        if path is not None:
            timing_record.check_free(path)
    if args.json:
        timing_record.write(record, args.json)
    if args.csv or args.figure:
        from swimrl.bench.activations import csv as activation_csv
        from swimrl.bench.activations import figure as activation_figure
        from swimrl.bench.activations.results import Costs

        costs = Costs(record, args.clock)
        if args.figure:
            activation_figure.check(args.figure)
            activation_figure.draw(costs, args.figure)
        if args.csv:
            activation_csv.write(costs, args.csv)
    printers[record.kind](record, args.clock)
