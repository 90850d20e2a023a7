"""The generated C, timed call by call inside C: what a controller without Python pays.

Beside it the floor: reading as many bytes as the policy has constants once, in one pass, and nothing else.
"""

from __future__ import annotations

import ctypes
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from swimrl.exporting.c_compiler import FAST, compile_c
from swimrl.exporting.c_file import c_header, c_source
from swimrl.exporting.controller import Controller

_LINE = 64
"""Bytes of a cache line; arrays begin at one."""

_PROGRAM = """\
#define _POSIX_C_SOURCE 199309L
#include <time.h>
#include "policy.c"

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (long long)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Calls the policy `count` times with the observations in turn; writes the nanoseconds of each call. */
void time_actions(const float *observations, int how_many, float *action, int count, long long *taken)
{
    for (int k = 0; k < count; ++k) {
        const float *observation = observations + (k % how_many) * POLICY_OBSERVATION_SIZE;
        const long long start = now();
        policy_act(observation, action);
        taken[k] = now() - start;
    }
}

/* Reads `words` numbers once, `count` times. */
void time_reads(const uint32_t *numbers, int words, volatile uint32_t *result, int count, long long *taken)
{
    for (int k = 0; k < count; ++k) {
        const long long start = now();
        uint32_t all = 0;
        for (int i = 0; i < words; ++i) {
            all ^= numbers[i];
        }
        *result = all;
        taken[k] = now() - start;
    }
}
"""


class TimedC:
    """A policy compiled with the suggested flags.

    Args:
        controller: The policy.
        observations: The observations that it is asked for in turn, float32 [K, O].

    Raises:
        InputError: If there is no C compiler, or it refuses the program.
    """

    def __init__(self, controller: Controller, observations: np.ndarray) -> None:
        self._observations = np.ascontiguousarray(observations, np.float32)
        self._action = np.empty(controller.action_size, np.float32)
        words = sum(array.size for array in controller.constants())
        room = np.ones(words + _LINE // 4, np.uint32)
        first = -room.ctypes.data % _LINE // 4
        self._numbers = room[first : first + words]
        self._result = np.empty(1, np.uint32)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            nothing = np.zeros((1, 0), np.float32)
            (folder / "policy.c").write_text(c_source(controller, nothing, nothing, 0.0, "policy"))
            (folder / "policy.h").write_text(c_header(controller, {}, "policy"))
            (folder / "timing.c").write_text(_PROGRAM)
            compile_c(folder / "timing.c", *FAST, "-shared", "-fPIC", "-o", folder / "timing.so")
            self._library = ctypes.CDLL(str(folder / "timing.so"))

    def act(self, observation: np.ndarray) -> np.ndarray:
        """Return one action, [A]."""
        one = np.ascontiguousarray(observation, np.float32)
        self._library.policy_act(_address(one), _address(self._action))
        return self._action.copy()

    def time_actions(self, count: int) -> np.ndarray:
        """Return the nanoseconds of each of ``count`` calls, int64 [count]."""
        return self._time(self._library.time_actions, self._observations, self._action, count)

    def time_reads(self, count: int) -> np.ndarray:
        """Return the nanoseconds of each of ``count`` readings of all constants, int64 [count]."""
        return self._time(self._library.time_reads, self._numbers, self._result, count)

    def _time(
        self, function: Callable[..., object], read: np.ndarray, written: np.ndarray, count: int
    ) -> np.ndarray:
        taken = np.empty(count, np.int64)
        function(_address(read), len(read), _address(written), count, _address(taken))
        return taken


def _address(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)
