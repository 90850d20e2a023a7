"""The cost of a run on this machine: seconds, memory, disk."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from swimrl.envs.catalogue import TASKS
from swimrl.runs.replay_log import FILE_STEPS
from swimrl.sweeps.study_record import Speed
from swimrl.td3.replay import Columns
from swimrl.training.config import TrainConfig

PROCESS_BYTES = 500e6
"""Memory of a worker without its replay buffer: Python, PyTorch, MuJoCo, networks, compiled kernels."""

_RUN_BYTES = 15e6
"""Disk of a run without its replay buffer: policies, TensorBoard, evaluations, checkpoints' networks."""

_UNKNOWN_SIZES = (100, 20)
_UNKNOWN_HORIZON = 1000


@dataclass(frozen=True)
class RunCost:
    """Memory and disk of one run."""

    memory_bytes: float
    disk_bytes: float
    """Most of it is the checkpoint, which `swimrl clean` deletes when the run is done."""


def cost_of(config: TrainConfig) -> RunCost:
    """Return the cost of a run; an environment that is not in the catalogue counts as a large one."""
    task = TASKS.get(config.env)
    observation, action = (task.observation_size, task.action_size) if task else _UNKNOWN_SIZES
    steps = min(config.td3.buffer_size, config.steps)
    if config.engine == "fused":
        row = 4 * Columns(observation, action).width
    else:
        row = 2 * 8 * observation + 4 * (action + 3)
    on_disk = steps + min(FILE_STEPS, steps) if config.checkpoint_every else 0
    return RunCost(PROCESS_BYTES + steps * row, _RUN_BYTES + on_disk * row)


def seconds_of(config: TrainConfig, speed: Speed, done: int = 0) -> float:
    """Return the seconds of a run from its step ``done`` on, if every episode reaches its time limit."""
    task = TASKS.get(config.env)
    horizon = task.horizon if task else _UNKNOWN_HORIZON
    random = max(min(config.td3.learning_starts, config.steps) - done, 0)
    learning = max(config.steps - max(config.td3.learning_starts, done), 0)
    evaluations = max(config.steps - done, 0) // config.eval_every + 1
    episodes = evaluations * config.eval_episodes + config.final_episodes
    return (random + episodes * horizon) * speed.random_s + learning * speed.learning_s


def jobs_that_fit(memory: Sequence[float], available: float) -> int:
    """Return how many runs fit into the memory at once, even if the largest run at the same time.

    Args:
        memory: Memory of each run, in bytes.
        available: Memory that is free, in bytes.
    """
    fit, used = 0, 0.0
    for need in sorted(memory, reverse=True):
        used += need
        if used > available:
            break
        fit += 1
    return fit


def available_memory() -> float:
    """Return the bytes that new processes can have: free memory, or less if a control group allows less."""
    free = float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    meminfo = Path("/proc/meminfo")
    if meminfo.exists():
        free = _table(meminfo)["MemAvailable:"] * 1024
    return min(free, *(_left_to_group(*files) for files in _CONTROL_GROUPS))


_CONTROL_GROUPS = (
    ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Of version 2 and version 1: folder, limit, use, and the part of the use that is cache and can be freed."""


def _left_to_group(folder: str, limit: str, used: str, cache: str) -> float:
    group = Path(folder)
    try:
        allowed, taken = (float((group / name).read_text()) for name in (limit, used))
        return allowed - taken + _table(group / "memory.stat")[cache]
    except (OSError, ValueError, KeyError):  # no such control group, or one without a limit
        return math.inf


def _table(path: Path) -> dict[str, float]:
    return {words[0]: float(words[1]) for line in path.read_text().splitlines() if (words := line.split())}
