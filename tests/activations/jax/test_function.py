"""JAX functions of formulas, against the composite form in float64: value and every derivative."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import swimrl
from swimrl.errors import InputError
from tests.activations.formulas import NAMES, POINTS, formula_of, largest_error

jax = pytest.importorskip("jax")


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_jax_computes_the_formula_and_its_own_derivatives(name: str) -> None:
    f = swimrl.jax_activation(name)
    with jax.enable_x64(True), jax.disable_jit():
        arguments = [jax.numpy.asarray(POINTS)]
        arguments += [jax.numpy.full(POINTS.shape, p.default) for p in formula_of(name).parameters]
        value, pull_back = jax.vjp(f, *arguments)
        results = [value, *pull_back(jax.numpy.ones_like(value))]
    for number, result in enumerate(results):
        assert largest_error(name, np.asarray(result), result=number) < 1e-11, number


def test_float32_stays_float32_and_transformations_compose() -> None:
    f = swimrl.jax_activation("swim(k=trainable)")
    x = jax.numpy.linspace(-3.0, 3.0, 7)
    assert f(x).dtype == x.dtype == jax.numpy.float32
    np.testing.assert_allclose(jax.jit(jax.vmap(f))(x), f(x), rtol=1e-6)
    np.testing.assert_allclose(jax.grad(f)(0.0), 0.5, rtol=1e-6)
    by_k = jax.grad(f, argnums=1)(2.0, 0.5)
    difference = (f(2.0, 0.501) - f(2.0, 0.499)) / 0.002
    np.testing.assert_allclose(by_k, difference, rtol=1e-3)
    np.testing.assert_allclose(jax.grad(jax.grad(f))(0.0), 0.5, rtol=1e-5)  # 2 k/2: the gate's slope, twice


def test_a_kink_has_the_slope_of_torch() -> None:
    assert jax.grad(swimrl.jax_activation("relu"))(0.0) == 0
    assert jax.grad(swimrl.jax_activation("hardtanh"))(1.0) == 0


def test_a_module_is_refused() -> None:
    with pytest.raises(InputError, match="maxout is a module, not a formula"):
        swimrl.jax_activation("maxout")


def test_without_jax_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(InputError, match=r"pip install 'swimrl\[jax\]'"):
        swimrl.jax_activation("expr: x*sigmoid(0.123*x)")
