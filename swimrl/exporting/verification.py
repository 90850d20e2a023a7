"""Does the written file do what the policy does?

The criterion is open-loop. At equal observations the file's actions may differ from the reference in float64
by 8 times the policy's own float32 error plus 8 roundings of the largest action. Returns prove little. A file
that forgets to scale its actions can earn nearly the same, and two right files part after some steps.

Letters in shapes: B batch, O observation, A action.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from gymnasium import spaces

from swimrl.exporting.controller import Controller
from swimrl.exporting.loading import Batch

_ROUNDINGS = 8
_TIMED_CALLS = 2000
_MOST_CORNERS = 64
_NO_BOUND = 1e6
"""Environments write a bound as large as this where they have none, such as the largest float32."""


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


def difficult_observations(visited: np.ndarray, box: spaces.Box, seed: int = 0) -> np.ndarray:
    """Return where files are checked, float32 [B, O]: visited, noise of ten times the spread, corners.

    Args:
        visited: Observations of the policy's episodes, [K, O].
        box: The environment's observations.
        seed: Seed of the noise.
    """
    random = np.random.default_rng(seed)
    spread = visited.std(axis=0) + 1e-3
    noise = visited.mean(axis=0) + 10 * spread * random.standard_normal(
        (min(500, len(visited)), visited.shape[1])
    )
    corners = _corners(box, visited.mean(axis=0), random)
    return np.concatenate([visited, noise, corners]).astype(np.float32)


def _corners(box: spaces.Box, middle: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Return corners of a box, [C, O]: all, or the lowest, the highest and random ones.

    Numbers without two bounds have the value of ``middle``; there are no corners if all are such.
    """
    has_bounds = (np.abs([box.low, box.high]) < _NO_BOUND).all(axis=0)
    bounded = int(has_bounds.sum())
    if bounded == 0:
        return np.empty((0, len(middle)))
    if 2**bounded <= _MOST_CORNERS:
        is_high = np.array(list(itertools.product([False, True], repeat=bounded)))
    else:
        is_high = random.random((_MOST_CORNERS, bounded)) < 0.5
        is_high[0], is_high[1] = False, True
    corners = np.tile(middle, (len(is_high), 1))
    corners[:, has_bounds] = np.where(is_high, box.high[has_bounds], box.low[has_bounds])
    return corners


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
