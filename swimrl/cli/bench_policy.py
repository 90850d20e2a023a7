"""Measure how long a policy takes for one action, as a controller calls it.

Compares Stable-Baselines3's predict, eager PyTorch and our fastest path.

examples:
  swimrl bench policy --act swim relu
  swimrl bench policy runs/default/Hopper-v4/swim-1a2b3c4d/seed-0
  swimrl bench policy --act swim --net 64x64 --env Hopper-v4 --json FILE
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from swimrl.bench.action.benchmark import LatencyConfig
from swimrl.fields import copy_fields


@dataclass(frozen=True)
class Args(LatencyConfig):
    """What to measure."""

    json: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Write the record with all readings to this new file."""


def run(args: Args) -> None:
    """Measure, write the record and print the table."""
    from swimrl.bench.action import benchmark as latency
    from swimrl.bench.action.tables import print_record
    from swimrl.bench.bar import Bar
    from swimrl.envs.make import check_id
    from swimrl.timing import record as timing_record
    from swimrl.training import open_run

    config = copy_fields(args, LatencyConfig)
    if config.run is None:
        check_id(config.env)
    else:
        _ = open_run(config.run).policy  # what is wrong with it is said here, in one line
    if args.json is not None:
        timing_record.check_free(args.json)
    with Bar() as bar:
        record = latency.run(config, bar)
    if args.json is not None:
        timing_record.write(record, args.json)
    print_record(record)
    if args.json is not None:
        print(f"\nreadings: {args.json}")
