from __future__ import annotations

import math

import pytest

from swimrl.activations.language.parameters import NON_NEGATIVE, POSITIVE, REAL, Interval, Parameter
from swimrl.errors import FormulaError


@pytest.mark.parametrize(
    ("interval", "inside", "outside", "text"),
    [
        (REAL, [-1e300, 0.0, 1e300], [math.nan], "any number"),
        (POSITIVE, [5e-324, 1.0], [0.0, -1.0], "> 0"),
        (NON_NEGATIVE, [0.0, 1.0], [-5e-324], ">= 0"),
        (Interval(-1, 1), [0.0], [-1.0, 1.0], "> -1 and < 1"),
        (Interval(0, 1, high_included=True), [1.0], [0.0, 1.5], "> 0 and <= 1"),
        (Interval(high=2), [-1e9], [2.0], "< 2"),
    ],
)
def test_interval(interval, inside, outside, text):
    assert all(value in interval for value in inside)
    assert not any(value in interval for value in outside)
    assert str(interval) == text


def test_parameters_with_other_documentation_are_equal():
    assert Parameter("k", 1.0, doc="sharpness") == Parameter("k", 1.0, doc="sharpness of the gate")
    assert hash(Parameter("k", 1.0, doc="sharpness")) == hash(Parameter("k", 1.0))
    assert Parameter("k", 1.0) != Parameter("k", 2.0)


@pytest.mark.parametrize("name", ["x", "_k", "1k", "a b", "lambda", "", "k-1"])
def test_parameter_refuses_names(name):
    with pytest.raises(FormulaError, match="cannot name a parameter"):
        Parameter(name, 1.0)


@pytest.mark.parametrize("default", [0.0, -1.0, math.inf, math.nan])
def test_parameter_refuses_a_default_outside_its_domain(default):
    with pytest.raises(FormulaError, match=r"outside the domain|not finite"):
        Parameter("k", default, domain=POSITIVE)
