"""Generated kernels against the composite form in float64 and against mpmath, and what their code holds."""

from __future__ import annotations

import functools
import math
import re
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
import torch

from swimrl.activations import REGISTRY, Activation, Formula, activation
from swimrl.activations.cpu import cache as cpu_cache
from swimrl.activations.cpu.kernel import CpuKernel, loops, multiply_by_slope
from swimrl.activations.cpu.kernel_source import kernel_source
from swimrl.activations.language.parameters import OneOf
from swimrl.activations.language.primitives import PRIMITIVES, TanhSoftplus, TanhSoftplusSlope, Where
from swimrl.activations.language.source import straight_line
from swimrl.activations.torch.composite import value_and_derivatives, value_function
from swimrl.activations.torch.edges import limit_value

DTYPES = [np.float32, np.float64]
FORMULAS = {d.name: d.formula for d in REGISTRY.definitions() if d.formula is not None}
EXPRESSIONS = {
    "powers": "a*abs(x)**1.7 + (1 + x**2)**b - x**3/(2 + x**4)",
    "branches": "where(x > b, log1p(a*x), where(x >= -1, a*sin(x), exp(x)))",
    "clipped": "clip(a*x, -1, b)*erf(x) + max(x, a) - min(b, 0.5*x)",
    "constants": "sqrt(2/pi)*x*where(x > 0, 1, 2) + a*b",
}


@functools.cache
def settled(name: str) -> Formula:
    """The formula with all parameters free that can be."""
    if name in EXPRESSIONS:
        spec = activation(f"expr: {EXPRESSIONS[name]}; a=trainable(0.8); b=trainable(1.3)").spec
        assert spec.formula is not None
        return spec.formula
    formula = FORMULAS[name]
    return formula.fix({p.name: p.default for p in formula.parameters if isinstance(p.domain, OneOf)})


def run(formula: Formula, x: np.ndarray, theta: list[float] | None = None) -> list[np.ndarray]:
    """Value, slope and slopes by the parameters at ``x`` [N], from the kernel."""
    z, dtype = x[None].copy(), x.dtype
    slope = np.empty_like(z)
    theta_slope = np.empty((len(formula.parameters), *z.shape), dtype)
    values = defaults(formula) if theta is None else theta
    loops(formula, dtype.name).value_and_slopes(
        z, np.zeros(x.size, dtype), np.array(values, dtype), slope, theta_slope
    )
    return [z[0], slope[0], *theta_slope[:, 0]]


def defaults(formula: Formula) -> list[float]:
    return [parameter.default for parameter in formula.parameters]


def excess(found: np.ndarray, exact: np.ndarray, sensitivity: np.ndarray, x: np.ndarray) -> float:
    """The largest error, as a multiple of what is allowed: 4 ulp, or 16 ulp of the larger of the result and
    of what a relative change of x makes of it, or near a zero 2 ulp of 1 or of x. For float32 that is
    1e-6 max(|f|, |x f'|) and 1e-7 min(1, |x|)."""
    info = np.finfo(found.dtype)
    unit = info.eps / np.finfo(np.float32).eps
    allowed = np.maximum.reduce(
        [
            4 * info.eps * np.abs(exact),
            1e-6 * unit * np.maximum(np.abs(exact), sensitivity),
            1e-7 * unit * np.minimum(1.0, np.abs(x)),
        ]
    )
    within = np.abs(exact) < info.max / 4
    gaps = np.abs(found.astype(np.float64) - exact)[within]
    return float(np.max(gaps / (allowed[within] + 4 * float(info.smallest_subnormal))))


MPMATH: dict[str, Any] = {
    **{name: getattr(mpmath, name) for name in ("atan", "cos", "exp", "log", "sin", "sqrt")},
    **{primitive.spelling: primitive.exact for primitive in PRIMITIVES if primitive is not Where},
    "tanh_softplus": TanhSoftplus.exact,
    "tanh_softplus_slope": TanhSoftplusSlope.exact,
    "where": lambda condition, a, b: a if condition else b,
    "_at_least": max,
    "_at_most": min,
    "_constant": lambda value, x: value,
    "_rsqrt": lambda u: 1 / mpmath.sqrt(u),
}


def exact_results(formula: Formula, x: np.ndarray, theta: list[float]) -> list[np.ndarray]:
    """Value, slope and slopes by the parameters in 40 digits, rounded."""
    program = straight_line([formula.expr, formula.derivative, *formula.parameter_derivatives])
    code = compile("\n".join([*program.assignments, f"results = [{', '.join(program.results)}]"]), "", "exec")
    rows = []
    with mpmath.workdps(40):
        for point in x.tolist():
            values = zip((p.name for p in formula.parameters), map(mpmath.mpf, theta), strict=True)
            names = {**MPMATH, **dict(values), "x": mpmath.mpf(point)}
            exec(code, names)
            rows.append([float(result) for result in names["results"]])
    return list(np.array(rows).T)


def torch_results(formula: Formula, x: np.ndarray, theta: list[float]) -> list[np.ndarray]:
    return [result.numpy() for result in value_and_derivatives(formula)(torch.from_numpy(x), *theta)]


def sensitivities(formula: Formula, x: np.ndarray, theta: list[float]) -> list[np.ndarray]:
    """|x f'| of each result f, from autograd in float64."""
    exact_x = torch.tensor(x.astype(np.float64), requires_grad=True)
    found = []
    for result in value_and_derivatives(formula)(exact_x, *theta):
        slope = torch.zeros_like(exact_x)
        if result.requires_grad:
            (slope,) = torch.autograd.grad(result.sum(), exact_x, retain_graph=True)
        found.append(np.nan_to_num(np.abs(x * slope.numpy()), posinf=0.0))  # infinite at some kinks
    return found


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*FORMULAS, *EXPRESSIONS])
def test_value_and_every_slope_are_accurate(name: str, dtype: Any) -> None:
    """Or, where the formula itself loses digits, about as good as torch's operations in the same dtype."""
    formula = settled(name)
    theta = np.array(defaults(formula), dtype).tolist()
    if dtype is np.float32:
        x = np.concatenate([np.linspace(-50, 50, 2002), np.linspace(-3, 3, 601)]).astype(dtype)
        exact = torch_results(formula, x.astype(np.float64), theta)
    else:
        x = np.array([*np.linspace(-50, 50, 22), *np.linspace(-3, 3, 31), -1e-8, 1e-8])
        exact = exact_results(formula, x, theta)
    results = (
        run(formula, x, theta),
        torch_results(formula, x, theta),
        exact,
        sensitivities(formula, x, theta),
    )
    for found, peer, truth, sensitivity in zip(*results, strict=True):
        known = (truth, sensitivity, x.astype(np.float64))
        assert excess(found, *known) <= max(1.0, 3 * excess(peer, *known))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", [*FORMULAS, *EXPRESSIONS])
def test_nan_and_infinities(name: str, dtype: Any) -> None:
    formula = settled(name)
    theta = np.array(defaults(formula), dtype).tolist()
    largest = np.finfo(dtype).max
    with np.errstate(all="ignore"):
        value, *slopes = run(formula, np.array([np.nan, -np.inf, -largest, np.inf, largest], dtype), theta)
    assert np.isnan(value[0])
    for slope in slopes:
        assert np.isnan(slope[0])
        np.testing.assert_allclose(slope[[1, 3]], slope[[2, 4]], rtol=1e-6, atol=1e-30)
    if formula.expr.has(sympy.sin, sympy.cos):
        return  # beyond 2^20 their value is a matter of rounding, see cpu_math
    if formula.limits is None:
        ends = torch.tensor([-math.inf, math.inf], dtype=getattr(torch, np.dtype(dtype).name))
        expected = value_function(formula)(ends, *(torch.tensor(v, dtype=ends.dtype) for v in theta)).tolist()
    else:
        values = {p.name: v for p, v in zip(formula.parameters, theta, strict=True)}
        expected = [limit_value(limit, values) for limit in formula.limits]
    np.testing.assert_allclose(value[[1, 3]], expected, rtol=4 * np.finfo(dtype).eps, atol=1e-30)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["swim(k=trainable)", "elu", "mish", "xielu", "prelu"])
def test_bound_kernels_add_the_bias_and_agree_with_each_other(name: str, dtype: Any) -> None:
    module = activation(name)
    assert isinstance(module, Activation)
    kernel = CpuKernel(module.spec.settled, np.dtype(dtype))
    assert kernel.parameters == len(list(module.parameters()))
    rng = np.random.default_rng(0)
    x, bias = rng.normal(size=(9, 37)).astype(dtype), rng.normal(size=37).astype(dtype)
    theta = np.array([p.item() for p in module.parameters()], dtype)
    value, both, slope = x.copy(), x.copy(), np.empty_like(x)
    kernel.bind_value(value, bias, theta)()
    kernel.bind_value_and_slopes(both, bias, theta, slope, np.empty((theta.size, 9, 37), dtype))()
    expected = module.to(getattr(torch, np.dtype(dtype).name))(torch.from_numpy(x + bias)).detach().numpy()
    for found in (value, both):
        np.testing.assert_allclose(found, expected, rtol=16 * np.finfo(dtype).eps, atol=np.finfo(dtype).eps)


def test_a_bound_kernel_follows_its_parameters() -> None:
    module = activation("swim(k=trainable)")
    assert isinstance(module, Activation)
    theta, z = np.array([1.0]), np.array([[2.0]])
    call = CpuKernel(module.spec.settled, z.dtype).bind_value(z, np.zeros(1), theta)
    theta[0] = 3.0
    call()
    assert z[0, 0] == pytest.approx(1 + 6 / math.sqrt(37), rel=1e-14)


def test_parameters_of_each_unit() -> None:
    formula = settled("aulu")
    rng = np.random.default_rng(1)
    x, theta = rng.normal(size=(8, 5)), rng.uniform(0.3, 2.0, size=(2, 5))
    z, slope, theta_slope = x.copy(), np.empty((8, 5)), np.empty((2, 8, 5))
    loops(formula, "float64", per_unit=True).value_and_slopes(z, np.zeros(5), theta, slope, theta_slope)
    for unit in range(5):
        single = run(formula, x[:, unit].copy(), theta[:, unit].tolist())
        for whole, part in zip((z, slope, *theta_slope), single, strict=True):
            np.testing.assert_array_equal(whole[:, unit], part)


@pytest.mark.parametrize("size", [0, 3, 11])
def test_a_wrong_number_of_parameters_is_refused(size: int) -> None:
    module = activation("swim(k=trainable)")
    assert isinstance(module, Activation)
    z = np.zeros((2, 5))
    with pytest.raises(ValueError, match="reshape"):
        CpuKernel(module.spec.settled, z.dtype).bind_value(z, np.zeros(5), np.ones(size))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("per_unit", [False, True])
def test_multiply_by_slope(dtype: Any, per_unit: bool) -> None:
    rng = np.random.default_rng(2)
    g, slope = (rng.normal(size=(64, 19)).astype(dtype) for _ in range(2))
    theta_slope = rng.normal(size=(3, 64, 19)).astype(dtype)
    expected = np.einsum("bn,bn->bn", g.astype(np.float64), slope)
    by_theta = np.einsum("bn,pbn->pn" if per_unit else "bn,pbn->p", g.astype(np.float64), theta_slope)
    close = functools.partial(np.testing.assert_allclose, rtol=64 * np.finfo(dtype).eps, atol=1e-4)
    for wanted in (0, 1, 2):
        product = g.copy()
        bias_gradient = np.full(19, np.nan, dtype) if wanted else None
        theta_gradient = np.full(by_theta.size, np.nan, dtype) if wanted == 2 else None
        multiply_by_slope(product, slope, theta_slope, bias_gradient, theta_gradient)()
        close(product, expected)
        if bias_gradient is not None:
            close(bias_gradient, expected.sum(axis=0))
        if theta_gradient is not None:
            close(theta_gradient, by_theta.ravel())


@pytest.mark.parametrize("slopes", [False, True])
@pytest.mark.parametrize("name", ["swim", "mish", "gelu", "aulu", "sine", *EXPRESSIONS])
def test_float32_stays_float32_in_vectors_without_library_calls(
    name: str, slopes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))  # only code that is compiled now can be inspected
    source = kernel_source(settled(name), "float32", slopes=slopes)
    kernel: Any = cpu_cache._execute(f"inspected_{name}_{slopes}", source)
    ((_, llvm),) = kernel.inspect_llvm().items()
    assert re.search(r"store <\d+ x float>", llvm)
    assert llvm.count('"prefer-vector-width"="512"') == 1
    assert not re.search(r"\b(fadd|fsub|fmul|fdiv|fcmp|fpext|fptrunc)\b.* double|<\d+ x double>", llvm)
    called = set(re.findall(r"call [^@\n]*@([\w.]+)", llvm))
    around = ("llvm.", "Py", "_Py", "NRT_", "numba_")  # numba's entry from Python
    assert not {
        function for function in called if not function.startswith(around) and "kernel" not in function
    }


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("per_unit", [False, True], ids=["for the layer", "for each unit"])
def test_slopes_by_parameters_can_be_left_out(dtype: Any, per_unit: bool) -> None:
    module = activation("xielu(granularity=neuron)" if per_unit else "xielu", width=19)
    assert isinstance(module, Activation)
    kernel = CpuKernel(module.spec.settled, np.dtype(dtype))
    theta = np.concatenate([p.detach().numpy().reshape(-1) for p in module.parameters()]).astype(dtype)
    x = np.random.default_rng(0).normal(size=(64, 19)).astype(dtype)
    results = []
    for parameters in (2, 0):
        z, slope, theta_slope = x.copy(), np.empty_like(x), np.empty((parameters, *x.shape), dtype)
        kernel.bind_value_and_slopes(z, np.ones(19, dtype), theta, slope, theta_slope)()
        results.append((z, slope))
    for whole, part in zip(*results, strict=True):
        np.testing.assert_array_equal(whole, part)


def test_edges_cost_only_where_they_must() -> None:
    def guards(text: str) -> int:
        module = activation(text)
        assert isinstance(module, Activation)
        assert module.spec.formula is not None
        return kernel_source(module.spec.formula, "float32", slopes=True).count("_u ")

    assert guards("tanh") == guards("sigmoid") == 1  # the line that reads x
    assert guards("swim") > 1


def test_branches_are_not_held_to_their_side() -> None:
    """A kernel selects, so what the other branch makes of x does not matter, and both share their work."""
    source = kernel_source(settled("elu"), "float32", slopes=False)
    assert "expm1(x)" in source


@pytest.mark.parametrize("name", ["power", "like", "where_", "tanh_", "kernel", "z", "slope", "theta"])
def test_no_parameter_hides_a_name_of_the_generated_code(name: str) -> None:
    module = activation(f"expr: {name}*x**3 + tanh(x)/{name}; {name}=trainable(2)")
    assert isinstance(module, Activation)
    assert module.spec.formula is not None
    value, *_ = run(module.spec.formula, np.array([0.5]), [2.0])
    assert value[0] == pytest.approx(0.25 + math.tanh(0.5) / 2, rel=1e-14)
