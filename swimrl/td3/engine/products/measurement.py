"""Seconds and error of each backend for one product.

Letters in shapes: M, K, N as in [M, K] times [K, N].
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from functools import cache

import numpy as np

from swimrl.td3.engine.products.backends import BACKENDS, BF16_BACKENDS, Call, bind
from swimrl.td3.engine.products.choice import Measured, sound
from swimrl.td3.engine.products.precision import ready

_ROUNDS = 25
_ROUND_S = 0.001


@cache
def onednn_is_float32() -> bool:
    """Return whether oneDNN computes in float32 at ``medium`` precision; with bfloat16 units it does not."""
    generator = np.random.RandomState(0)
    a, b = (generator.randn(256, 256).astype(np.float32) for _ in range(2))
    truth = a.astype(np.float64) @ b.astype(np.float64)
    out = np.empty_like(a)
    errors = {}
    with ready():
        for name in ("torch", "onednn"):
            bind(name, a, b, out)()
            errors[name] = float(np.abs(out - truth).max())
    return "onednn" in sound(errors)


def sound_backends() -> tuple[str, ...]:
    """Return the backends that compute, on this processor, in the arithmetic that their name stands for."""
    unsound = "onednn-bf16" if onednn_is_float32() else "onednn"
    return tuple(name for name in (*BACKENDS, *BF16_BACKENDS) if name != unsound)


def measure(
    a: np.ndarray, b: np.ndarray, out: np.ndarray, candidates: Collection[str] = BACKENDS
) -> dict[str, Measured]:
    """Return seconds and error of each candidate.

    The product is one of random numbers, which lie in memory like the arrays given. The rounds of the
    backends are interleaved, so that a disturbance affects all alike, and the shortest round counts.

    Args:
        a: [M, K].
        b: [K, N].
        out: [M, N]; it is left as it is.
        candidates: Backends, see `bind`.
    """
    generator = np.random.RandomState(0)
    a_random, b_random, scratch = (_same_layout(x, generator) for x in (a, b, out))
    truth = a_random.astype(np.float64) @ b_random.astype(np.float64)
    calls = {name: bind(name, a_random, b_random, scratch) for name in candidates}
    with ready():
        return _measure(calls, scratch, truth)


def _measure(calls: Mapping[str, Call], scratch: np.ndarray, truth: np.ndarray) -> dict[str, Measured]:
    errors, best = {}, dict.fromkeys(calls, float("inf"))
    repeats = 1
    for name, call in calls.items():
        call()
        errors[name] = float(np.abs(scratch - truth).max())
        started = time.perf_counter()
        call()
        repeats = max(repeats, int(_ROUND_S / max(time.perf_counter() - started, 1e-7)))
    for _ in range(_ROUNDS):
        for name, call in calls.items():
            started = time.perf_counter()
            for _ in range(repeats):
                call()
            best[name] = min(best[name], (time.perf_counter() - started) / repeats)
    return {name: Measured(best[name], errors[name]) for name in calls}


def _same_layout(x: np.ndarray, generator: np.random.RandomState) -> np.ndarray:
    """Return random numbers in the shape and with the strides of ``x``."""
    reach = sum((size - 1) * stride for size, stride in zip(x.shape, x.strides, strict=True))
    memory = generator.randn(reach // x.itemsize + 1).astype(x.dtype)
    return np.lib.stride_tricks.as_strided(memory, x.shape, x.strides)
