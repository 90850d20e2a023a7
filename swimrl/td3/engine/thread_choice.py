"""How many threads make updates fastest on this machine: a short measurement, and the choice.

Letters in shapes: B batch.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import median

import numpy as np
from gymnasium import spaces

from swimrl.envs.seeding import Streams
from swimrl.host import usable_cores
from swimrl.td3.engine.settings import EngineSettings
from swimrl.td3.engine.update import FusedUpdate
from swimrl.td3.policy import TD3Policy
from swimrl.td3.replay import RowReplayBuffer

_ROUNDS = 11
_ROUND_S = 0.01
_ASLEEP_S = 0.01
"""After this time the threads of an engine sleep and disturb no other one."""
_WORTH_A_THREAD = 1.1


def possible_threads() -> list[int]:
    """Return 1, 2, 4 ... and the number of cores that this process may use."""
    cores = usable_cores()
    return sorted({cores, *(2**n for n in range(cores.bit_length()))})


def update_seconds(
    policy: TD3Policy, settings: EngineSettings, candidates: Sequence[int]
) -> dict[int, float]:
    """Return the seconds of an update with each number of threads.

    The updates change copies of the policy, on random transitions. The rounds of the candidates are
    interleaved, so that a disturbance affects all alike, and the median round counts. Called within
    ``product_threads(1)``.

    Args:
        policy: A policy for which the fused engine computes updates; it stays as it is.
        settings: The engine's settings.
        candidates: Numbers of threads.
    """
    updates = {n: _on_copies(policy, replace(settings, threads=n)) for n in candidates}
    delay = settings.policy_delay
    for update in updates.values():
        update.run(0, delay, None)
    started = time.perf_counter()
    updates[candidates[0]].run(0, delay, None)
    once = time.perf_counter() - started
    turns = max(1, round(_ROUND_S / once))
    rounds: dict[int, list[float]] = {n: [] for n in candidates}
    for _ in range(_ROUNDS):
        for n, update in updates.items():
            time.sleep(_ASLEEP_S)
            update.run(0, 1, None)  # wakes its threads
            started = time.perf_counter()
            update.run(0, turns * delay, None)
            rounds[n].append((time.perf_counter() - started) / (turns * delay))
    return {n: median(seconds) for n, seconds in rounds.items()}


def fewest_fast_threads(seconds: Mapping[int, float]) -> int:
    """Return the smallest number of threads that comes within 10 % of the fastest.

    Args:
        seconds: Seconds of an update by the number of threads.

    Example:
        >>> fewest_fast_threads({1: 4.0, 2: 2.2, 4: 2.1})
        2
    """
    limit = _WORTH_A_THREAD * min(seconds.values())
    return min(n for n, s in seconds.items() if s <= limit)


def _on_copies(policy: TD3Policy, settings: EngineSettings) -> FusedUpdate:
    """Return an engine on a copy of the policy and random transitions."""
    observation, action = policy.observation_space, policy.action_space
    assert isinstance(observation, spaces.Box)
    size = 2 * settings.batch_size
    buffer = RowReplayBuffer(size, observation, action, device="cpu")
    buffer.rows[:] = np.random.RandomState(0).standard_normal(buffer.rows.shape)
    buffer.dones[:] = buffer.timeouts[:] = 0
    buffer.full = True
    return FusedUpdate(copy.deepcopy(policy), buffer, Streams(0), settings)
