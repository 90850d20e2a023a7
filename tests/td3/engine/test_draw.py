"""Rows drawn in compiled code: the numbers and the state of the stream are those of ``randint``."""

from __future__ import annotations

import numpy as np
import pytest

from swimrl.td3.engine.draw import DrawRows


def new_stream() -> np.random.RandomState:
    return np.random.RandomState(np.random.MT19937(3))


@pytest.mark.parametrize("envs", [1, 2, 5])
@pytest.mark.parametrize("steps", [1, 2, 3, 100, 65_536, 65_537])
def test_they_are_those_that_randint_draws(steps: int, envs: int) -> None:
    ours, reference = new_stream(), new_stream()
    out = np.full(40, -1)
    draw = DrawRows(ours, np.zeros((steps * envs, 7), np.float32), out)
    draw.choices[:] = steps, envs
    for _ in range(20):  # the generator computes 624 numbers at once
        draw()
        expected = reference.randint(0, steps, size=40)
        if envs > 1:
            expected = expected * envs + reference.randint(0, high=envs, size=40)
        np.testing.assert_array_equal(out, expected)
    assert ours.standard_normal() == reference.standard_normal()


def test_a_restored_stream_is_drawn_from() -> None:
    stream, out = new_stream(), np.zeros(8, np.int64)
    draw = DrawRows(stream, np.zeros((50, 7), np.float32), out)
    draw.choices[:] = 50, 1
    state = stream.get_state(legacy=False)
    draw()
    first = out.copy()
    draw()
    assert not np.array_equal(out, first)
    stream.set_state(state)
    draw()
    np.testing.assert_array_equal(out, first)
