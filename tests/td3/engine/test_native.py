"""Compiled calls that run from a table instead of from Python."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from swimrl.activations import activation
from swimrl.activations.cpu.kernel import CpuKernel
from swimrl.errors import SwimrlError
from swimrl.td3.engine import kernels
from swimrl.td3.engine.native import Segment, check, entry, merged


def test_neighbours_become_one_call_and_the_order_stays() -> None:
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    log: list[float] = []
    bias = np.ones(3, np.float32)
    add = partial(kernels.add_bias, x, bias)
    calls = merged([add, add, lambda: log.append(float(x[0, 0])), add])
    assert [type(call) is Segment for call in calls] == [True, False, True]
    for call in calls:
        call()
    assert log == [2.0]
    np.testing.assert_array_equal(x, np.arange(6).reshape(2, 3) + 3)


def test_numbers_and_strided_arrays_are_passed() -> None:
    rows = np.zeros((4, 7), np.float32)
    action, noise = np.full((4, 2), 0.5, np.float32), np.full((4, 2), 3.0, np.float32)
    (call,) = merged([partial(kernels.smooth, action, noise, 0.25, rows[:, 3:5])])
    call()
    expected = np.zeros((4, 7), np.float32)
    expected[:, 3:5] = 0.75
    np.testing.assert_array_equal(rows, expected)


def test_a_kernel_runs_as_from_python() -> None:
    kernel = CpuKernel(activation("swim").spec.settled, np.dtype(np.float32))
    z = np.random.RandomState(0).randn(5, 8).astype(np.float32)
    bias, by_table = np.ones(8, np.float32), z.copy()
    kernel.bind_value(z, bias, None)()
    (call,) = merged([kernel.bind_value(by_table, bias, None)])
    assert type(call) is Segment
    call()
    np.testing.assert_array_equal(by_table, z)


def test_what_numba_would_have_to_convert_stays_with_python() -> None:
    kernel = CpuKernel(activation("swim").spec.settled, np.dtype(np.float32))
    bound = kernel.bind_value(np.zeros((5, 8), np.float32), np.ones(8, np.float32), None)
    assert entry(bound) is not None
    assert entry(partial(bound.func, np.zeros((5, 16), np.float32)[:, ::2], *bound.args[1:])) is None
    assert entry(partial(np.add, 1, 2)) is None


def test_each_call_is_timed() -> None:
    x, bias = np.zeros((200, 300), np.float32), np.ones(300, np.float32)
    (call,) = merged([partial(kernels.add_bias, x, bias), partial(kernels.add_bias, x[:1], bias)])
    assert isinstance(call, Segment)
    cycles = np.zeros(2, np.int64)
    call.timed(cycles)
    assert cycles[0] > cycles[1] > 0
    assert x[0, 0] == 2


def test_a_failed_call_is_an_error() -> None:
    check(0)
    with pytest.raises(SwimrlError, match="out of memory"):
        check(1)
