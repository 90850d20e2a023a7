"""A short run of every activation of the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import swimrl
from swimrl.activations import REGISTRY
from swimrl.errors import FormulaError, NonFiniteError

SETTINGS: dict[str, Any] = {
    "env": "worlds/Line-v0",
    "imports": ["worlds"],
    "steps": 200,
    "net": "32x32",
    "eval_episodes": 1,
    "final_episodes": 0,
    "checkpoint_every": 0,
}


TD3 = {"learning_starts": 100, "batch_size": 32, "lr": 1e-2, "buffer_size": 1000}
UPDATES = 100  # at this learning rate symexp diverges after 41


@pytest.mark.slow
@pytest.mark.parametrize("name", [definition.name for definition in REGISTRY.definitions()])
def test_train(name: str, tmp_path: Path) -> None:
    layer_norm = name == "symexp"  # it diverges without, as its summary says
    td3 = TD3 | {"layer_norm": layer_norm}
    settings = {**SETTINGS, "act": name, "td3": td3, "out": tmp_path, "progress": False}
    if name == "funnel_relu":
        with pytest.raises(FormulaError, match="for vectors choose flexible_relu"):
            swimrl.train(**settings)
        return
    record = swimrl.train(**settings).record
    assert record.status == "done"
    assert record.updates_done == UPDATES
    assert record.engine["name"] == "fused"


def test_these_runs_are_long_enough_to_show_that_an_activation_diverges(tmp_path: Path) -> None:
    with pytest.raises(NonFiniteError, match="the critics' loss is nan after"):
        swimrl.train(**SETTINGS, act="symexp", td3=TD3, out=tmp_path, progress=False)
