"""The supported environments: Gymnasium's MuJoCo control tasks, versions 4 and 5."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

_SWIMMER = "gamma 0.99 stalls near 40-110; use --td3.gamma 0.9999"


@dataclass(frozen=True)
class Task:
    """One supported environment with its default settings.

    Attributes:
        id: Gymnasium's id.
        observation_size: Length of the observation vector.
        action_size: Length of the action vector.
        horizon: Steps after which an episode is cut off.
        note: What a person should know before training on it; may be empty.
    """

    id: str
    observation_size: int
    action_size: int
    horizon: int
    note: str = ""


# Pusher-v4 is left out: it refuses every MuJoCo since 3.0.
TASKS = MappingProxyType(
    {
        task.id: task
        for task in (
            Task("Ant-v4", 27, 8, 1000),
            Task("Ant-v5", 105, 8, 1000),
            Task("HalfCheetah-v4", 17, 6, 1000),
            Task("HalfCheetah-v5", 17, 6, 1000),
            Task("Hopper-v4", 11, 3, 1000),
            Task("Hopper-v5", 11, 3, 1000),
            Task("Humanoid-v4", 376, 17, 1000),
            Task("Humanoid-v5", 348, 17, 1000),
            Task("HumanoidStandup-v4", 376, 17, 1000),
            Task("HumanoidStandup-v5", 348, 17, 1000),
            Task("InvertedDoublePendulum-v4", 11, 1, 1000),
            Task("InvertedDoublePendulum-v5", 9, 1, 1000),
            Task("InvertedPendulum-v4", 4, 1, 1000),
            Task("InvertedPendulum-v5", 4, 1, 1000),
            Task("Pusher-v5", 23, 7, 100),
            Task("Reacher-v4", 11, 2, 50),
            Task("Reacher-v5", 10, 2, 50),
            Task("Swimmer-v4", 8, 2, 1000, _SWIMMER),
            Task("Swimmer-v5", 8, 2, 1000, _SWIMMER),
            Task("Walker2d-v4", 17, 6, 1000),
            Task("Walker2d-v5", 17, 6, 1000),
        )
    }
)
"""Every supported task by its id, in alphabetical order."""
