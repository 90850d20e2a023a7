from __future__ import annotations

import pytest

from swimrl.activations import parse_name
from swimrl.activations.numpy.function import numpy_function
from swimrl.polynomials import parity


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *(
            (name, "line + even")
            for name in ("relu", "swim", "swish", "gelu", "softplus", "leaky_relu", "lisht")
        ),
        *((name, "constant + odd") for name in ("tanh", "sigmoid", "softsign")),
        *((name, "none") for name in ("ulu", "elu", "mish", "expr: x + x**2 + x**3")),
    ],
)
def test_kind(name, kind):

    assert parity(numpy_function(parse_name(name)), 7.0).kind == kind


def test_constant_and_slope():
    assert parity(numpy_function(parse_name("sigmoid")), 3.0).constant == pytest.approx(0.5)
    assert parity(numpy_function(parse_name("leaky_relu(slope=0.5)")), 3.0).slope == pytest.approx(0.75)
