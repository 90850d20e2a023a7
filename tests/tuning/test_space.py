"""Spaces and their points."""

from __future__ import annotations

import numpy as np
import pytest

from swimrl.errors import ConfigError
from swimrl.tuning.space import parse_dimension, sobol_points

LR = parse_dimension("td3.lr=1e-5..1e-3:log")
TAU = parse_dimension("td3.tau=0.001..0.05")
BATCH = parse_dimension("td3.batch-size=64,128,256")
STARTS = parse_dimension("td3.learning_starts=100..900")


def test_more_points_begin_with_fewer() -> None:
    space = [LR, TAU, BATCH]
    assert sobol_points(space, 24)[:16] == sobol_points(space, 16)
    assert sobol_points(space, 16, seed=1) != sobol_points(space, 16)


def test_points_lie_in_their_ranges_and_fill_them_evenly() -> None:
    points = sobol_points([LR, TAU, BATCH, STARTS], 64)
    rates = np.array([float(point["td3.lr"]) for point in points])
    assert rates.min() >= 1e-5
    assert rates.max() <= 1e-3
    assert abs((rates < 1e-4).mean() - 0.5) < 0.05  # half of them below the geometric middle
    assert {point["td3.batch_size"] for point in points} == {"64", "128", "256"}
    assert all(isinstance(point["td3.learning_starts"], int) for point in points)


@pytest.mark.parametrize(
    "text",
    [
        *("td3.lr", "=1..2", "td3.lr=", "td3.lr=1e-3..1e-5", "td3.lr=0..1:log", "td3.lr=a..b"),
        *("td3.lr=1e-3", "td3.lr=1,1", "td3.lr=1,", "td3.lr=1..inf", "act=relu,swim", "seed=0..9"),
    ],
)
def test_what_is_no_dimension_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--space"):
        parse_dimension(text)
