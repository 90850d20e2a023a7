"""poly(...): a polynomial in place of an activation, as a formula like any other."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import torch

from swimrl.activations import activation, parse_name
from swimrl.activations.cpu.kernel import CpuKernel
from swimrl.activations.language.primitives import Chebyshev, X
from swimrl.activations.numpy.function import numpy_function
from swimrl.activations.polynomial import composite_fit, polynomial_fit
from swimrl.errors import InputError
from tests.activations.formulas import NAMES

EXAMPLES = [
    "poly(swim, degree=6, bound=8)",
    "poly(elu, degree=5, bound=4)",
    "poly(tanh, degree=9, bound=5, outside=clamp)",
    "poly(swim(k=1), precision=2^-6, bound=8, outside=exact)",
    "poly(relu, precision=2^-7, bound=8)",
    "poly(taaf(swim, alpha=1, beta=2, delta=0), degree=4, bound=3)",
]


@pytest.mark.parametrize("name", EXAMPLES)
def test_it_has_the_values_of_the_fit(name):
    spec = parse_name(name)
    inner = spec.definition.inner
    bound = float(name.partition("bound=")[2].partition(",")[0].rstrip(")"))
    arguments = (
        {"degree": int(name.partition("degree=")[2].partition(",")[0])}
        if "degree" in name
        else {"precision": 2.0 ** -float(name.partition("2^-")[2].partition(",")[0])}
    )
    x = np.linspace(-bound, bound, 301)
    if inner == "relu":
        expected = composite_fit(parse_name(inner), arguments["precision"], bound)(x)
    else:
        expected = polynomial_fit(parse_name(inner), **arguments, bound=bound).series(x)
    values = activation(name)(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(values, expected, atol=1e-12)


@pytest.mark.parametrize("name", EXAMPLES)
def test_its_name_is_read_back(name):
    spec = parse_name(name)
    assert parse_name(spec.canonical) == spec
    assert parse_name(spec.canonical.replace(" ", "")) == spec


def test_slug_and_canonical_name():
    spec = parse_name("poly( swim(k=1),degree=6,bound=8.0 )")
    assert spec.canonical == "poly(swim(k=1), degree=6, bound=8)"
    assert spec.slug == "poly-swim-k1-degree6-bound8"


@pytest.mark.parametrize(
    ("outside", "expected"),
    [("exact", lambda x: numpy_function(parse_name("swim"))(x)), ("clamp", None), ("polynomial", None)],
)
def test_outside_the_bound(outside, expected):
    x = np.array([-30.0, 30.0])
    values = activation(f"poly(swim, degree=6, bound=8, outside={outside})")(torch.from_numpy(x)).numpy()
    series = polynomial_fit(parse_name("swim"), degree=6, bound=8.0).series
    inside = {"exact": expected, "clamp": lambda x: series(np.clip(x, -8, 8)), "polynomial": series}[outside]
    np.testing.assert_allclose(values, inside(x), rtol=1e-10)


def test_degree_62_in_float32_against_mpmath():
    name = "poly(swim, degree=62, bound=20)"
    x = np.linspace(-20, 20, 81, dtype=np.float32)
    series = polynomial_fit(parse_name("swim"), degree=62, bound=20.0).series
    with mpmath.workdps(40):
        exact = [
            float(
                mpmath.fsum(
                    c * mpmath.chebyt(k, mpmath.mpf(float(t)) / 20) for k, c in enumerate(series.coefficients)
                )
            )
            for t in x
        ]
    assert np.abs(activation(name)(torch.from_numpy(x)).detach().numpy() - exact).max() < 2e-5
    z = x.reshape(1, -1).copy()
    CpuKernel(parse_name(name).settled, np.dtype(np.float32)).bind_value(
        z, np.zeros(z.shape[1], np.float32), None
    )()
    assert np.abs(z[0] - exact).max() < 2e-5


def test_the_series_has_exact_derivatives():
    expr = Chebyshev(X / 2, 0.5, -1.0, 0.25, 2.0)
    for order in (1, 2):
        wanted = np.polynomial.Chebyshev([0.5, -1, 0.25, 2], domain=[-2, 2]).deriv(order)(0.7)
        assert float(expr.diff(X, order).subs(X, 0.7)) == pytest.approx(wanted)
    assert float(expr.subs(X, 0.7)) == pytest.approx(
        np.polynomial.chebyshev.chebval(0.35, [0.5, -1, 0.25, 2])
    )


def test_an_expression_may_learn_the_coefficients():
    module = activation("expr: chebyshev(x/4, a, b, c); a=trainable(0.1); b=trainable(2); c=trainable(-1)")
    x = torch.linspace(-4, 4, 9, dtype=torch.float64)
    module(x).sum().backward()
    gradients = [parameter.grad.item() for parameter in module.parameters()]
    t = x.numpy() / 4
    assert gradients == pytest.approx([len(t), t.sum(), (2 * t**2 - 1).sum()], abs=1e-6)


def test_infinities_and_nan():
    x = torch.tensor([-math.inf, math.inf, math.nan])
    assert activation("poly(swim, degree=6, bound=8)")(x)[:2].tolist() == [math.inf, math.inf]
    assert activation("poly(elu, degree=5, bound=4)")(x)[:2].tolist() == [-math.inf, math.inf]
    assert all(activation(name)(x)[2].isnan() for name in EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES[:3])
def test_every_target_is_tested_with_it(name):
    assert name in NAMES


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("poly(swim)", "either a degree or a precision"),
        ("poly(swim, degree=6, precision=2^-3)", "either a degree or a precision"),
        ("poly(degree=6)", "must replace one activation"),
        ("poly(swim, relu, degree=6)", "must replace one activation"),
        ("poly(swim, degree=6, border=8)", "no argument 'border'"),
        ("poly(swim, degree=six)", "must be numbers"),
        ("poly(swim, degree=6, outside=zero)", "choose one of polynomial, exact, clamp"),
        ("poly(swim, degree=6, bound=0)", "positive number"),
        ("poly(swim, degree=64)", "up to 62"),
        ("poly(tanh, precision=2^-40)", "above 2\\^-40"),
        ("poly(prelu, degree=6)", "learns slope; fix each"),
        ("poly(maxout, degree=6)", "is a module"),
        ("poly(swimm, degree=6)", "did you mean 'swim'"),
        ("poly(swim, degree=6, granularity=neuron)", "learns nothing"),
        ("expr: chebyshev(x)", "one or more coefficients"),
    ],
)
def test_wrong_names(name, message):
    with pytest.raises(InputError, match=message) as error:
        parse_name(name)
    assert "\n" not in str(error.value)
