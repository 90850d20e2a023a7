"""Public methods of Stable-Baselines3's agent, policy and replay buffer, as its documentation calls them."""

from __future__ import annotations

import inspect
import io
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import stable_baselines3
from stable_baselines3.common.callbacks import CheckpointCallback, EvalCallback
from stable_baselines3.common.logger import configure
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

import swimrl

PARTS = {
    "agent": lambda agent: agent,
    "policy": lambda agent: agent.policy,
    "actor": lambda agent: agent.actor,
    "critic": lambda agent: agent.critic,
    "replay buffer": lambda agent: agent.replay_buffer,
}
TASK = "Pendulum-v1"
SMALL: dict[str, Any] = {
    "learning_starts": 20,
    "batch_size": 16,
    "policy_kwargs": {"net_arch": [8]},
    "seed": 0,
}


@pytest.mark.parametrize("part", PARTS)
def test_every_public_method_takes_the_same_arguments(part: str) -> None:
    theirs, ours = (
        PARTS[part](make("MlpPolicy", TASK, **SMALL)) for make in (stable_baselines3.TD3, swimrl.TD3)
    )
    for name in (name for name in dir(theirs) if not name.startswith("_")):
        assert name in dir(ours)
        method = getattr(type(theirs), name, None)
        if inspect.isfunction(method):
            expected = list(inspect.signature(method).parameters)
            assert list(inspect.signature(getattr(type(ours), name)).parameters)[: len(expected)] == expected


def documented_calls(make: Any, folder: Path) -> dict[str, Any]:
    """Make the calls that Stable-Baselines3's documentation shows; return what does not depend on weights."""
    seen: dict[str, Any] = {}
    env = gym.make(TASK)
    agent = make("MlpPolicy", env, action_noise=NormalActionNoise(np.zeros(1), np.full(1, 0.1)), **SMALL)
    agent.set_logger(configure(str(folder / "log"), ["csv"]))
    watch = EvalCallback(
        Monitor(gym.make(TASK)),
        eval_freq=30,
        n_eval_episodes=1,
        best_model_save_path=str(folder / "best"),
        verbose=0,
    )
    checkpoints = CheckpointCallback(30, str(folder / "checkpoints"), save_replay_buffer=True)
    seen["learn"] = agent.learn(40, callback=[checkpoints, watch], log_interval=4, tb_log_name="x") is agent
    agent.learn(20, callback=lambda local_values, global_values: True, reset_num_timesteps=False)
    seen["steps"] = agent.num_timesteps
    agent.logger.close()

    agent.save(folder / "a.zip")
    agent.save(str(folder / "b"), exclude=["replay_buffer"], include=["_last_obs"])
    file = io.BytesIO()
    agent.save(file)
    file.seek(0)
    make.load(file)
    loaded = make.load(folder / "a", env=env, custom_objects={"learning_rate": 1e-5}, force_reset=False)
    seen["learning rate"] = loaded.learning_rate
    observation = env.reset(seed=0)[0]
    action, state = agent.predict(observation, state=None, episode_start=None, deterministic=True)
    seen["predict"] = (np.allclose(loaded.predict(observation, deterministic=True)[0], action), state)
    seen["many"] = agent.predict(np.stack([observation] * 2))[0].shape

    agent.save_replay_buffer(folder / "buffer")
    loaded.load_replay_buffer(folder / "buffer", truncate_last_traj=True)
    seen["buffer"] = loaded.replay_buffer.size()
    loaded.set_env(VecNormalize(DummyVecEnv([lambda: gym.make(TASK)])), force_reset=True)
    seen["environment"] = type(loaded.get_vec_normalize_env()).__name__
    loaded.set_random_seed(5)
    parameters = agent.get_parameters()
    seen["parameters"] = sorted(parameters)
    loaded.set_parameters(parameters, exact_match=True, device="cpu")
    loaded.set_parameters({"policy": parameters["policy"]}, exact_match=False)
    loaded.set_parameters(str(folder / "a.zip"))

    policy = agent.policy
    policy.save(folder / "policy")
    again = type(policy).load(folder / "policy")
    again.load_from_vector(policy.parameters_to_vector())
    tensor, is_vector = again.obs_to_tensor(observation)
    seen["policy"] = (
        tuple(again(tensor).shape),
        is_vector,
        agent.critic.q1_forward(tensor, again(tensor)).shape,
    )
    seen["scaled"] = (again.scale_action(np.array([[1.0]])), again.unscale_action(np.array([[0.5]])))

    buffer = agent.replay_buffer
    buffer.reset()
    one = (observation[None], observation[None], np.array([[0.1]]), np.array([1.0]))
    buffer.add(*one, np.array([False]), [{}])
    buffer.extend(*(part[None] for part in one), np.array([[True]]), [[{"TimeLimit.truncated": True}]])
    sample = buffer.sample(4, env=None)
    seen["sample"] = [(part.shape, part.dtype) for part in sample[:5]]
    seen["dones"] = sample.dones.tolist()
    seen["files"] = sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))
    return seen


def test_the_documented_calls_return_the_same(tmp_path: Path) -> None:
    theirs, ours = (
        documented_calls(make, tmp_path / make.__module__) for make in (stable_baselines3.TD3, swimrl.TD3)
    )
    assert ours == theirs
