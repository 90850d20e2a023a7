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
    from swimrl.cli import (
        bench_activations_tables,
        bench_paper_tables,
        bench_policy_tables,
        bench_train_tables,
    )
    from swimrl.timing import record as timing_record
    from swimrl.timing.comparison import merge

    printers = {
        "activations": bench_activations_tables.print_record,
        "paper": bench_paper_tables.print_record,
        "policy": bench_policy_tables.print_record,
        "train": bench_train_tables.print_record,
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
        from swimrl.timing import activation_csv, activation_figure
        from swimrl.timing.activation_results import Costs

        costs = Costs(record, args.clock)
        if args.figure:
            activation_figure.check(args.figure)
            activation_figure.draw(costs, args.figure)
        if args.csv:
            activation_csv.write(costs, args.csv)
    printers[record.kind](record, args.clock)
