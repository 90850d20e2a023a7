"""The returns of a random policy that the package ships."""

from __future__ import annotations

import importlib.metadata

import pytest

from swimrl.envs.catalogue import TASKS
from swimrl.envs.random_policy import random_policy, random_returns
from tools.random_policy import measure


def test_every_supported_task_was_measured() -> None:
    assert random_returns().keys() == TASKS.keys()
    assert random_policy()["episodes"] == 100
    assert all(facts["standard_error"] > 0 for facts in random_policy()["tasks"].values())


@pytest.mark.parametrize("env_id", ["InvertedPendulum-v5", "InvertedDoublePendulum-v5"])
def test_measuring_again_gives_what_is_shipped(env_id: str) -> None:
    shipped, measured = random_policy()["tasks"][env_id], measure(env_id)
    versions = random_policy()["versions"]
    if all(importlib.metadata.version(name) == version for name, version in versions.items()):
        assert measured == shipped
    # Other versions of MuJoCo give other digits, and no other policy.
    assert abs(measured["mean"] - shipped["mean"]) < 5 * shipped["standard_error"]
