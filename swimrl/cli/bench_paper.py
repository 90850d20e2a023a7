"""Time activations as the Swim paper does, and beside it properly.

The paper: 100 inferences of the target actor, 100 backward passes of critics.

Beside it the same after a warm-up, in interleaved rounds, with intervals.

examples:
  swimrl bench paper --act swim swish relu
  swimrl bench paper --act swim "swim(k=1)" ulu relu --json FILE
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from swimrl.bench.paper.benchmark import PaperConfig
from swimrl.fields import copy_fields


@dataclass(frozen=True)
class Args(PaperConfig):
    """What to measure."""

    clock: Literal["wall", "cpu"] = "wall"
    """What the corrected protocol counts: seconds that pass, or seconds for which the processor works,
    which are steadier on a busy machine. The record holds both."""

    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the record with all raw readings to this new file."""


def run(args: Args) -> None:
    """Measure, write the record and print the tables."""
    from swimrl.bench.bar import Bar
    from swimrl.bench.paper import benchmark as paper
    from swimrl.bench.paper.tables import print_record
    from swimrl.envs.make import check_id
    from swimrl.timing import record as timing_record

    config = copy_fields(args, PaperConfig)
    check_id(config.env)
    if args.json is not None:
        timing_record.check_free(args.json)
    with Bar() as bar:
        record = paper.run(config, bar)
    if args.json is not None:
        timing_record.write(record, args.json)
    print_record(record, args.clock)
    if args.json is not None:
        print(f"\nraw readings: {args.json}")
