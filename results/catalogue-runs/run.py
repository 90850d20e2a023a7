"""Train every activation of the catalogue for 2,000 steps and write one row for each.

    python results/catalogue-runs/run.py --study runs/catalogue

Each run is the command

    swimrl train --env Hopper-v4 --act NAME --steps 2000 --td3.learning-starts 500 --final-episodes 10

called from Python in one process. runs.csv gets the engine, the counted parameters of actor and critics,
what the run ended with, and its mean return over the final episodes.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import swimrl
from swimrl.activations import REGISTRY
from swimrl.errors import SwimrlError
from swimrl.runs.record import RunRecord, read_record

SETTINGS = {"env": "Hopper-v4", "steps": 2000, "final_episodes": 10, "td3": {"learning_starts": 500}}
COLUMNS = ("activation", "exit code", "engine", "actor parameters", "critic parameters", "return", "reason")


def train(name: str, study: Path, **settings: Any) -> tuple[int, RunRecord | None]:
    """Train; return the exit code of the command, and the record of the run if it came so far."""
    before = set(study.rglob("run.json"))
    code = 0
    try:
        swimrl.train(**SETTINGS | settings, act=name, out=study)
    except SwimrlError as error:
        print(f"{name}: {error}")
        code = 2
    new = set(study.rglob("run.json")) - before
    return code, read_record(new.pop()) if new else None


def row(name: str, code: int, record: RunRecord | None) -> list[object]:
    """Return what the table says of a run, in the order of `COLUMNS`."""
    if record is None:
        return [name, code, *[""] * 4, "the activation cannot be used here"]
    final = record.metrics.get("final100")
    mean = "" if final is None else f"{final:.1f}"
    counts = (record.network["actor_parameters"], record.network["critic_parameters"])
    return [name, code, record.engine["name"], *counts, mean, record.reason or ""]


def main() -> None:
    """Train all and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", type=Path, required=True)
    arguments = parser.parse_args()
    table = Path(__file__).with_name("runs.csv")
    with table.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for definition in REGISTRY.definitions():
            writer.writerow(row(definition.name, *train(definition.name, arguments.study)))
            file.flush()


if __name__ == "__main__":
    main()
