from __future__ import annotations

import pytest

from swimrl.activations.language.names import parse_name
from swimrl.encrypting.activation import degree_of
from swimrl.errors import InputError


@pytest.mark.parametrize(
    ("name", "degree"),
    [
        ("quadratic_gate", 2),
        ("poly(swim, degree=6, bound=8)", 6),
        ("poly(tanh, degree=7)", 7),
        ("expr: (x + 1)**3 * x - 2*x**4", 4),
        ("expr: chebyshev(x/4, a, b, c); a=1; b=2; c=3", 2),
        ("expr: chebyshev(x**2, 1, 2, 3)", 4),
        ("expr: 2*x + 1", 1),
    ],
)
def test_the_degree_of_a_polynomial(name, degree):
    assert degree_of(parse_name(name)) == degree


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("swish", "swish is no polynomial in x.*swimrl polynomial RUN --degrees 6 --save DIR"),
        ("expr: x**0.5", "no polynomial"),
        ("expr: 1/(1 + x**2)", "no polynomial"),
        ("poly(swim, degree=6, outside=exact)", "numbers cannot be compared; train with outside=polynomial"),
        ("poly(swim, degree=6, outside=clamp)", "numbers cannot be compared"),
        ("poly(relu, precision=2^-6, bound=8)", "of degree 226; expected at most 62"),
    ],
)
def test_what_is_no_polynomial(name, message):
    with pytest.raises(InputError, match=message):
        degree_of(parse_name(name))
