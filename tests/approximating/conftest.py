"""What the tests of this room share: two small runs that differ in their seed."""

from __future__ import annotations

import pytest

import swimrl
from swimrl.training import Run

SMALL = {
    "env": "Pendulum-v1",
    "net": "12x8",
    "steps": 120,
    "eval_every": 120,
    "eval_episodes": 1,
    "final_episodes": 0,
    "checkpoint_every": 0,
    "diagnose_every": 0,
    "td3": {"learning_starts": 60, "batch_size": 16},
    "progress": False,
}


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """Runs of two seeds; their actor learns k of swim."""
    out = tmp_path_factory.mktemp("study")
    return [swimrl.train(act="swim(k=trainable)", seed=seed, out=out, **SMALL) for seed in (1, 2)]
