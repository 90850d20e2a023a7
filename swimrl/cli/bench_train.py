"""Measure how fast training is, side by side with others.

Each contender runs in its own process on one core, in short random rounds.

examples:
  swimrl bench train --act swim relu ulu --against sb3 --json FILE
  swimrl bench train --act swim --engine fused fused@2 bf16 --against sb3 sb3@2
  swimrl bench train --against sbx --peer-python sbx=/opt/sbx/bin/python
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from swimrl.bench.training.benchmark import BenchmarkConfig
from swimrl.fields import copy_fields


@dataclass(frozen=True)
class Args(BenchmarkConfig):
    """What to measure."""

    clock: Literal["wall", "cpu"] = "wall"
    """What the tables count: seconds that pass, or seconds for which the processor works, which are
    steadier on a busy machine and say nothing of several threads. The record holds both."""

    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the record with all raw readings to this new file."""


def run(args: Args) -> None:
    """Measure, write the record and print the tables."""
    from swimrl.bench.bar import Bar
    from swimrl.bench.training import benchmark
    from swimrl.bench.training.tables import print_record
    from swimrl.envs.make import check_id
    from swimrl.timing import record as timing_record

    config = copy_fields(args, BenchmarkConfig)
    check_id(config.env)
    if args.json is not None:
        timing_record.check_free(args.json)
    with Bar() as bar:
        record = benchmark.run(config, bar)
    if args.json is not None:
        timing_record.write(record, args.json)
    print_record(record, args.clock)
    if args.json is not None:
        print(f"\nraw readings: {args.json}")
