"""List the environments that swimrl supports and tests.

examples:
  swimrl envs
  swimrl envs --json
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass

from swimrl.envs.catalogue import TASKS

_FOOTER = """
obs, act: size of the observation and of the action; horizon: steps per episode.
Any other Gymnasium environment works too if its observations are vectors of
floats and its actions vectors of floats between finite bounds. Give its id;
--import MODULE imports the module that registers it."""


@dataclass(frozen=True)
class Args:
    """How to print the list."""

    json: bool = False
    """Print JSON: a list of objects with id, observation_size, action_size, horizon and note."""


def run(args: Args) -> None:
    """Print the supported environments."""
    if args.json:
        print(json.dumps([dataclasses.asdict(task) for task in TASKS.values()], indent=2))
        return

    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("environment", no_wrap=True)
    for size in ("obs", "act", "horizon"):
        table.add_column(size, justify="right")
    table.add_column("note")
    for task in TASKS.values():
        sizes = (task.observation_size, task.action_size, task.horizon)
        table.add_row(task.id, *map(str, sizes), task.note)
    Console(highlight=False).print(table)
    print(_FOOTER)
