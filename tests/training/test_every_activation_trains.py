"""A short run of every activation of the catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import swimrl
from swimrl.activations import REGISTRY
from swimrl.errors import FormulaError

SETTINGS: dict[str, Any] = {
    "env": "Hopper-v4",
    "steps": 2000,
    "net": "32x32",
    "eval_episodes": 1,
    "final_episodes": 0,
    "checkpoint_every": 0,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", [definition.name for definition in REGISTRY.definitions()])
def test_train(name: str, tmp_path: Path) -> None:
    layer_norm = name == "symexp"  # it diverges without, as its summary says
    td3 = {"learning_starts": 500, "batch_size": 32, "layer_norm": layer_norm}
    settings = {**SETTINGS, "act": name, "td3": td3, "out": tmp_path, "progress": False}
    if name == "funnel_relu":
        with pytest.raises(FormulaError, match="for vectors choose flexible_relu"):
            swimrl.train(**settings)
        return
    record = swimrl.train(**settings).record
    assert record.status == "done"
    assert record.updates_done == 1500
    is_fused = REGISTRY.definition(name).module is None
    assert record.engine["name"] == ("fused" if is_fused else "sb3")
