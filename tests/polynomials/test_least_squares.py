"""Least squares are right where the inputs are."""

from __future__ import annotations

import numpy as np
import pytest

from swimrl.activations import parse_name
from swimrl.activations.numpy.function import numpy_function
from swimrl.errors import InputError
from swimrl.polynomials import minimax, observed


def test_better_than_minimax_at_the_inputs_and_worse_elsewhere():
    swim = numpy_function(parse_name("swim"))
    inputs = np.random.default_rng(0).normal(size=2000)
    series, best = observed(swim, 6, 10.0, inputs), minimax(swim, 6, 10.0)
    assert (
        np.mean((series(inputs) - swim(inputs)) ** 2) < np.mean((best.series(inputs) - swim(inputs)) ** 2) / 4
    )
    x = np.linspace(-10, 10, 1001)
    assert np.abs(series(x) - swim(x)).max() > best.upper


def test_a_polynomial_is_reproduced():
    x = np.linspace(-3, 3, 50)
    np.testing.assert_allclose(observed(lambda z: z**3 - z, 3, 3.0, x)(x), x**3 - x, atol=1e-12)


@pytest.mark.parametrize("inputs", [[], [np.nan]])
def test_wrong_input(inputs):
    with pytest.raises(InputError, match="finite inputs"):
        observed(np.abs, 2, 1.0, np.array(inputs))
