"""Measure what an activation costs: value, gradients, memory; against relu.

All take turns in one process on one core, in short random rounds.

examples:
  swimrl bench activations swim swish relu ulu mish --quick --json FILE
  swimrl bench activations swim "expr: x*sigmoid(b*x); b=1" --shape 256x400
  swimrl bench activations swim swish --impl native fused --dtype float32
  swimrl bench activations --impl fused --dtype float32 --figure costs.png
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from swimrl.bench.activations.benchmark import ActivationBenchmarkConfig
from swimrl.fields import copy_fields


@dataclass(frozen=True)
class Args(ActivationBenchmarkConfig):
    """What to measure."""

    clock: Literal["wall", "cpu"] = "wall"
    """What counts: seconds that pass, or seconds for which the processor works, which are steadier on a
    busy machine. The record holds both."""

    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the record with all raw readings to this new file."""

    csv: Annotated[Path | None, tyro.conf.arg(metavar="FILE.csv")] = None
    """Write every cost, one a line, to this new file."""

    figure: Annotated[Path | None, tyro.conf.arg(metavar="FILE.svg")] = None
    """Draw bars with intervals into this new .png or .svg file."""


def run(args: Args) -> None:
    """Measure, write what is wanted and print the tables."""
    from swimrl.bench.activations import benchmark as activation_benchmark
    from swimrl.bench.activations import csv as activation_csv
    from swimrl.bench.activations import figure as activation_figure
    from swimrl.bench.activations.results import Costs
    from swimrl.bench.activations.tables import print_record
    from swimrl.bench.bar import Bar, announce
    from swimrl.timing import record as timing_record

    config = copy_fields(args, ActivationBenchmarkConfig)
    files = {"raw readings": args.json, "costs": args.csv, "figure": args.figure}
    for path in files.values():
        if path is not None:
            timing_record.check_free(path)
    if args.figure is not None:
        activation_figure.check(args.figure)
    whole = config.resolved()
    announce(f"{len(list(whole.arms()))} arms", whole.estimate_s(), "--quick, or fewer of --impl, --dtype")
    with Bar() as bar:
        record = activation_benchmark.run(config, bar)
    if args.json is not None:
        timing_record.write(record, args.json)
    costs = Costs(record, args.clock)
    if args.csv is not None:
        activation_csv.write(costs, args.csv)
    if args.figure is not None:
        activation_figure.draw(costs, args.figure)
    print_record(record, args.clock)
    for what, path in files.items():
        if path is not None:
            print(f"{what}: {path}")
