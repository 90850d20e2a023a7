"""A trained policy in safetensors."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import safetensors.numpy
import torch
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

from swimrl.errors import DamagedFileError, NonFiniteError
from swimrl.runs.weights import Normalisation
from swimrl.td3.policy import TD3Policy
from swimrl.training.policy_function import load_policy, normalisation_of, policy_function, save_policy

KWARGS: dict[str, Any] = {"net_arch": [16, 8], "activation_fn": {"pi": ["swim(k=1)", "tanh"], "qf": "elu"}}


@pytest.fixture
def env() -> gym.Env:
    """An environment whose actions reach from -2 to 2."""
    return gym.make("Pendulum-v1")


@pytest.fixture
def policy(env: gym.Env) -> TD3Policy:
    """A policy with random weights."""
    torch.manual_seed(0)
    return TD3Policy(env.observation_space, env.action_space, lr_schedule=lambda _: 0.0, **KWARGS)


def observations(count: int = 20) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)


@pytest.mark.parametrize("granularity", ["neuron", "network"])
def test_parameters_of_every_granularity_are_kept(env: gym.Env, tmp_path: Path, granularity: str) -> None:
    kwargs = {"net_arch": [8, 8], "activation_fn": f"swim(k=trainable, granularity={granularity})"}
    stored = TD3Policy(env.observation_space, env.action_space, lr_schedule=lambda _: 0.0, **kwargs)
    with torch.no_grad():
        stored.actor.mu[1].k.fill_(2.0)
    save_policy(tmp_path / "policy.safetensors", stored)
    act = policy_function(*load_policy(tmp_path / "policy.safetensors", env, kwargs))
    seen = observations(1)[0]
    np.testing.assert_array_equal(act(seen), policy_function(stored)(seen))


def test_acting_is_the_policys_own_forward_pass(policy: TD3Policy) -> None:
    act = policy_function(policy)
    for observation in observations():
        with torch.no_grad():
            expected = 2 * policy.actor.mu(torch.from_numpy(observation)).numpy()
        np.testing.assert_allclose(act(observation), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kwargs", [KWARGS, {**KWARGS, "layer_norm": True}], ids=["fast", "layer norm"])
def test_a_policy_comes_back_bit_for_bit(kwargs: dict[str, Any], env: gym.Env, tmp_path: Path) -> None:
    policy = TD3Policy(env.observation_space, env.action_space, lr_schedule=lambda _: 0.0, **kwargs)
    policy.set_training_mode(False)
    file = tmp_path / "policy.safetensors"
    save_policy(file, policy)
    loaded, kept = policy_function(*load_policy(file, env, kwargs)), policy_function(policy)
    for observation in observations():
        np.testing.assert_array_equal(loaded(observation), kept(observation))
    tensors = safetensors.numpy.load_file(file)
    assert tensors.keys() == policy.state_dict().keys()


def test_normalisation_is_vec_normalizes(env: gym.Env, policy: TD3Policy, tmp_path: Path) -> None:
    theirs = VecNormalize(DummyVecEnv([lambda: gym.make("Pendulum-v1")]), norm_reward=False)
    statistics: Any = RunningMeanStd(shape=(3,))
    statistics.update(5 * observations(100) + 3)
    theirs.obs_rms = statistics
    normalisation = normalisation_of(theirs)
    assert normalisation is not None
    far = np.array([1e3, -1e3, 0], np.float32)  # clipped
    for observation in [*observations(), far]:
        np.testing.assert_array_equal(normalisation(observation), theirs.normalize_obs(observation))

    file = tmp_path / "policy.safetensors"
    save_policy(file, policy, normalisation)
    act, raw = policy_function(*load_policy(file, env, KWARGS)), policy_function(policy)
    np.testing.assert_array_equal(act(far), raw(theirs.normalize_obs(far)))
    assert not np.allclose(act(far), raw(far))
    assert normalisation_of(None) is None


def test_normalisation_does_not_move_with_the_environment() -> None:
    theirs = VecNormalize(DummyVecEnv([lambda: gym.make("Pendulum-v1")]), norm_reward=False)
    normalisation = normalisation_of(theirs)
    assert isinstance(normalisation, Normalisation)
    before = normalisation(np.ones(3))
    theirs.reset()
    statistics: Any = theirs.obs_rms
    statistics.update(np.full((10, 3), 7.0))
    np.testing.assert_array_equal(normalisation(np.ones(3)), before)


def test_a_file_of_another_network_is_refused_in_one_line(
    env: gym.Env, policy: TD3Policy, tmp_path: Path
) -> None:
    file = tmp_path / "policy.safetensors"
    save_policy(file, policy)
    for other in ({**KWARGS, "net_arch": [16, 16]}, {**KWARGS, "layer_norm": True}):
        with pytest.raises(DamagedFileError, match=r"does not fit the run\.json beside it") as error:
            load_policy(file, env, other)
        assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", ["cut off", "empty", "noise", "missing"])
def test_a_damaged_file_is_named(damage: str, env: gym.Env, policy: TD3Policy, tmp_path: Path) -> None:
    file = tmp_path / "policy.safetensors"
    save_policy(file, policy)
    content = file.read_bytes()
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes({"cut off": content[:-100], "empty": b"", "noise": b"\x01" * 500}[damage])
    with pytest.raises(DamagedFileError) as error:
        policy_function(*load_policy(file, env, KWARGS))
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


def test_an_action_that_is_not_finite_is_the_policys_own_fault(env: gym.Env) -> None:
    kwargs = {"net_arch": [8, 8], "activation_fn": "expr: exp(x)*1e30"}
    policy = TD3Policy(env.observation_space, env.action_space, lr_schedule=lambda _: 0.0, **kwargs)
    with pytest.raises(
        NonFiniteError,
        match=r"action is nan; the first tensor .* is the output of actor\.mu\.3",
    ):
        policy_function(policy)(observations(1)[0])
    with torch.no_grad():
        policy.actor.mu[2].bias[1] = torch.nan
    with pytest.raises(NonFiniteError, match=r"the first tensor that is not finite is actor\.mu\.2\.bias"):
        policy_function(policy)(observations(1)[0])
