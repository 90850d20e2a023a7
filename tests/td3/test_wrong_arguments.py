"""A wrong argument of the agent is named in the message; what Stable-Baselines3 accepts works."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Space
from torch import nn

import swimrl
from swimrl.errors import ConfigError, SwimrlError


class Samples(gym.Env[Any, np.ndarray]):
    """Random observations, no reward."""

    def __init__(self, observation: Space[Any], action: Space[Any]) -> None:
        self.observation_space, self.action_space = observation, action

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.observation_space.sample(), 0.0, False, False, {}


THREE, ONE, NONE = (Box(-1, 1, (size,), np.float32) for size in (3, 1, 0))


def learned(
    policy: str = "MlpPolicy", observation: Space[Any] = THREE, action: Space[Any] = ONE, **settings: Any
) -> swimrl.TD3:
    small = {"buffer_size": 50, "learning_starts": 5, "batch_size": 4, "device": "cpu"}
    return swimrl.TD3(policy, Samples(observation, action), **(small | settings)).learn(8)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"seed": 1.5}, "seed is 1.5; expected a whole number from 0"),
        ({"exploration_noise": float("nan")}, "exploration_noise is nan; expected a number of at least 0"),
        ({"batch_size": 0}, "batch_size is 0; expected a whole number of at least 1"),
        ({"policy_delay": 0}, "policy_delay is 0; expected a whole number of at least 1"),
        ({"buffer_size": 0}, "buffer_size is 0; expected a whole number of at least 1"),
        ({"action": NONE}, r"action space has the shape \(0,\)"),
        ({"observation": NONE}, r"observation space has the shape \(0,\)"),
        ({"policy_kwargs": {"activation_fn": nn.ReLU()}}, r"the module ReLU\(\).*give its class or its name"),
        (
            {
                "policy": "MultiInputPolicy",
                "observation": Dict(a=THREE),
                "policy_kwargs": {"activation_fn": nn.ReLU()},
            },
            r"activation_fn=ReLU\(\); MultiInputPolicy takes one",
        ),
        (
            {
                "policy": "MultiInputPolicy",
                "observation": Dict(a=THREE),
                "policy_kwargs": {"activation_fn": ["swim", "relu"]},
            },
            "MultiInputPolicy takes one activation for all layers",
        ),
    ],
)
def test_a_wrong_argument_is_named(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        learned(**settings)


def test_a_seed_of_numpy_is_the_same_seed() -> None:
    seed = learned(seed=np.int64(3)).streams.seed
    assert (seed, type(seed)) == (3, int)


def test_names_of_activations_work_with_other_policies() -> None:
    agent = learned(
        "MultiInputPolicy", Dict(a=THREE), policy_kwargs={"activation_fn": "swim", "net_arch": [8]}
    )
    assert str(agent.actor.mu[1]) == "Activation(swim)"


def test_a_discrete_action_space_is_stable_baselines3s_error_too() -> None:
    with pytest.raises(AssertionError) as caught:
        swimrl.TD3("MlpPolicy", "CartPole-v1")
    assert isinstance(caught.value, SwimrlError)


def test_a_buffer_is_extended_by_the_arrays_of_another() -> None:
    agent = learned()
    buffer, given = agent.replay_buffer, learned(seed=1).replay_buffer
    flags = np.array([[0], [1], [0], [1], [1]], np.float32)
    parts = ("observations", "next_observations", "actions", "rewards", "dones")
    buffer.extend(
        *(getattr(given, part)[:5] for part in parts), [[{"TimeLimit.truncated": flag}] for flag in flags]
    )
    for part in parts:
        np.testing.assert_array_equal(getattr(buffer, part)[8:13], getattr(given, part)[:5])
    np.testing.assert_array_equal(buffer.timeouts[8:13], flags)
