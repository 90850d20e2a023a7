"""The composed ReLU has the errors that are known for its degrees."""

from __future__ import annotations

import math

import numpy as np
import pytest

from swimrl.errors import InputError
from swimrl.polynomials import composite_relu, smallest_composite_relu
from swimrl.polynomials.composition import STAGES, composed

KNOWN = {  # alpha: -log2 of the error on [-1, 1], depth
    4: (4.64, 4),
    5: (5.72, 5),
    6: (6.07, 6),
    7: (7.06, 7),
    8: (8.05, 8),
    9: (9.02, 9),
    10: (10.13, 11),
    11: (11.14, 12),
    12: (12.15, 13),
    13: (13.17, 14),
    14: (14.06, 15),
}


@pytest.mark.parametrize("alpha", KNOWN)
def test_error_and_depth(alpha):
    bits, depth = KNOWN[alpha]
    composition = composite_relu(alpha, 40.0)
    assert -math.log2(composition.upper / 40) == pytest.approx(bits, abs=0.05)
    assert composition.cost.depth == depth
    x = np.random.default_rng(0).uniform(-40, 40, 100_000)
    assert np.abs(composition(x) - np.maximum(x, 0)).max() <= composition.upper * (1 + 1e-3)


@pytest.mark.parametrize("alpha", [4, 9])
def test_no_epsilon_beside_is_better(alpha):
    degrees, exponent = STAGES[alpha]
    errors = [composed(degrees, 2.0 ** -(exponent + shift))[1] for shift in (-0.02, 0.0, 0.02)]
    assert min(errors) == errors[1]


def test_smallest():
    assert smallest_composite_relu(40 * 2.0**-9, 40.0).alpha == 9
    with pytest.raises(InputError, match="no composition"):
        smallest_composite_relu(2.0**-20, 40.0)


def test_unknown_alpha():
    with pytest.raises(InputError, match="4 to 14"):
        composite_relu(3, 1.0)
