"""Every use of chance has a stream of its own; actions and their noise."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.noise import (
    NormalActionNoise,
    OrnsteinUhlenbeckActionNoise,
    VectorizedActionNoise,
)
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn

from swimrl.envs.seeding import Streams, stream_seed
from tests.td3.agents import SHORT, AgentFactory, actions, equal, observations, pendulum, pendulums, weights


@pytest.mark.parametrize(("n_envs", "activation"), [(1, "relu"), (2, "relu"), (1, "swim(k=trainable)")])
def test_same_seed_same_weights_to_the_byte(new_agent: AgentFactory, n_envs: int, activation: str) -> None:
    def trained(seed: int) -> dict[str, torch.Tensor]:
        policy_kwargs = {"activation_fn": activation}
        return weights(new_agent(pendulums(n_envs), seed=seed, policy_kwargs=policy_kwargs).learn(60))

    first = trained(5)
    np.random.seed(123)  # what other code draws from the global generators has no say
    torch.manual_seed(123)
    assert equal(first, trained(5))
    assert not equal(first, trained(6))


def test_initial_weights_are_drawn_layer_by_layer_from_their_own_stream(new_agent: AgentFactory) -> None:
    agent = new_agent()
    generator = Streams(0).torch("initial weights")
    for perceptron in (agent.actor.mu, *agent.critic.q_networks):
        for linear in (module for module in perceptron if isinstance(module, nn.Linear)):
            bound = linear.in_features**-0.5
            for p in (linear.weight, linear.bias):
                drawn = torch.empty(p.shape).uniform_(-bound, bound, generator=generator)
                torch.testing.assert_close(p, drawn, rtol=0, atol=1e-7)


@pytest.mark.parametrize("activation", ["swim", "aulu", ["prelu", nn.GELU]], ids=str)
def test_another_activation_starts_from_the_same_place(
    new_agent: AgentFactory, reach: gym.Env[Any, Any], activation: Any
) -> None:
    ends: list[tuple[list[torch.Tensor], list[Any], list[Any]]] = []
    for choice in ("relu", activation):
        env = copy.deepcopy(reach)
        agent = new_agent(env, policy_kwargs={"activation_fn": choice}, learning_starts=15)
        linears = [m for m in agent.policy.modules() if isinstance(m, nn.Linear)]
        drawn = [p.detach().clone() for linear in linears for p in linear.parameters()]
        agent.learn(30)
        ends.append((drawn, env.received, env.resets))
    (relu, relu_actions, relu_resets), (other, other_actions, other_resets) = ends
    assert all(torch.equal(one, two) for one, two in zip(relu, other, strict=True))
    np.testing.assert_array_equal(relu_actions[:15], other_actions[:15])
    assert not np.array_equal(relu_actions[15:], other_actions[15:])
    np.testing.assert_array_equal(relu_resets, other_resets)
    assert len(relu_resets) > 5


@pytest.mark.parametrize("change", [{"exploration_noise": 0.5}, {"exploration_noise": 0.0}])
def test_exploration_noise_shifts_no_other_stream(new_agent: AgentFactory, change: dict[str, float]) -> None:
    agents = [new_agent(pendulum(), **settings).learn(40) for settings in ({}, change)]
    # The draws of 30 updates, by hand: B indices of a buffer of 11, 12 ... steps, B numbers of one
    # environment, B noises of one action.
    twin = Streams(0)
    for stored in range(11, 41):
        twin.numpy("minibatches").randint(0, stored, size=8)
        twin.numpy("minibatches").randint(0, 1, size=8)
        torch.empty(8, 1).normal_(generator=twin.torch("target noise"))
    indices = twin.numpy("minibatches").randint(0, 1000, 5)
    noise = torch.rand(5, generator=twin.torch("target noise"))
    for agent in agents:
        np.testing.assert_array_equal(agent.streams.numpy("minibatches").randint(0, 1000, 5), indices)
        assert torch.equal(torch.rand(5, generator=agent.streams.torch("target noise")), noise)
    one, other = (agent.replay_buffer.actions for agent in agents)
    np.testing.assert_array_equal(one[:10], other[:10])
    assert not np.array_equal(one[10:40], other[10:40])


def test_learning_leaves_the_global_generators_alone(new_agent: AgentFactory, tmp_path: Path) -> None:
    agent = new_agent(VecNormalize(pendulums(2)))
    np.random.seed(3)
    torch.manual_seed(3)
    numpy_before, torch_before = np.random.get_state(legacy=False), torch.get_rng_state()
    evaluation = EvalCallback(VecNormalize(pendulums(1), training=False), eval_freq=10, verbose=0)
    agent.learn(60, callback=evaluation)
    agent.save(tmp_path / "agent")
    assert agent._n_updates > 10
    numpy_after = np.random.get_state(legacy=False)
    assert np.array_equal(numpy_after["state"]["key"], numpy_before["state"]["key"])
    assert numpy_after["state"]["pos"] == numpy_before["state"]["pos"]
    assert torch.equal(torch.get_rng_state(), torch_before)


def test_seeding_anew_starts_the_streams_anew(new_agent: AgentFactory) -> None:
    agent = new_agent(pendulum())
    agent.learn(30)
    state = copy.deepcopy(agent.get_parameters())
    ends = []
    for _ in range(2):
        agent.set_parameters(copy.deepcopy(state))
        agent.replay_buffer.reset()
        agent._last_obs, agent._n_updates = None, 0
        agent.set_random_seed(9)
        agent.learn(30)
        ends.append(weights(agent))
    assert equal(*ends)


def test_first_actions_are_uniform_and_carry_no_noise(new_agent: AgentFactory, reach: Any) -> None:
    new_agent(reach, learning_starts=20, exploration_noise=1.0).learn(20)
    twin = copy.deepcopy(reach.action_space)
    twin.seed(stream_seed(0, "first actions"))
    np.testing.assert_allclose(reach.received, [twin.sample() for _ in range(20)], rtol=0, atol=1e-6)


def test_exploration_adds_noise_in_units_of_the_box(new_agent: AgentFactory, reach: Any) -> None:
    agent = new_agent(reach, learning_starts=5, gradient_steps=0, exploration_noise=0.7).learn(40)
    low, high = reach.action_space.low, reach.action_space.high
    seen = agent.replay_buffer.observations[5:40, 0]
    chosen = (actions(agent, seen) - low) / (high - low) * 2 - 1
    noise = Streams(0).numpy("exploration noise").normal(0, 0.7, (35, 2))
    scaled = np.clip(chosen + noise, -1, 1)
    assert (np.abs(scaled) == 1).any()  # some were clipped
    np.testing.assert_allclose(agent.replay_buffer.actions[5:40, 0], scaled, rtol=0, atol=1e-6)
    np.testing.assert_allclose(reach.received[5:], low + (scaled + 1) / 2 * (high - low), rtol=0, atol=1e-5)
    assert all(reach.action_space.contains(action) for action in reach.received)


@pytest.mark.parametrize("n_envs", [1, 2])
@pytest.mark.parametrize("kind", [NormalActionNoise, OrnsteinUhlenbeckActionNoise])
def test_the_users_own_noise(new_agent: AgentFactory, kind: type[NormalActionNoise], n_envs: int) -> None:
    def noise() -> Any:
        return kind(np.zeros(1), 0.2 * np.ones(1))

    given = VectorizedActionNoise(noise(), n_envs) if n_envs > 1 else noise()
    agent = new_agent(pendulums(n_envs), action_noise=given, gradient_steps=0, learning_starts=0)
    assert agent.action_noise is given
    agent.learn(25 * n_envs)
    expected = []
    own = [noise() for _ in range(n_envs)]
    with Streams(0).borrow(numpy="exploration noise"):
        for step in range(25):
            if step % SHORT == 0:
                for one in own:
                    one.reset()
            expected.append([one() for one in own])
    buffer = agent.replay_buffer
    flat = buffer.observations[:25].reshape(-1, 3)
    chosen = actions(agent, flat).reshape(25, n_envs, 1) / 2
    np.testing.assert_allclose(buffer.actions[:25], np.clip(chosen + expected, -1, 1), rtol=0, atol=1e-6)


def test_noise_is_made_for_each_environment(new_agent: AgentFactory) -> None:
    agent = new_agent(pendulums(3), gradient_steps=0, learning_starts=0)
    agent.learn(30)
    chosen = actions(agent, agent.replay_buffer.observations[:10].reshape(-1, 3)).reshape(10, 3) / 2
    noise = agent.replay_buffer.actions[:10, :, 0] - chosen
    assert len(np.unique(noise)) == 30


def test_predicts_one_and_many(new_agent: AgentFactory, reach: Any) -> None:
    agent = new_agent(reach).learn(20)
    given = observations(agent)
    many, state = agent.predict(given, deterministic=True)
    assert (many.shape, many.dtype, state) == ((16, 2), np.float32, None)
    assert all(reach.action_space.contains(action) for action in many)
    np.testing.assert_array_equal(agent.predict(given, deterministic=False)[0], many)
    one, _ = agent.predict(given[3])
    assert one.shape == (2,)
    np.testing.assert_allclose(one, many[3], atol=1e-6)
    with pytest.raises(ValueError, match="observation shape"):
        agent.predict(given[:, :1])
