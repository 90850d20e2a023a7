"""Measure the returns of a random policy on every supported task: ``python -m tools.random_policy``.

The package ships the result, `swimrl/envs/random_policy.json`.
"""

from __future__ import annotations

import json
import math
import warnings

import gymnasium
import numpy as np

from swimrl.envs.catalogue import TASKS
from swimrl.envs.random_policy import RANDOM_POLICY_FILE
from swimrl.host import library_versions

EPISODES = 100


def measure(env_id: str, episodes: int = EPISODES) -> dict[str, float]:
    """Return the mean return of a random policy and its standard error.

    Args:
        env_id: A supported task.
        episodes: How many episodes, at least 2; resets are seeded with 0, 1, 2, ...
    """
    returns = []
    with gymnasium.make(env_id) as env:
        env.action_space.seed(0)
        for seed in range(episodes):
            env.reset(seed=seed)
            total, over = 0.0, False
            while not over:
                _, reward, terminated, truncated, _ = env.step(env.action_space.sample())
                total += float(reward)
                over = terminated or truncated
            returns.append(total)
    return {
        "mean": round(float(np.mean(returns)), 3),
        "standard_error": round(float(np.std(returns, ddof=1)) / math.sqrt(episodes), 3),
    }


def main() -> None:
    """Measure all tasks and write the file."""
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    versions = library_versions()
    content = {
        "episodes": EPISODES,
        "versions": {name: versions[name] for name in ("gymnasium", "mujoco", "numpy")},
        "tasks": {env_id: measure(env_id) for env_id in TASKS},
    }
    RANDOM_POLICY_FILE.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
