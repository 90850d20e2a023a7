"""The state of an agent, without the content of its replay buffer: all that its next steps depend on.

`agent_state` only reads, so it does not change how a run goes on. `restore_agent` expects an agent that was
built from the same configuration.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize

from swimrl.envs.seeding import global_state, restore_global_state
from swimrl.envs.vector import LeanVecEnv
from swimrl.td3.agent import TD3
from swimrl.td3.compiler import compiler_unloaded
from swimrl.td3.replay import RowReplayBuffer

State = dict[str, Any]
"""Plain data and NumPy arrays, nested."""


PendingLog = Sequence[tuple[str, float, Sequence[str]]]
"""Name, number, and the outputs that do not receive it."""


def agent_state(agent: TD3) -> State:
    """Return the agent's state between two environment steps; its environments must be traced.

    The state shares no memory with the agent.
    """
    assert agent.ep_info_buffer is not None
    assert agent.ep_success_buffer is not None
    return {
        "policy": {name: _array(tensor) for name, tensor in agent.policy.state_dict().items()},
        "optimizers": {
            "actor": _optimizer_state(agent.actor.optimizer),
            "critic": _optimizer_state(agent.critic.optimizer),
        },
        "engine": agent.engine_facts(),
        "num_timesteps": agent.num_timesteps,
        "n_updates": agent._n_updates,
        "episode_num": agent._episode_num,
        "update_s": agent.update_s,
        "episode_infos": list(agent.ep_info_buffer),
        "episode_successes": list(agent.ep_success_buffer),
        "pending_log": _pending_log(agent),
        "environments": _lean_env(agent).state(),
        "normalisation": _normalisation_state(agent._vec_normalize_env),
        "last_observations": agent._last_obs,
        "last_original_observations": agent._last_original_obs,
        "streams": agent.streams.state(),
        "first_actions": _generator(agent).state,
        "global_generators": global_state(),
    }


def restore_agent(agent: TD3, state: Mapping[str, Any]) -> bool:
    """Set ``agent`` to a state of `agent_state`, except for its logger, see `restore_log`.

    Returns:
        Whether its environments reached the same state. If they did not, because a part of their state is
        hidden, the agent goes on from the state that they reached.

    Raises:
        ConfigError: If the fused engine used a product backend that does not exist here.
    """
    agent.policy.load_state_dict({name: torch.from_numpy(array) for name, array in state["policy"].items()})
    _restore_optimizer(agent.actor.optimizer, state["optimizers"]["actor"])
    _restore_optimizer(agent.critic.optimizer, state["optimizers"]["critic"])
    agent.num_timesteps = state["num_timesteps"]
    agent._n_updates = state["n_updates"]
    agent._episode_num = state["episode_num"]
    agent.update_s = state["update_s"]
    agent.ep_info_buffer = deque(state["episode_infos"], maxlen=agent._stats_window_size)
    agent.ep_success_buffer = deque(state["episode_successes"], maxlen=agent._stats_window_size)
    same_place = _restore_environments(agent, state)
    engine = state["engine"]
    agent.engine = engine["name"]
    agent.update_us_by_threads = engine.get("update_us_by_threads", {})
    products = engine.get("products")
    if products is not None:
        agent.products = products
        agent.prepare_engine()  # refuses, before the next step, a backend that does not exist here
    _generator(agent).state = state["first_actions"]
    agent.streams.restore(state["streams"])
    restore_global_state(state["global_generators"])
    return same_place


def restore_log(agent: TD3, pending: PendingLog) -> None:
    """Record the numbers that the previous logger had not written yet in the agent's new logger."""
    for name, value, excluded in pending:
        agent.logger.record(name, value, tuple(excluded))


def replay_ring(buffer: ReplayBuffer) -> dict[str, np.ndarray]:
    """Return the arrays that hold the buffer's steps, [C, E, ...] each; no copies."""
    if isinstance(buffer, RowReplayBuffer):
        return {"rows": buffer.rows.reshape(buffer.buffer_size, buffer.n_envs, -1)}
    names = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")
    return {name: getattr(buffer, name) for name in names}


def _array(tensor: torch.Tensor) -> np.ndarray:
    array: np.ndarray = tensor.detach().cpu().numpy().copy()
    return array


@compiler_unloaded()
def _optimizer_state(optimizer: torch.optim.Optimizer) -> State:
    """Return Adam's moments and steps by the parameter's number; empty before the first update."""
    state = optimizer.state_dict()["state"]
    return {
        str(number): {name: _array(value) for name, value in moments.items()}
        for number, moments in state.items()
    }


@compiler_unloaded()
def _restore_optimizer(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    moments = {
        int(number): {name: torch.from_numpy(value) for name, value in moments.items()}
        for number, moments in state.items()
    }
    optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})


def _pending_log(agent: TD3) -> PendingLog:
    """Return the numbers recorded since the logger last wrote, and the outputs excluded for each."""
    logger = agent.logger
    return [
        (name, float(value), logger.name_to_excluded[name])
        for name, value in logger.name_to_value.items()
        if isinstance(value, float | int | np.number)
    ]


def _lean_env(agent: TD3) -> LeanVecEnv:
    env = agent.env.unwrapped if agent.env else None
    assert isinstance(env, LeanVecEnv)
    return env


def _generator(agent: TD3) -> np.random.BitGenerator:
    """Return the generator of the first random actions."""
    return agent.action_space.np_random.bit_generator


def _normalisation_state(env: VecNormalize | None) -> State | None:
    if env is None:
        return None
    return {
        "observations": _moments(env.obs_rms),
        "rewards": _moments(env.ret_rms),
        "returns": env.returns.copy(),
    }


def _moments(statistics: Any) -> State:
    assert isinstance(statistics, RunningMeanStd)  # one for each key only where observations are dictionaries
    return {name: np.asarray(getattr(statistics, name)) for name in ("mean", "var", "count")}


def _restore_environments(agent: TD3, state: Mapping[str, Any]) -> bool:
    lean, normalising = _lean_env(agent), agent._vec_normalize_env
    same_place = lean.restore(state["environments"])
    if normalising is not None:
        recorded = state["normalisation"]
        for statistics, name in ((normalising.obs_rms, "observations"), (normalising.ret_rms, "rewards")):
            assert isinstance(statistics, RunningMeanStd)
            for field in ("mean", "var"):
                setattr(statistics, field, recorded[name][field])
            statistics.count = float(recorded[name]["count"])
        normalising.returns = recorded["returns"].copy()
    if same_place:
        agent._last_obs = state["last_observations"]
        agent._last_original_obs = state["last_original_observations"]
    else:
        original = lean.observations()
        agent._last_original_obs = original
        agent._last_obs = normalising.normalize_obs(original) if normalising else original
    return same_place
