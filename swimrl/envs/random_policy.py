"""The returns of a random policy, the zero of normalised scores, measured for every supported task.

    python -m swimrl.envs.random_policy

measures them anew and writes the file that the package ships. Actions are uniform in the action space, as in
the random steps before learning.
"""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

from swimrl.envs.catalogue import TASKS

EPISODES = 100

_FILE = Path(__file__).with_name("random_policy.json")


def random_returns() -> dict[str, float]:
    """Return the mean undiscounted return of a random policy on every supported task."""
    return {env: float(facts["mean"]) for env, facts in random_policy()["tasks"].items()}


def random_policy() -> dict[str, Any]:
    """Return the file: ``episodes``, ``versions``, and for each of ``tasks`` mean and standard error."""
    content: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return content


def measure(env_id: str, episodes: int = EPISODES) -> dict[str, float]:
    """Return the mean return of a random policy and its standard error.

    Args:
        env_id: A supported task.
        episodes: How many episodes, at least 2; resets are seeded with 0, 1, 2, ...
    """
    import gymnasium
    import numpy as np

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
    from swimrl.host import library_versions

    warnings.filterwarnings("ignore", category=DeprecationWarning)
    versions = library_versions()
    content = {
        "episodes": EPISODES,
        "versions": {name: versions[name] for name in ("gymnasium", "mujoco", "numpy")},
        "tasks": {env_id: measure(env_id) for env_id in TASKS},
    }
    _FILE.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
