"""Runs of the small environment in ``worlds.py``, by the command line."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from swimrl.cli.app import main

LINE = "--env worlds/Line-v0 --import worlds --net 16x16 --td3.batch-size 16"
FINISHED = (
    "--act 'swim(k=1)' --steps 250 --td3.learning-starts 60 --eval-every 100 --eval-episodes 2 "
    "--final-episodes 3 --seed 3"
)


def train_line(study: Path, options: str) -> Path:
    """Train in the small environment; return the directory of the run."""
    before = set(study.rglob("run.json"))
    with pytest.raises(SystemExit) as end:
        main(["train", *shlex.split(LINE), *shlex.split(options), "--out", str(study)])
    assert end.value.code == 0
    (record,) = set(study.rglob("run.json")) - before
    return record.parent
