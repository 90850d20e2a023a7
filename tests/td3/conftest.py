"""Fixtures of the agent's tests: each engine in turn, and a small agent."""

from __future__ import annotations

from typing import Any

import pytest

import swimrl
from tests.td3.agents import ENGINES, AgentFactory, Reach


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each engine in turn."""
    return request.param


@pytest.fixture
def new_agent(engine: str) -> AgentFactory:
    """A function that makes an agent small enough to train within a fraction of a second."""

    def build(
        env: Any = "Pendulum-v1", *, policy_kwargs: dict[str, Any] | None = None, **settings: Any
    ) -> swimrl.TD3:
        small = {
            "learning_rate": 1e-3,
            "buffer_size": 400,
            "learning_starts": 10,
            "batch_size": 8,
            "seed": 0,
            "device": "cpu",
            "engine": engine,
        }
        policy_kwargs = {"net_arch": [8, 7], **(policy_kwargs or {})}
        return swimrl.TD3("MlpPolicy", env, policy_kwargs=policy_kwargs, **(small | settings))

    return build


@pytest.fixture
def reach() -> Reach:
    """The environment with the unsymmetric box of actions."""
    return Reach()
