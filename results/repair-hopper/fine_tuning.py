"""The competitor of a repair: TD3 continues to learn on the windows that the repair's search plays.

The windows and the rule by which weights are kept are the repair's own: after every 1,000 environment steps
the policy plays all windows, and the weights that do best there are kept, the weights before among them.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3.common.callbacks import BaseCallback

import swimrl
from swimrl.repairing.failure import Fall
from swimrl.repairing.policies import PatchedPolicies
from swimrl.repairing.starts import Window, collect, noisy_starts, seeds
from swimrl.repairing.windows import WindowTests
from swimrl.rollouts import Lockstep, lockstep, play
from swimrl.td3.policy import TD3Policy
from swimrl.training import Run
from swimrl.training.build import policy_kwargs

FIRST_STEPS = 2_000
"""Steps with exploration noise before the first update: the run's replay buffer is not kept with a policy."""

CHECK_EVERY = 1_000
LEAD, WINDOW = 100, 300
"""The defaults of `swimrl repair`."""


@dataclass(frozen=True)
class FineTuned:
    """A policy after fine-tuning."""

    policy: TD3Policy
    facts: dict[str, Any]


class Windows(gym.Env[np.ndarray, np.ndarray]):
    """Episodes are windows, drawn at random; a window that ends without a fall is truncated.

    Args:
        env: The environment.
        windows: The windows.
        seed: Of the draws.
    """

    def __init__(self, env: gym.Env[Any, Any], windows: list[Window], seed: int) -> None:
        self.observation_space, self.action_space = env.observation_space, env.action_space
        self._place: Lockstep = lockstep(env, 1)
        self._windows = windows
        self._draws = np.random.default_rng(seed)
        self._left = 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        window = self._windows[self._draws.integers(len(self._windows))]
        self._left = window.steps or 1000
        return self._place.begin(0, window.start), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        outcome = self._place.step(np.array([0]), np.asarray(action)[None])
        self._left -= 1
        over = bool(outcome.truncated[0]) or self._left == 0
        return outcome.observations[0], float(outcome.rewards[0]), bool(outcome.terminated[0]), over, {}


class KeepBest(BaseCallback):
    """Keeps the weights that do best on the windows; ends the learning when all pass or the time is over.

    Args:
        env: An environment of its own.
        windows: The windows.
        most_s: Processor seconds, those of playing the windows among them.
    """

    def __init__(self, env: gym.Env[Any, Any], windows: list[Window], most_s: float) -> None:
        super().__init__()
        self._places = lockstep(env, 128)
        self._windows = windows
        self._began = time.process_time()
        self._most_s = most_s
        self.fitness: list[float] = []
        self.best: dict[str, Any] = {}

    def _on_training_start(self) -> None:
        self._check()

    def _on_step(self) -> bool:
        if self.num_timesteps % CHECK_EVERY == 0:
            self._check()
        return max(self.fitness) < len(self._windows) and self.spent_s < self._most_s

    @property
    def spent_s(self) -> float:
        """Processor seconds so far."""
        return time.process_time() - self._began

    def _check(self) -> None:
        # Made anew each time, because learning may move the weights to other memory.
        tests = WindowTests(
            PatchedPolicies(self.model.policy, None), self._places, self._windows, Fall(), 1.0
        )
        fitness = float(tests.fitness(np.zeros((1, 0)), np.full(1, -np.inf))[0])
        if not self.fitness or fitness > max(self.fitness):
            self.best = {name: value.clone() for name, value in self.model.policy.state_dict().items()}
        self.fitness.append(fitness)


def fine_tuned(run: Run, noise: float, count: int, most_s: float, seed: int) -> FineTuned:
    """Return the policy after fine-tuning on the windows of the repair with the same seed.

    Args:
        run: The run.
        noise: Noise of the starts.
        count: Windows, half of them failing.
        most_s: Processor seconds.
        seed: That of the repair.
    """
    policy, _ = run.td3_policy()
    with closing(run.make_environment()) as env:
        windows = windows_of(PatchedPolicies(policy, None), env, noise, count, seed)
        agent = swimrl.TD3(
            "MlpPolicy",
            Windows(env, windows, seed),
            policy_kwargs=policy_kwargs(run.config),
            seed=seed,
            **{**run.config.td3.agent_arguments(1), "learning_starts": 0},
        )
        agent.policy.load_state_dict(policy.state_dict())
        with closing(run.make_environment()) as other:
            keep = KeepBest(other, windows, most_s)
            fill(agent, FIRST_STEPS, seed)
            agent.learn(10**9, callback=keep)
    steps = agent.num_timesteps
    agent.policy.load_state_dict(keep.best)
    facts = {
        "most_processor_s": most_s,
        "processor_s": keep.spent_s,
        "environment_steps": FIRST_STEPS + steps,
        "updates": agent._n_updates,
        "fitness_of_checks": keep.fitness,
        "most_fitness": len(windows),
        "kept_check": int(np.argmax(keep.fitness)),
    }
    return FineTuned(agent.policy, facts)


def windows_of(
    policies: PatchedPolicies, env: gym.Env[Any, Any], noise: float, count: int, seed: int
) -> list[Window]:
    """Return the windows that `swimrl repair` finds with the same settings."""
    places = lockstep(env, 128)
    first, most = 2 * count, 10 * count
    played = first
    while True:
        starts = noisy_starts(
            policies.unpatched, places, seeds("search", played, seed), noise, env.action_space
        )
        rollouts = play(policies.unpatched, places, starts)
        falls = int(rollouts.terminated.sum())
        if min(falls, played - falls) >= count // 2 or played >= most:
            break
        played = min(played + first, most)
    collection = collect(
        policies.unpatched, places, starts, Fall(), rollouts, count=count, lead=LEAD, window=WINDOW
    )
    return collection.windows


def fill(agent: swimrl.TD3, steps: int, seed: int) -> None:
    """Fill the replay buffer by acting with the run's exploration noise."""
    draws = np.random.default_rng(seed)
    env = agent.get_env()
    assert env is not None
    assert agent.replay_buffer is not None
    seen = env.reset()
    for _ in range(steps):
        scaled = agent.policy.scale_action(agent.predict(seen, deterministic=True)[0])
        scaled = np.clip(scaled + draws.normal(0, agent.exploration_noise, scaled.shape), -1, 1)
        after, rewards, dones, infos = env.step(agent.policy.unscale_action(scaled))
        following = np.array([infos[0]["terminal_observation"]]) if dones[0] else after
        agent.replay_buffer.add(seen, following, scaled, rewards, dones, infos)
        seen = after
