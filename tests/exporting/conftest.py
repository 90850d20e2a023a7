"""What the tests of export share: small trained runs, each with something that an exporter can forget."""

from __future__ import annotations

from pathlib import Path

import pytest

import swimrl
from swimrl.training import Run

RUNS = {
    "box of 3, normalised, trainable k": {
        "env": "InvertedPendulum-v5",
        "act": "swim(k=trainable)",
        "normalize_obs": True,
    },
    "layer norm, an activation for each layer": {
        "env": "Hopper-v5",
        "act": "taaf(mish),expr: x*sigmoid(b*x); b=1.5",
        "td3": {"layer_norm": True},
    },
    "residual blocks, layer norms": {
        "env": "Pendulum-v1",
        "act": "swim",
        "net": "simba:6x2",
        "td3": {"layer_norm": True},
    },
    "box of 0.4": {"env": "Humanoid-v5", "act": "relu", "net": "8x8"},
    "one number for each unit": {"env": "Pendulum-v1", "act": "swish(beta=trainable, granularity=neuron)"},
}

RUN = "box of 3, normalised, trainable k"
"""The run in which most can be forgotten."""


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """The runs by name."""
    made = {}
    for name, settings in RUNS.items():
        td3 = {"learning_starts": 40, "batch_size": 16, **settings.get("td3", {})}
        common = {"steps": 60, "net": "16x12", "eval_every": 60, "eval_episodes": 1, "final_episodes": 2}
        out = tmp_path_factory.mktemp("runs")
        made[name] = swimrl.train(**{**common, **settings, "td3": td3}, out=out, progress=False)
    return made


@pytest.fixture
def run(runs: dict[str, Run]) -> Run:
    """The run `RUN`."""
    return runs[RUN]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "export"
