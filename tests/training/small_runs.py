"""Runs of the small environment in ``worlds.py``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import swimrl

Settings = Mapping[str, Any]

SMALL: Settings = {
    "env": "worlds/Line-v0",
    "imports": ["worlds"],
    "net": "16x16",
    "td3": {"batch_size": 16},
}
LINE = "--env worlds/Line-v0 --import worlds --net 16x16 --td3.batch-size 16"
"""The same as options of a command."""

FINISHED: Settings = {
    "act": "swim(k=1)",
    "steps": 250,
    "td3": {"learning_starts": 60},
    "eval_every": 100,
    "eval_episodes": 2,
    "final_episodes": 3,
    "seed": 3,
}
FINISHED_LINE = (
    "--act 'swim(k=1)' --steps 250 --td3.learning-starts 60 --eval-every 100 --eval-episodes 2 "
    "--final-episodes 3 --seed 3"
)
"""The same as options of a command."""


def merged(*parts: Settings) -> dict[str, Any]:
    """Return the settings of all parts; later ones win, for each setting below ``td3`` too."""
    whole: dict[str, Any] = {}
    for part in parts:
        td3 = {**whole.get("td3", {}), **part.get("td3", {})}
        whole |= {**part, "td3": td3}
    return whole


def train_line(study: Path, *parts: Settings) -> Path:
    """Train in the small environment; return the directory of the run."""
    return swimrl.train(**merged(SMALL, *parts), out=study, progress=False).path
