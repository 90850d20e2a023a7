"""Show how far the runs of a study are, whoever does them and wherever.

examples:
  swimrl status runs/swim-paper
  swimrl status runs/swim-paper --json
  swimrl status runs/swim-paper --watch
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from swimrl.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

_WATCH_S = 1.0


@dataclass(frozen=True)
class Args:
    """Which study."""

    path: tyro.conf.Positional[Path]
    """The folder of the study, such as runs/default."""

    watch: bool = False
    """Go on showing it until all runs are done or have failed."""

    json: bool = False
    """Print JSON: counts, and for each run its state, steps, speed, last return and seconds left."""


def run(args: Args) -> None:
    """Print the table of the study's runs."""
    from rich.console import Console

    from swimrl.sweeps.display import summary_of, table_of
    from swimrl.sweeps.status import StudyStatus, count, runs_in
    from swimrl.sweeps.study_record import read_study_record

    record = read_study_record(args.path)
    planned = record.paths(args.path) if record else {}
    runs = {**planned, **runs_in(args.path), **planned}
    if not runs:
        raise InputError(f"{args.path} holds no runs; name the folder of a study, such as runs/default")
    console = Console(highlight=False)
    if args.watch:
        watch(console, runs)
        return
    statuses = StudyStatus(runs).look()
    if args.json:
        print(json.dumps({"counts": count(statuses), "runs": [s.to_mapping() for s in statuses]}, indent=2))
        return
    console.print(table_of(statuses))
    console.print(summary_of(statuses), markup=False, soft_wrap=True)
    for status in statuses:
        if status.reason:
            console.print(f"{status.path}: {status.reason}", markup=False, soft_wrap=True)


def watch(console: Console, runs: Mapping[Path, int]) -> None:
    """Show the runs until each is done or has failed, or Ctrl-C."""
    from swimrl.sweeps.display import display_for
    from swimrl.sweeps.status import StudyStatus

    status = StudyStatus(runs)
    with display_for(console, status) as display:
        while any(run.state not in ("done", "failed") for run in status.look()):
            display.refresh()
            time.sleep(_WATCH_S)
