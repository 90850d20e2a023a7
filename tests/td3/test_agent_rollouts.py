"""The loop that acts and stores does what Stable-Baselines3's own does, to the byte.

With the engine ``sb3``, acting and storing are compared as well; with ``fused`` the actor rounds otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import KVWriter, Logger
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecNormalize

import swimrl
from swimrl.envs.vector import LeanVecEnv
from swimrl.errors import ConfigError
from swimrl.td3.noise import with_own_stream
from tests.td3.agents import ENGINES, equal, pendulum, pendulums, weights


class TheirLoop(swimrl.TD3):
    """The same agent with Stable-Baselines3's own loop."""

    collect_rollouts = OffPolicyAlgorithm.collect_rollouts


class TheirSteps(TheirLoop):
    """And with its own way to act and to store; the streams and the warm-up without noise are ours."""

    _store_transition = OffPolicyAlgorithm._store_transition

    def _sample_action(self, learning_starts: int, action_noise: Any = None, n_envs: int = 1) -> Any:
        noise = None if self.num_timesteps < learning_starts else action_noise
        own = any(with_own_stream(noise))
        with nullcontext() if own else self.streams.borrow(numpy="exploration noise"):
            return OffPolicyAlgorithm._sample_action(self, learning_starts, noise, n_envs)


class Goal(gym.Wrapper[Any, Any, Any, Any]):
    """Pendulum that falls when it turns fast, and says at each end whether it was upright."""

    def step(self, action: Any) -> Any:
        observation, reward, _, truncated, info = super().step(action)
        fallen = bool(abs(observation[2]) > 4)
        return observation, reward, fallen, truncated, {**info, "is_success": bool(observation[0] > 0)}


def goal() -> gym.Env[Any, Any]:
    return Monitor(Goal(gym.make("Pendulum-v1", max_episode_steps=7)))


class Unsymmetrical(gym.ActionWrapper[Any, Any, Any]):
    """Pendulum whose box of actions is [-3, 1]."""

    def __init__(self) -> None:
        super().__init__(pendulum())
        self.action_space = Box(-3, 1, (1,), np.float32)

    def action(self, action: Any) -> Any:
        return action + 1


class Diary(BaseCallback):
    """Notes all that a callback can see, at each call."""

    def __init__(self, last_step: int | None = None) -> None:
        super().__init__()
        self.last_step = last_step
        self.entries: list[dict[str, Any]] = []

    def note(self, event: str) -> None:
        agent = self.model
        seen = {key: value for key, value in self.locals.items() if is_data(value)}
        seen |= {"done": bool(seen["done"])} if "done" in seen else {}  # ours is Python's own
        self.entries.append(
            {
                "event": event,
                "names": sorted(self.locals),
                "seen": repr(seen),  # numbers in full, and their types
                "counts": (self.n_calls, self.num_timesteps, agent._n_updates, agent._episode_num),
                "modes": (agent.policy.training, agent.actor.training, agent.critic.training),
                "last": repr((agent._last_obs, agent._last_original_obs)),
                "progress": agent._current_progress_remaining,
                "buffer": (agent.replay_buffer.pos, agent.replay_buffer.full),
            }
        )

    def _on_training_start(self) -> None:
        self.note("training start")

    def _on_rollout_start(self) -> None:
        self.note("rollout start")

    def _on_step(self) -> bool:
        self.note("step")
        return self.num_timesteps != self.last_step

    def _on_rollout_end(self) -> None:
        self.note("rollout end")

    def _on_training_end(self) -> None:
        self.note("training end")


def is_data(value: Any) -> bool:
    """Whether a local variable holds numbers; of an info, the time that an episode took is no such thing."""
    if isinstance(value, list):
        for info in value:
            info.get("episode", {}).pop("t", None)
    return isinstance(value, np.ndarray | np.generic | int | float | bool | list | tuple)


class Pages(KVWriter):
    """What the logger writes, clocks apart."""

    def __init__(self) -> None:
        self.pages: list[tuple[int, dict[str, Any]]] = []

    def write(self, key_values: dict[str, Any], key_excluded: dict[str, Any], step: int = 0) -> None:
        clocks = ("time/fps", "time/time_elapsed")
        self.pages.append((step, {k: v for k, v in key_values.items() if k not in clocks}))


SETTINGS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "one environment": (pendulum, {}),
    "episodes that end by themselves": (goal, {}),
    "lean environments": (lambda: LeanVecEnv([goal] * 3), {}),
    "other environments": (lambda: pendulums(2), {"gradient_steps": -1}),
    "an unsymmetrical box": (Unsymmetrical, {}),
    "steps between updates": (goal, {"train_freq": 4, "gradient_steps": 2}),
    "updates after episodes": (goal, {"train_freq": (2, "episode"), "gradient_steps": -1}),
    "normalised": (lambda: VecNormalize(LeanVecEnv([goal] * 2)), {}),
    "no noise": (goal, {"exploration_noise": 0.0}),
    "noise of another mean": (goal, {"action_noise": NormalActionNoise(np.ones(1), 0.3 * np.ones(1))}),
    "noise of one deviation": (goal, {"action_noise": NormalActionNoise(np.zeros(1), 0.3)}),  # type: ignore[arg-type]
    "noise in float64": (
        goal,
        {"action_noise": NormalActionNoise(np.zeros(1), 0.3 * np.ones(1), np.float64)},  # type: ignore[arg-type]
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("case", "last_step"),
    [*((case, None) for case in SETTINGS), ("one environment", 36), ("lean environments", 36)],
)
def test_equals_stable_baselines3s_loop(case: str, engine: str, last_step: int | None) -> None:
    make, settings = SETTINGS[case]
    ends: list[Any] = []
    for kind in (swimrl.TD3, TheirSteps if engine == "sb3" else TheirLoop):
        agent = kind(
            "MlpPolicy",
            make(),
            learning_rate=1e-3,
            buffer_size=60,
            learning_starts=20,
            batch_size=8,
            seed=0,
            engine=engine,
            policy_kwargs={"net_arch": [8, 7], "activation_fn": "swim"},
            **settings,
        )
        pages, diary = Pages(), Diary(last_step)
        agent.set_logger(Logger(folder=None, output_formats=[pages]))
        agent.learn(60, callback=diary, log_interval=2)
        agent.learn(30, callback=diary, log_interval=None, reset_num_timesteps=False)
        ends.append((weights(agent), pages.pages, diary.entries, agent.replay_buffer, agent))
    (ours, our_pages, our_entries, our_buffer, one), (theirs, their_pages, entries, buffer, other) = ends
    assert equal(ours, theirs)
    assert our_pages == their_pages
    for entry, reference in zip(our_entries, entries, strict=True):
        assert entry == reference
    for part in ("observations", "actions", "next_observations", "rewards", "dones", "timeouts"):
        np.testing.assert_array_equal(getattr(our_buffer, part), getattr(buffer, part))
    assert list(one.ep_success_buffer) == list(other.ep_success_buffer)
    assert one.num_timesteps == other.num_timesteps
    # The comparison has seen something.
    assert one._n_updates > 0
    assert our_pages
    assert {entry["event"] for entry in entries} >= {"rollout start", "step", "rollout end"}


@pytest.mark.parametrize(
    ("train_freq", "problem"),
    [
        ((1, "episode"), "end at different times in 2 environments; count steps"),
        (0, "is 0; expected at least 1"),
    ],
)
def test_a_train_freq_that_cannot_be(train_freq: Any, problem: str) -> None:
    agent = swimrl.TD3("MlpPolicy", pendulums(2), train_freq=train_freq)
    with pytest.raises(ConfigError, match=problem):
        agent.learn(10)
