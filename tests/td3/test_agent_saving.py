"""Saving, loading, continuing, and reading parameters."""

from __future__ import annotations

import copy
import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stable_baselines3
import torch
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.sb2_compat.rmsprop_tf_like import RMSpropTFLike
from torch import nn

import swimrl
from tests.td3.agents import AgentFactory, actions, equal, observations, pendulum, pendulums, weights


def test_loads_what_it_saved_and_continues(new_agent: AgentFactory, tmp_path: Path) -> None:
    agent = new_agent(
        pendulum(), policy_kwargs={"activation_fn": "swim(k=trainable)", "activation_lr_scale": 0.5}
    )
    agent.learn(40)
    agent.save(tmp_path / "agent.zip")
    agent.save_replay_buffer(tmp_path / "buffer")
    loaded = swimrl.TD3.load(tmp_path / "agent.zip", env=pendulum(), device="cpu")
    assert loaded.engine == agent.engine
    assert (loaded.num_timesteps, loaded._n_updates, loaded.learning_rate) == (40, 30, 1e-3)
    assert equal(weights(loaded), weights(agent))
    for name in ("actor.optimizer", "critic.optimizer"):
        ours, theirs = agent.get_parameters()[name], loaded.get_parameters()[name]
        assert ours["param_groups"] == theirs["param_groups"]
        assert ours["state"].keys() == theirs["state"].keys()
        for number, moments in ours["state"].items():
            for key, value in moments.items():
                assert torch.equal(value, theirs["state"][number][key]), (name, number, key)
    assert loaded.replay_buffer.size() == 0
    loaded.load_replay_buffer(tmp_path / "buffer")
    for part in ("observations", "next_observations", "actions", "rewards", "dones", "timeouts"):
        np.testing.assert_array_equal(getattr(loaded.replay_buffer, part), getattr(agent.replay_buffer, part))
    before = weights(loaded)
    loaded.learn(10, reset_num_timesteps=False)
    assert (loaded.num_timesteps, loaded._n_updates, loaded.replay_buffer.size()) == (50, 40, 50)
    assert not equal(before, weights(loaded))


@pytest.mark.parametrize("load", [swimrl.TD3.load, stable_baselines3.TD3.load])
@pytest.mark.parametrize("net", ["simba:8x2", {"pi": "residual:8x1", "qf": [8, 6]}], ids=str)
def test_loads_residual_networks(load: Any, net: Any, new_agent: AgentFactory, tmp_path: Path) -> None:
    agent = new_agent(pendulum(), policy_kwargs={"activation_fn": "swim", "net_arch": net}).learn(15)
    agent.save(tmp_path / "agent.zip")
    loaded = load(tmp_path / "agent.zip", env=pendulum(), device="cpu")
    assert equal(weights(loaded), weights(agent))
    np.testing.assert_allclose(
        actions(loaded, observations(agent)), actions(agent, observations(agent)), atol=1e-6
    )


def test_loads_from_memory_with_other_settings(new_agent: AgentFactory) -> None:
    file = io.BytesIO()
    agent = new_agent(pendulum()).learn(15)
    agent.save(file)
    file.seek(0)
    loaded = swimrl.TD3.load(file, env=pendulum(), device="cpu", learning_rate=5e-4, gamma=0.5)
    loaded.learn(15)
    assert loaded.gamma == 0.5
    assert {g["lr"] for g in loaded.actor.optimizer.param_groups} == {5e-4}


def test_loads_with_another_number_of_environments(new_agent: AgentFactory, tmp_path: Path) -> None:
    agent = new_agent(pendulum()).learn(15)
    agent.save(tmp_path / "agent")
    loaded = swimrl.TD3.load(tmp_path / "agent", env=pendulums(3), device="cpu")
    loaded.learn(60)
    assert loaded.replay_buffer.actions.shape == (133, 3, 1)
    assert loaded._n_updates == agent._n_updates + 17  # after steps 12, 15 ... 60


def test_loads_with_fewer_environments(new_agent: AgentFactory, tmp_path: Path) -> None:
    agent = new_agent(pendulums(2)).learn(20)
    agent.save(tmp_path / "agent")
    loaded = swimrl.TD3.load(tmp_path / "agent", env=pendulum(), device="cpu")
    loaded.learn(20)
    assert loaded.replay_buffer.actions.shape == (400, 1, 1)


def test_saves_an_optimiser_that_counts_in_plain_numbers(new_agent: AgentFactory, tmp_path: Path) -> None:
    agent = new_agent(policy_kwargs={"optimizer_class": RMSpropTFLike}).learn(20)
    agent.save(tmp_path / "agent")
    loaded = swimrl.TD3.load(tmp_path / "agent", device="cpu")
    assert equal(weights(loaded), weights(agent))


@pytest.mark.parametrize("activation", ["relu", "swim(k=trainable)", ["aulu", nn.GELU]], ids=str)
def test_plain_stable_baselines3_opens_the_file(
    new_agent: AgentFactory, activation: Any, tmp_path: Path
) -> None:
    agent = new_agent(pendulum(), policy_kwargs={"activation_fn": activation}).learn(20)
    agent.save(tmp_path / "agent")
    plain = stable_baselines3.TD3.load(tmp_path / "agent", env=pendulum(), device="cpu")
    assert type(plain) is stable_baselines3.TD3
    np.testing.assert_array_equal(actions(plain, observations(agent)), actions(agent, observations(agent)))
    plain.learn(15)
    assert not equal(weights(plain), weights(agent))


def contents(path: Path) -> tuple[dict[str, Any], int]:
    """The stored attributes, and the size in bytes."""
    with zipfile.ZipFile(path) as file:
        return json.loads(file.read("data")), path.stat().st_size


def test_file_holds_no_more_than_plain_stable_baselines3s(new_agent: AgentFactory, tmp_path: Path) -> None:
    agent = new_agent(pendulum(), policy_kwargs={"net_arch": [64, 64]}).learn(20)
    agent.save(tmp_path / "ours.zip")
    plain = stable_baselines3.TD3(
        "MlpPolicy",
        pendulum(),
        learning_rate=1e-3,
        learning_starts=10,
        batch_size=8,
        seed=0,
        device="cpu",
        policy_kwargs={"net_arch": [64, 64]},
        action_noise=NormalActionNoise(np.zeros(1), np.full(1, 0.1)),
    ).learn(20)
    plain.save(tmp_path / "theirs.zip")
    (ours, size), (theirs, reference) = contents(tmp_path / "ours.zip"), contents(tmp_path / "theirs.zip")
    assert size < 1.1 * reference
    own = ours.keys() - theirs.keys()
    assert {"engine", "exploration_noise"} <= own
    assert not [name for name in own if name.startswith("_") or ":serialized:" in str(ours[name])]


def test_what_leaves_the_agent_holds_each_number_once(new_agent: AgentFactory) -> None:
    agent = new_agent(policy_kwargs={"net_arch": [64, 64], "activation_fn": "swim(k=trainable)"}).learn(20)
    state = agent.get_parameters()
    moments = [
        value
        for name in ("actor.optimizer", "critic.optimizer")
        for of_one in state[name]["state"].values()
        for value in of_one.values()
    ]
    tensors = [*state["policy"].values(), *moments]
    for tensor in tensors:
        assert tensor.untyped_storage().nbytes() == tensor.nbytes
    agent.learn(5, reset_num_timesteps=False)
    numbers = sum(tensor.nbytes for tensor in tensors)
    assert numbers < len(pickle.dumps(agent.policy)) < 1.1 * numbers + 500 * len(tensors)


def test_reading_and_setting_parameters(new_agent: AgentFactory) -> None:
    one, two = (new_agent(pendulum(), seed=seed).learn(20) for seed in (0, 1))
    state = one.get_parameters()
    assert state.keys() == {"policy", "actor.optimizer", "critic.optimizer"}
    kept = copy.deepcopy(state)
    two.set_parameters(state)
    assert equal(weights(two), weights(one))
    two.learn(10, reset_num_timesteps=False)
    # Training one of them reaches neither the other nor the dictionary.
    assert not equal(weights(two), weights(one))
    assert equal(state["policy"], kept["policy"])
    assert equal(weights(one), kept["policy"])


def test_setting_parameters_that_do_not_fit(new_agent: AgentFactory) -> None:
    agent = new_agent()
    state = copy.deepcopy(agent.get_parameters())
    with pytest.raises(ValueError, match="Names of parameters do not match"):
        agent.set_parameters({"policy": state["policy"]})
    del state["policy"]["actor.mu.0.bias"]
    with pytest.raises(RuntimeError, match="Missing key"):
        agent.set_parameters(state)
    state["policy"]["actor.mu.0.weight"].fill_(3)
    agent.set_parameters({"policy": state["policy"]}, exact_match=False)
    assert agent.actor.mu[0].weight.eq(3).all()
    with pytest.raises(ValueError, match="invalid object name"):
        agent.set_parameters({"spam": {}})
