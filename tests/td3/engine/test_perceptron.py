"""Memory that passes of a perceptron share. What the passes compute, test_update.py compares with PyTorch."""

from __future__ import annotations

import numpy as np

from swimrl.td3.engine.perceptron import Scratch

FLOAT32 = np.dtype(np.float32)


def test_what_was_given_back_last_is_taken_first() -> None:
    scratch = Scratch()
    first, second = scratch.take((3, 5), FLOAT32), scratch.take((3, 5), FLOAT32)
    assert not np.shares_memory(first, second)
    scratch.give_back(first)
    scratch.give_back(second)
    assert scratch.take((3, 5), FLOAT32) is second
    assert scratch.take((3, 5), FLOAT32) is first


def test_another_shape_or_dtype_is_other_memory() -> None:
    scratch = Scratch()
    array = scratch.take((3, 5), FLOAT32)
    scratch.give_back(array)
    for shape, dtype in (((5, 3), FLOAT32), ((3, 5), np.dtype(np.float64)), ((2, 3, 5), FLOAT32)):
        other = scratch.take(shape, dtype)
        assert (other.shape, other.dtype) == (shape, dtype)
        assert not np.shares_memory(array, other)


def test_what_is_not_from_here_or_is_back_already_is_not_lent() -> None:
    scratch = Scratch()
    own = np.zeros((3, 5), FLOAT32)
    scratch.give_back(own)
    array = scratch.take((3, 5), FLOAT32)
    assert array is not own
    scratch.give_back(array)
    scratch.give_back(array)
    assert scratch.take((3, 5), FLOAT32) is array
    assert scratch.take((3, 5), FLOAT32) is not array


def test_arrays_begin_at_a_cache_line() -> None:
    scratch = Scratch()
    assert all(scratch.take((n, 7), FLOAT32).ctypes.data % 64 == 0 for n in range(1, 20))
