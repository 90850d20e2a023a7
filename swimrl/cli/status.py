"""Show how far the runs of a study are, read from their files.

examples:
  swimrl status runs/swim-paper
  swimrl status runs/swim-paper --json
  swimrl status runs/swim-paper --watch
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

if TYPE_CHECKING:
    from rich.console import Console

    from swimrl.sweeps.status import StatusReader

_WATCH_S = 1.0


@dataclass(frozen=True)
class Args:
    """The study to show."""

    path: tyro.conf.Positional[Path]
    """The folder of the study, such as runs/default."""

    watch: bool = False
    """Keep showing it until all runs are done or have failed."""

    json: bool = False
    """Print JSON: counts, and for each run its state, steps, speed, last return and seconds left."""


def run(args: Args) -> None:
    """Print the table of the study's runs."""
    from rich.console import Console

    from swimrl.sweeps.display import print_line
    from swimrl.sweeps.status_table import table_of
    from swimrl.sweeps.study import open_study

    study = open_study(args.path)
    console = Console(highlight=False)
    if args.watch:
        watch(console, study.reader)
        return
    status = study.status()
    if args.json:
        print(json.dumps({"counts": status.counts, "runs": status.to_list()}, indent=2))
        return
    console.print(table_of(status))
    print_line(console, status.summary)
    for one in status:
        if one.reason:
            print_line(console, f"{one.path}: {one.reason}")


def watch(console: Console, reader: StatusReader) -> None:
    """Show the runs until each is done or has failed, or Ctrl-C."""
    from swimrl.sweeps.display import display_for

    with display_for(console, reader) as display:
        while not reader.read().is_over:
            display.refresh()
            time.sleep(_WATCH_S)
