"""From the same state and the same draws, the agent computes what Stable-Baselines3's computes."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import stable_baselines3
import torch
from torch import nn

import swimrl
from swimrl.envs.seeding import Streams, stream_seed
from tests.td3.agents import AgentFactory, pendulum, weights


def test_one_update_equals_stable_baselines3s(new_agent: AgentFactory, engine: str) -> None:
    ours = new_agent(learning_starts=40)
    theirs = stable_baselines3.TD3(
        "MlpPolicy",
        pendulum(),
        learning_rate=1e-3,
        buffer_size=400,
        batch_size=8,
        learning_starts=40,
        seed=1,
        policy_kwargs={"net_arch": [8, 7], "activation_fn": nn.ReLU},
        device="cpu",
    )
    theirs.policy.load_state_dict(ours.policy.state_dict())
    for agent in (ours, theirs):
        agent.learn(1)  # sets the logger up
        agent.replay_buffer.reset()
        draw = np.random.RandomState(2)
        for _ in range(40):
            transition = draw.uniform(-1, 1, (1, 3)), draw.uniform(-1, 1, (1, 3)), draw.uniform(-1, 1, (1, 1))
            truncated = draw.rand() < 0.5
            done = np.array([draw.rand() < 0.3])
            agent.replay_buffer.add(*transition, draw.randn(1), done, [{"TimeLimit.truncated": truncated}])
    # What ours draws from its streams, theirs draws from the global generators.
    twin = Streams(0)
    with twin.borrow(numpy="minibatches", torch="target noise"):
        for _ in range(4):
            theirs.train(gradient_steps=1, batch_size=8)
            ours.train(gradient_steps=1, batch_size=8)
            for name, tensor in weights(theirs).items():
                # The engine of ours sums in another order.
                torch.testing.assert_close(
                    weights(ours)[name], tensor, rtol=0, atol=0 if engine == "sb3" else 1e-6, msg=name
                )
            ours.set_parameters(copy.deepcopy(theirs.get_parameters()))
    for key in ("train/critic_loss", "train/actor_loss", "train/n_updates"):
        assert ours.logger.name_to_value[key] == pytest.approx(theirs.logger.name_to_value[key], rel=1e-4)


def test_whole_training_equals_stable_baselines3s(engine: str) -> None:
    """With exploration off, the only draws are those that can be handed to both."""
    settings: dict[str, Any] = {
        "learning_rate": lambda left: 1e-3 * left,
        "buffer_size": 60,
        "batch_size": 8,
        "learning_starts": 20,
        "device": "cpu",
        "train_freq": 2,
    }
    ours = swimrl.TD3(
        "MlpPolicy",
        pendulum(),
        exploration_noise=0,
        seed=0,
        engine=engine,
        policy_kwargs={"net_arch": [8, 7]},
        **settings,
    )
    theirs = stable_baselines3.TD3("MlpPolicy", pendulum(), policy_kwargs={"net_arch": [8, 7]}, **settings)
    theirs.policy.load_state_dict(ours.policy.state_dict())
    theirs.action_space.seed(stream_seed(0, "first actions"))
    theirs.env.seed(stream_seed(0, "resets"))
    ours.learn(90)
    with Streams(0).borrow(numpy="minibatches", torch="target noise"):
        theirs.learn(90)
    assert ours._n_updates == theirs._n_updates == 35
    for name, tensor in weights(theirs).items():
        torch.testing.assert_close(
            weights(ours)[name], tensor, rtol=0, atol=0 if engine == "sb3" else 5e-5, msg=name
        )
    for part in ("observations", "actions", "rewards", "dones", "timeouts"):
        np.testing.assert_allclose(
            getattr(ours.replay_buffer, part), getattr(theirs.replay_buffer, part), rtol=0, atol=1e-3
        )
