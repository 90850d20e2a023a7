"""The actor without PyTorch acts as the actor does."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.noise import NormalActionNoise

import swimrl
from swimrl.td3.engine.acting import FastActor, can_act
from swimrl.td3.policy import TD3Policy

OBSERVATION = spaces.Box(-np.inf, np.inf, (5,), np.float64)
ACTION = spaces.Box(-2, 2, (3,), np.float32)


def policy_with(activation_fn: object, **kwargs: object) -> TD3Policy:
    torch.manual_seed(0)
    return TD3Policy(
        OBSERVATION, ACTION, lambda _: 1e-3, net_arch=[16, 12], activation_fn=activation_fn, **kwargs
    )


@pytest.mark.parametrize(
    "activation", ["relu", "swim(k=trainable)", ["aulu", "tanh"], "aulu(granularity=neuron)"]
)
@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("size", [1, 4])
def test_equals_the_actor(activation: object, size: int, layer_norm: bool) -> None:
    policy = policy_with(activation, layer_norm=layer_norm)
    observations = np.random.RandomState(1).randn(size, 5)
    actions = FastActor(policy, size)(observations)
    with torch.no_grad():
        expected = policy.actor(torch.from_numpy(observations).float()).numpy()
    np.testing.assert_allclose(actions, expected, atol=1e-6)


@pytest.mark.parametrize("activation", ["relu", "swim(k=trainable)", ["aulu", "tanh"], "gelu"])
@pytest.mark.parametrize("net", [[7, 5], [256, 256]])
def test_by_row_each_action_has_the_bits_of_its_observation_alone(activation: object, net: list[int]) -> None:
    torch.manual_seed(0)
    policy = TD3Policy(OBSERVATION, ACTION, lambda _: 1e-3, net_arch=net, activation_fn=activation)
    observations = np.random.RandomState(1).randn(11, 5)
    alone = FastActor(policy, 1)
    expected = np.concatenate([alone(observation[None]) for observation in observations])
    assert FastActor(policy, 11, by_row=True)(observations).tobytes() == expected.tobytes()


def test_sees_new_weights_and_activation_parameters() -> None:
    policy = policy_with("swim(k=trainable)")
    actor = FastActor(policy, 1)
    observation = np.ones((1, 5))
    before = actor(observation)
    with torch.no_grad():
        policy.actor.mu[1].k.fill_(3.0)
    after = actor(observation)
    assert not np.array_equal(before, after)
    with torch.no_grad():
        expected = policy.actor(torch.ones(1, 5)).numpy()
    np.testing.assert_allclose(after, expected, atol=1e-6)


def test_notices_that_weights_moved() -> None:
    policy = policy_with("swim")
    actor = FastActor(policy, 1)
    assert actor.intact()
    policy.unshare()
    assert not actor.intact()


def test_an_action_is_the_callers_to_keep() -> None:
    actor = FastActor(policy_with("relu"), 1)
    first = actor(np.ones((1, 5)))
    kept = first.copy()
    actor(-np.ones((1, 5)))
    np.testing.assert_array_equal(first, kept)


@pytest.mark.parametrize("size", [1, 3])
def test_noise_is_stable_baselines3s_to_the_byte(size: int) -> None:
    box = spaces.Box(np.array([-2, 0, -0.3], np.float32), np.array([2, 3, 0.1], np.float32))
    policy = TD3Policy(OBSERVATION, box, lambda _: 1e-3, net_arch=[16], activation_fn="swim")
    actor = FastActor(policy, size)
    observations = np.random.RandomState(1).randn(size, 5)
    noise = NormalActionNoise(np.array([0, 0.1, 0]), np.array([0.1, 0.5, 2]))
    draws = np.random.RandomState(2)
    np.random.seed(2)
    for _ in range(200):
        expected = np.clip(actor(observations) + noise(), -1, 1)
        actions, scaled = actor.explore(observations, noise._mu, noise._sigma, draws.standard_normal(3))
        for one, other in ((scaled, expected), (actions, policy.unscale_action(expected))):
            assert one.dtype == other.dtype == np.float32
            np.testing.assert_array_equal(one, other)


def test_says_what_it_cannot_do() -> None:
    assert can_act(policy_with("swim"))
    assert can_act(policy_with("swim(k=trainable, granularity=network)", layer_norm=True))
    assert not can_act(policy_with(torch.nn.GELU))
    assert not can_act(torch.nn.Linear(2, 2))


@pytest.mark.parametrize(
    "space", [spaces.Discrete(5), spaces.Box(-1, 1, (2, 3)), spaces.MultiBinary(4)], ids=str
)
def test_acts_on_other_observations_as_the_policy_does(space: spaces.Space[Any]) -> None:
    class Samples(gym.Env[Any, np.ndarray]):
        observation_space = space
        action_space = ACTION

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
            super().reset(seed=seed)
            return space.sample(), {}

        def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            return space.sample(), 0.0, False, False, {}

    agent = swimrl.TD3(
        "MlpPolicy", Samples(), learning_starts=5, gradient_steps=0, exploration_noise=0, buffer_size=50
    ).learn(10)
    assert not can_act(agent.policy)
    chosen = agent._sample_action(0)[0]
    np.testing.assert_allclose(chosen, agent.predict(agent._last_obs, deterministic=True)[0], atol=1e-6)


def test_a_policy_that_diverged_acts_without_a_warning() -> None:
    policy = policy_with("relu")
    with torch.no_grad():
        for parameter in policy.actor.parameters():
            parameter.fill_(3e38)
    actions = FastActor(policy, 1)(np.ones((1, 5)))
    np.testing.assert_array_equal(actions, np.ones((1, 3), np.float32))


@pytest.mark.parametrize("engine", ["sb3", "fused"])
def test_actions_may_form_a_matrix(engine: Any) -> None:
    class Matrix(gym.Env[np.ndarray, np.ndarray]):
        observation_space = OBSERVATION
        action_space = spaces.Box(-1, 1, (2, 2), np.float32)

        def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
            super().reset(seed=seed)
            return np.zeros(5), {}

        def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            assert action.shape == (2, 2)
            return np.ones(5), float(action.sum()), False, False, {}

    agent = swimrl.TD3("MlpPolicy", Matrix(), engine=engine, learning_starts=5, batch_size=4, buffer_size=50)
    assert not can_act(agent.policy)
    agent.learn(10)
    assert agent._n_updates == 5
