"""An agent that takes over another's state takes the same steps from there."""

from __future__ import annotations

import random

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3.common.logger import configure
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

import swimrl
from swimrl.envs.vector import LeanVecEnv
from swimrl.td3.engine.products import planner
from swimrl.td3.state import agent_state, replay_ring, restore_agent, restore_log


def new_agent(engine: str, *, count: int = 1, normalised: bool = False) -> swimrl.TD3:
    def one() -> gym.Env:
        return Monitor(gym.make("Pendulum-v1", max_episode_steps=12))

    env: VecEnv = LeanVecEnv([one] * count, traced=True)
    if normalised:
        env = VecNormalize(env)  # observations and rewards
    agent = swimrl.TD3(
        "MlpPolicy",
        env,
        buffer_size=50,
        learning_starts=10,
        batch_size=8,
        policy_kwargs={"net_arch": [8, 7], "activation_fn": "swim(k=trainable)"},
        seed=0,
        device="cpu",
        engine=engine,
    )
    agent.set_logger(configure(None, []))
    return agent


def taken_over(agent: swimrl.TD3, other: swimrl.TD3) -> None:
    """Give ``other`` everything of ``agent``."""
    for name, rows in replay_ring(other.replay_buffer).items():
        rows[:] = replay_ring(agent.replay_buffer)[name]
    other.replay_buffer.pos, other.replay_buffer.full = agent.replay_buffer.pos, agent.replay_buffer.full
    state = agent_state(agent)
    assert restore_agent(other, state)
    restore_log(other, state["pending_log"])


def everything(agent: swimrl.TD3) -> dict[str, bytes]:
    """The bytes of all that a step can change."""
    tensors = {**agent.policy.state_dict()}
    for name, optimizer in (("actor", agent.actor.optimizer), ("critic", agent.critic.optimizer)):
        for number, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"{name} {number} {key}": value for key, value in moments.items()}
    found = {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}
    found |= {name: rows.tobytes() for name, rows in replay_ring(agent.replay_buffer).items()}
    return found | {"observations": agent._last_obs.tobytes()}


@pytest.mark.parametrize("engine", ["fused", "sb3"])
@pytest.mark.parametrize(("count", "normalised"), [(1, False), (3, True)], ids=["one", "three, normalised"])
@pytest.mark.parametrize("steps", [6, 40, 90], ids=["first actions", "learning", "buffer full"])
def test_the_next_steps_are_the_same(engine: str, count: int, normalised: bool, steps: int) -> None:
    settings = {"count": count, "normalised": normalised}
    agent, other = new_agent(engine, **settings), new_agent(engine, **settings)
    agent.learn(steps)
    taken_over(agent, other)
    for one in (agent, other):
        one.learn(45, reset_num_timesteps=False)
    assert everything(other) == everything(agent)
    assert other.num_timesteps == agent.num_timesteps
    assert other._n_updates == agent._n_updates
    assert other._episode_num == agent._episode_num
    for left, right in zip(agent.ep_info_buffer, other.ep_info_buffer, strict=True):
        assert (left["r"], left["l"]) == (right["r"], right["l"])


def test_a_run_that_goes_on_keeps_its_products(monkeypatch: pytest.MonkeyPatch) -> None:
    agent = new_agent("fused")
    agent.learn(40)
    products = agent.engine_facts()["products"]
    monkeypatch.setattr(planner, "remembered", lambda *_: "torch")  # what a new run would take
    agent.products = products | dict.fromkeys(products, "numpy")
    agent._update = None
    agent.learn(1, reset_num_timesteps=False)
    other = new_agent("fused")
    taken_over(agent, other)
    other.learn(20, reset_num_timesteps=False)
    assert set(other.engine_facts()["products"].values()) == {"numpy"}


def test_looking_changes_nothing() -> None:
    agent, other = new_agent("fused"), new_agent("fused")
    for one in (agent, other):
        one.learn(40)
    before = agent.prepare_engine()
    agent_state(agent)
    for one in (agent, other):
        one.learn(20, reset_num_timesteps=False)
    assert agent.prepare_engine() is before  # the fused engine's arrays were left where they are
    assert everything(agent) == everything(other)


def test_the_global_generators_stand_where_they_stood() -> None:
    agent, other = new_agent("fused"), new_agent("fused")
    agent.learn(20)
    state = agent_state(agent)
    expected = random.random(), np.random.rand(), float(torch.rand(()))
    restore_agent(other, state)
    assert (random.random(), np.random.rand(), float(torch.rand(()))) == expected


def test_what_the_log_had_not_written_is_kept() -> None:
    agent, other = new_agent("fused"), new_agent("fused")
    agent.learn(20)
    agent.logger.record("mine/number", np.float32(0.5), exclude="csv")
    agent.logger.record("mine/text", "left out: no number")
    restore_log(other, agent_state(agent)["pending_log"])
    assert other.logger.name_to_value["mine/number"] == 0.5
    assert other.logger.name_to_excluded["mine/number"] == ("csv",)
    assert other.logger.name_to_value["train/critic_loss"] == agent.logger.name_to_value["train/critic_loss"]
    assert "mine/text" not in other.logger.name_to_value
