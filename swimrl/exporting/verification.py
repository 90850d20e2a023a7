"""Does the written file do what the policy does?

The criterion is open-loop. At equal observations the file's actions may differ from the reference in float64
by 8 times the policy's own float32 error plus 8 roundings of the largest action. Returns prove little. A file
that forgets to scale its actions can earn nearly the same, and two right files part after some steps.

Letters in shapes: B batch, O observation, A action.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from swimrl.exporting.controller import Controller
from swimrl.exporting.loading import Batch

_ROUNDINGS = 8
_TIMED_CALLS = 2000


@dataclass(frozen=True)
class Verification:
    """What came of checking one file."""

    is_right: bool
    observations: int
    """At how many observations the file was asked."""

    largest_difference: float
    """Of the actions from the float64 reference, in the environment's units."""

    allowed: float
    own_error: float
    """The largest difference of the policy in float32 from the reference."""

    reason: str | None
    """Why the file is wrong."""

    median_us: float
    """Microseconds of one action, called from Python."""

    p99_us: float

    def as_json(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)


def difficult_observations(visited: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the visited observations, float32 [B, O], and noise of ten times their spread."""
    random = np.random.default_rng(seed)
    spread = visited.std(axis=0) + 1e-3
    noise = visited.mean(axis=0) + 10 * spread * random.standard_normal(
        (min(500, len(visited)), visited.shape[1])
    )
    return np.concatenate([visited, noise]).astype(np.float32)


@dataclass(frozen=True)
class Reference:
    """What every file of a policy is compared with."""

    observations: np.ndarray
    """float32 [B, O]."""

    actions: np.ndarray
    """The policy's actions there, computed in float64, [B, A]."""

    own_error: float
    """The largest difference of the policy in float32 from ``actions``."""

    allowed: float
    """The largest difference that a right file may have."""


def reference_of(controller: Controller, observations: np.ndarray) -> Reference:
    """Return the reference of a policy at ``observations``, float32 [B, O]."""
    actions = controller.act(observations, torch.float64)
    own = float(np.abs(controller.act(observations, torch.float32) - actions).max())
    largest = float(np.abs([controller.low, controller.high]).max())
    return Reference(observations, actions, own, _ROUNDINGS * (own + 2.0**-24 * largest))


def verify(reference: Reference, act: Batch) -> Verification:
    """Compare a file with the policy."""
    observations, allowed, own = reference.observations, reference.allowed, reference.own_error
    difference = float(np.abs(act(observations) - reference.actions).max())
    reason = None
    if not difference <= allowed:  # NaN too
        reason = f"its actions differ from the policy's by {difference:.2g}; allowed are {allowed:.2g}"
    else:
        reason = _batches_differ(act, observations, allowed) or _swallows_nan(act, observations[:1])
    median, p99 = _latency(act, observations)
    return Verification(reason is None, len(observations), difference, allowed, own, reason, median, p99)


def _batches_differ(act: Batch, observations: np.ndarray, allowed: float) -> str | None:
    together = act(observations[:64])
    alone = np.concatenate([act(row[None]) for row in observations[:64]])
    if np.abs(together - alone).max() <= allowed:
        return None
    return "a batch of 64 gives other actions than its observations one by one"


def _swallows_nan(act: Batch, observation: np.ndarray) -> str | None:
    for i in range(observation.shape[1]):
        broken = observation.copy()
        broken[0, i] = np.nan
        if not np.isnan(act(broken)).all():
            return f"NaN in number {i} of the observation gives a plausible action"
    return None


def _latency(act: Batch, observations: np.ndarray) -> tuple[float, float]:
    one, seconds = observations[:1], []
    for _ in range(_TIMED_CALLS):
        start = time.perf_counter()
        act(one)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)) * 1e6, float(np.quantile(seconds, 0.99)) * 1e6
