"""The settings of TD3: the authors' defaults, ranges, and an effect for each."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest
import torch

from swimrl.errors import ConfigError
from swimrl.td3.config import TD3Config
from swimrl.training.build import build_agent
from swimrl.training.config import TrainConfig

# The authors' main.py (arguments) and TD3.py (learning rate of both Adams; buffer in utils.py).
AUTHORS = {
    "lr": 3e-4,
    "batch_size": 256,
    "buffer_size": 1_000_000,
    "learning_starts": 25_000,
    "updates_per_step": 1,
    "gamma": 0.99,
    "tau": 0.005,
    "policy_delay": 2,
    "exploration_noise": 0.1,
    "target_noise": 0.2,
    "noise_clip": 0.5,
    "init": "torch",
}


def test_defaults_are_the_authors_and_options_are_off() -> None:
    off = {"activation_lr": None, "weight_decay": 0.0, "layer_norm": False}
    off |= {"range_penalty": 0.0, "range_bound": 10.0, "activation_noise": 0.0, "noise_side": "both"}
    assert dataclasses.asdict(TD3Config()) == AUTHORS | off


WRONG: dict[str, list[float]] = {
    "lr": [0, -1e-3, math.nan, math.inf],
    "activation_lr": [-1e-3, math.nan, math.inf],
    "weight_decay": [-0.1, math.nan, math.inf],
    "batch_size": [0, -1],
    "buffer_size": [0],
    "learning_starts": [-1],
    "updates_per_step": [0],
    "gamma": [-0.01, 1.01, math.nan],
    "tau": [0, 1.01, math.nan],
    "policy_delay": [0],
    "exploration_noise": [-0.1, math.nan, math.inf],
    "target_noise": [-0.1, math.nan, math.inf],
    "noise_clip": [-0.1, math.nan, math.inf],
    "range_penalty": [-0.1, math.nan, math.inf],
    "range_bound": [0, -1, math.nan, math.inf],
    "activation_noise": [-0.1, math.nan, math.inf],
}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG.items() for value in values]
)
def test_out_of_range(name: str, value: float) -> None:
    with pytest.raises(ConfigError) as caught:
        TD3Config(**{name: value})  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"--td3.{name.replace('_', '-')} is {value}; expected ")


@pytest.mark.parametrize(("name", "value"), [("batch_size", 2.5), ("policy_delay", 1.5), ("init", "xavier")])
def test_of_the_wrong_kind(name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"--td3.{name.replace('_', '-')} is {value}; expected"):
        TD3Config(**{name: value})


@pytest.mark.parametrize(
    "edge",
    [
        *({"gamma": 0.0}, {"gamma": 1.0}, {"tau": 1.0}, {"learning_starts": 0}, {"batch_size": 1}),
        *({"activation_lr": 0.0}, {"exploration_noise": 0.0}, {"target_noise": 0.0}, {"noise_clip": 0.0}),
    ],
)
def test_edges_of_the_ranges_are_accepted(edge: dict[str, Any]) -> None:
    assert dataclasses.asdict(TD3Config(**edge)).items() >= edge.items()


def test_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        TD3Config().lr = 1.0  # type: ignore[misc]


BASE = TD3Config(batch_size=8, buffer_size=200, learning_starts=20)
CHANGED: dict[str, Any] = {
    "lr": 1e-3,
    "activation_lr": 1e-2,
    "weight_decay": 0.1,
    "batch_size": 9,
    "buffer_size": 15,
    "learning_starts": 10,
    "updates_per_step": 2,
    "gamma": 0.9,
    "tau": 0.5,
    "policy_delay": 3,
    "exploration_noise": 0.3,
    "target_noise": 0.4,
    "noise_clip": 0.05,
    "init": "orthogonal",
    "layer_norm": True,
    "range_penalty": 10.0,
    "range_bound": 0.1,
    "activation_noise": 0.3,
    "noise_side": "negative",
}


NEEDS = {
    "range_penalty": {"range_bound": 0.1},
    "range_bound": {"range_penalty": 10.0},
    "noise_side": {"activation_noise": 0.3},
}
"""What else must be set for a setting to matter."""


@pytest.fixture(scope="module")
def trained() -> Any:
    """A function that trains for 40 steps with given settings and returns the actor's weights, [N]."""

    def weights(td3: TD3Config) -> torch.Tensor:
        config = TrainConfig(env="Pendulum-v1", act="swim(k=trainable)", net="8x7", engine="sb3", td3=td3)
        agent = build_agent(config, device="cpu").learn(40)
        return torch.cat([p.detach().flatten() for p in agent.actor.parameters()])

    reference = weights(BASE)
    assert torch.equal(reference, weights(BASE))
    return lambda **change: weights(dataclasses.replace(BASE, **change)) if change else reference


def test_every_setting_is_changed_below() -> None:
    assert CHANGED.keys() == {field.name for field in dataclasses.fields(TD3Config)}


@pytest.mark.parametrize("name", CHANGED)
def test_every_setting_has_an_effect(name: str, trained: Any) -> None:
    needed = NEEDS.get(name, {})
    reference, other = trained(**needed), trained(**needed, **{name: CHANGED[name]})
    assert reference.shape != other.shape or not torch.equal(reference, other)
