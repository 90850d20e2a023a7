"""The vectorised elementary functions: float64 against mpmath, float32 against NumPy and SciPy in float64.

The bounds asserted are the ones that the module's documentation states: they are read from its table.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import mpmath
import numba
import numpy as np
import pytest
import scipy.special
from numba.core.errors import TypingError

from swimrl.activations.cpu import lanes as cpu_lanes
from swimrl.activations.cpu import math as cpu_math
from swimrl.activations.cpu.math import MATH, source_digest

DTYPES = [np.float32, np.float64]
UNIT_ROW = re.compile(r"(\w+) +(\d\.\d) +(\d\.\d)")
BOUNDS = {name: (float(a), float(b)) for name, a, b in UNIT_ROW.findall(cpu_math.__doc__ or "")}
SMOOTH = sorted(BOUNDS)

# Steps between subnormals that a subnormal result may be off; two functions may give 0 there.
SUBNORMAL_STEPS = dict.fromkeys(SMOOTH, 3.0) | {"isru_gate": math.inf, "isru_slope": math.inf}


def _isru_low(a: Any, sqrt: Callable[[Any], Any]) -> Any:
    return 1 / (2 * (1 + a * a + a * sqrt(1 + a * a)))


EXACT: dict[str, Callable[[Any], Any]] = {
    "atan": mpmath.atan,
    "atan_gate": lambda x: mpmath.atan2(1, -x) / mpmath.pi,
    "cos": mpmath.cos,
    "erf": mpmath.erf,
    "exp": mpmath.exp,
    "expm1": mpmath.expm1,
    "isru_gate": lambda x: _isru_low(-x, mpmath.sqrt) if x < 0 else (1 + x / mpmath.sqrt(1 + x * x)) / 2,
    "isru_slope": lambda x: (1 + x * x) ** mpmath.mpf(-1.5) / 2,
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "ndtr": lambda x: mpmath.erfc(-x / mpmath.sqrt(2)) / 2,
    "normal_pdf": mpmath.npdf,
    "sech2": lambda x: mpmath.sech(x) ** 2,
    "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    "sin": mpmath.sin,
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "tanh": mpmath.tanh,
    "tanh_softplus": lambda x: mpmath.tanh(mpmath.log1p(mpmath.exp(x))),
    "tanh_softplus_slope": lambda x: mpmath.sech(mpmath.log1p(mpmath.exp(x))) ** 2 / (1 + mpmath.exp(-x)),
}


def _float64_isru_gate(x: np.ndarray) -> np.ndarray:
    low = _isru_low(np.abs(x), np.sqrt)
    return np.where(x < 0, low, 1 - low)


def _float64_sech(x: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(x))
    return 2 * e / (1 + e * e)


FLOAT64: dict[str, Callable[[Any], Any]] = {
    "atan": np.arctan,
    "atan_gate": lambda x: np.arctan2(1, -x) / np.pi,
    "cos": np.cos,
    "erf": scipy.special.erf,
    "exp": np.exp,
    "expm1": np.expm1,
    "isru_gate": _float64_isru_gate,
    "isru_slope": lambda x: (1 + x * x) ** -1.5 / 2,
    "log": np.log,
    "log1p": np.log1p,
    "ndtr": scipy.special.ndtr,
    "normal_pdf": lambda x: np.exp(-x * x / 2) / np.sqrt(2 * np.pi),
    "sech2": lambda x: _float64_sech(x) ** 2,
    "sigmoid": scipy.special.expit,
    "sin": np.sin,
    "softplus": lambda x: np.logaddexp(0, x),
    "tanh": np.tanh,
    "tanh_softplus": lambda x: np.tanh(np.logaddexp(0, x)),
    "tanh_softplus_slope": lambda x: _float64_sech(np.logaddexp(0, x)) ** 2 * scipy.special.expit(x),
}

# Limits at -inf and +inf; None where the function has none.
LIMITS: dict[str, tuple[float | None, float | None]] = {
    "atan": (-math.pi / 2, math.pi / 2),
    "atan_gate": (0.0, 1.0),
    "cos": (None, None),
    "erf": (-1.0, 1.0),
    "exp": (0.0, math.inf),
    "expm1": (-1.0, math.inf),
    "isru_gate": (0.0, 1.0),
    "isru_slope": (0.0, 0.0),
    "log": (None, math.inf),
    "log1p": (None, math.inf),
    "ndtr": (0.0, 1.0),
    "normal_pdf": (0.0, 0.0),
    "sech2": (0.0, 0.0),
    "sigmoid": (0.0, 1.0),
    "sin": (None, None),
    "softplus": (0.0, math.inf),
    "tanh": (-1.0, 1.0),
    "tanh_softplus": (0.0, 1.0),
    "tanh_softplus_slope": (0.0, 0.0),
}
ODD_AT_ZERO = ["atan", "erf", "expm1", "log1p", "sin", "tanh"]

# mpmath's exponential slows down as its argument grows; by 800 ours is at its limit or overflows.
REACH = dict.fromkeys(SMOOTH, 800.0) | {
    "atan": 1e300,
    "atan_gate": 1e300,
    "cos": 2.0**49,
    "isru_gate": 1e150,
    "isru_slope": 1e100,
    "log": 1e308,
    "log1p": 1e308,
    "sin": 2.0**49,
}
FLOOR = {"log": 0.0, "log1p": -1.0}

HOSTILE = [0.0, 5e-324, 1e-310, 2.3e-308, 1e-160, 1e-38, 1e-8, 0.3465, 0.3466, 0.5, 1.0 / 3.0, 0.6667]
HOSTILE += [0.785, 0.8125, 1.0 - 2.0**-53, 1.0, 1.0 + 2.0**-52, 1.3333, 1.5708, 2.5, 2.5000001, 6.2832, 9.25]
HOSTILE += [13.2, 14.4, 30.0, 37.5, 38.6, 52.0, 87.4, 88.0, 88.8, 103.98, 354.0, 372.0, 708.5, 709.7, 709.79]
HOSTILE += [744.5, 745.2, 1e4, 3.1415926535897931e5, 2.0**20, 1e9, 1e15, 1e38, 1e100, 1e300]


@functools.cache
def kernel(name: str) -> Any:
    """Compile the function in a loop, with the flags of a kernel."""
    function = MATH[name]

    @numba.njit(fastmath={"contract"}, error_model="numpy")
    def apply(x: np.ndarray, y: np.ndarray) -> None:
        for i in range(x.size):
            y[i] = function(x[i])

    return apply


def evaluate(name: str, x: np.ndarray) -> np.ndarray:
    y = np.empty_like(x)
    kernel(name)(x, y)
    return y


def spacing(exact: np.ndarray, dtype: Any) -> np.ndarray:
    """Return the unit in the last place of the number of ``dtype`` nearest to each exact value."""
    largest = np.finfo(dtype).max
    return np.spacing(np.minimum(np.abs(exact), largest).astype(dtype)).astype(np.float64)


def test_the_documentation_bounds_every_smooth_function() -> None:
    assert set(BOUNDS) == set(EXACT) == set(FLOAT64) == set(LIMITS)
    algebraic = {"abs", "clip", "fma", "like", "pow", "power", "relu", "sign", "sqrt", "step", "where"}
    assert set(MATH) == set(BOUNDS) | algebraic


@pytest.mark.parametrize("name", SMOOTH)
def test_float64_is_within_the_documented_error(name: str) -> None:
    rng = np.random.default_rng(20250101)
    magnitudes = 10.0 ** np.concatenate([np.linspace(-300, 300, 151), rng.uniform(-6, 3, 300)])
    positive = np.concatenate([HOSTILE, magnitudes, np.linspace(0.001, 12, 250), rng.uniform(0, 800, 100)])
    x = np.concatenate([positive, -positive])
    x = x[(np.abs(x) <= REACH[name]) & (x > FLOOR.get(name, -math.inf))]
    with mpmath.workdps(50):
        exact = [EXACT[name](mpmath.mpf(v)) for v in x.tolist()]
        rounded = np.array([float(value) for value in exact])
        got = evaluate(name, x)
        overflow = np.isinf(rounded)
        np.testing.assert_array_equal(got[overflow], rounded[overflow])
        gaps = [
            float(abs(mpmath.mpf(g) - e) / mpmath.mpf(s)) if math.isfinite(g) else math.inf
            for g, e, s in zip(
                got[~overflow].tolist(),
                [e for e, huge in zip(exact, overflow, strict=True) if not huge],
                spacing(rounded[~overflow], np.float64).tolist(),
                strict=True,
            )
        ]
    normal = np.abs(rounded[~overflow]) >= np.finfo(np.float64).tiny
    bound = np.where(normal, BOUNDS[name][1], SUBNORMAL_STEPS[name])
    worst = int(np.argmax(np.array(gaps) - bound))
    assert gaps[worst] <= bound[worst], (x[~overflow][worst], got[~overflow][worst], gaps[worst])


@pytest.mark.parametrize("name", SMOOTH)
def test_float32_is_within_the_documented_error_over_all_bit_patterns(name: str) -> None:
    patterns = np.arange(0, 2**32, 16_411, dtype=np.uint64).astype(np.uint32).view(np.float32)
    near = np.linspace(-20, 20, 100_001, dtype=np.float32)
    hostile = np.array([v for v in HOSTILE if v < 1e39], np.float32)
    x = np.concatenate([patterns, near, hostile, -hostile])
    reach = 2.0**20 if name in ("sin", "cos") else math.inf
    with np.errstate(invalid="ignore"):
        x = x[np.isfinite(x) & (np.abs(x) <= reach) & (x > FLOOR.get(name, -math.inf))]
    with np.errstate(over="ignore", under="ignore"):
        exact = FLOAT64[name](x.astype(np.float64))
        rounded = exact.astype(np.float32)
    got = evaluate(name, x)
    overflow = np.isinf(rounded)
    np.testing.assert_array_equal(got[overflow], rounded[overflow])
    x, exact, got = x[~overflow], exact[~overflow], got[~overflow]
    gaps = np.abs(got.astype(np.float64) - exact) / spacing(exact, np.float32)
    gaps[np.isnan(gaps)] = np.inf
    normal = np.abs(exact) >= np.finfo(np.float32).tiny
    excess = gaps - np.where(normal, BOUNDS[name][0], SUBNORMAL_STEPS[name])
    worst = int(np.argmax(excess))
    assert excess[worst] <= 0, (x[worst], got[worst], gaps[worst])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SMOOTH)
def test_nan_and_infinities(name: str, dtype: Any) -> None:
    low, high = (np.nan if limit is None else limit for limit in LIMITS[name])
    got = evaluate(name, np.array([np.nan, -np.inf, np.inf], dtype))
    np.testing.assert_array_max_ulp(got[1:], np.array([low, high], dtype), maxulp=1)
    assert np.isnan(got[0])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ODD_AT_ZERO)
def test_zero_keeps_its_sign_and_subnormals_are_not_flushed(name: str, dtype: Any) -> None:
    step = np.finfo(dtype).smallest_subnormal
    got = evaluate(name, np.array([0.0, -0.0, 3 * step, -3 * step], dtype))
    np.testing.assert_array_equal(np.signbit(got), [False, True, False, True])
    np.testing.assert_array_equal(got, np.array([0, 0, 3 * step, -3 * step], dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_logarithms_at_the_edge_of_their_domain(dtype: Any) -> None:
    np.testing.assert_array_equal(
        evaluate("log", np.array([0.0, -0.0, -1e-30], dtype)), [-np.inf, -np.inf, np.nan]
    )
    np.testing.assert_array_equal(evaluate("log1p", np.array([-1.0, -1.0001], dtype)), [-np.inf, np.nan])


@pytest.mark.parametrize("dtype", DTYPES)
def test_sine_and_cosine_of_angles_beyond_their_range(dtype: Any) -> None:
    end = {np.float32: 2.0**20, np.float64: 2.0**49}[dtype]
    x = np.array([np.nextafter(dtype(end), dtype(np.inf)), -1e30], dtype)
    np.testing.assert_array_equal(evaluate("sin", x), [0, 0])
    np.testing.assert_array_equal(evaluate("cos", x), [1, 1])


@pytest.mark.parametrize("dtype", DTYPES)
def test_algebraic_functions(dtype: Any) -> None:
    x = np.array([-np.inf, -2.5, -0.0, 0.0, 1e-30, 2.0, np.inf, np.nan], dtype)
    np.testing.assert_array_equal(evaluate("relu", x), np.maximum(x, 0))
    np.testing.assert_array_equal(evaluate("abs", x), np.abs(x))
    np.testing.assert_array_equal(evaluate("sign", x), np.sign(x))
    np.testing.assert_array_equal(evaluate("step", x), np.heaviside(x, 0))
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(evaluate("sqrt", x), np.sqrt(x))


@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_of_several_operands(dtype: Any) -> None:
    clip, fma, like, power, where = (MATH[n] for n in ("clip", "fma", "like", "power", "where"))

    @numba.njit(fastmath={"contract"}, error_model="numpy")
    def apply(x: np.ndarray, y: np.ndarray) -> None:
        for i in range(x.size):
            v = x[i]
            y[0, i] = clip(v, like(v, -1.0), like(v, 2.0))
            y[1, i] = power(v, 5)
            y[2, i] = where(v > like(v, 0.5), v, like(v, (7.0, 8.0)))
            y[3, i] = fma(v, v, -(v * v))

    x = np.array([-np.inf, -3.0, -1.0, 0.1, 0.5, 2.0, 7.0, np.nan], dtype)
    y = np.empty((4, x.size), dtype)
    apply(x, y)
    np.testing.assert_array_equal(y[0], np.clip(x, -1, 2))
    np.testing.assert_array_equal(y[1], x * ((x * x) * (x * x)))
    np.testing.assert_array_equal(y[2], np.where(x > 0.5, x, 7 if dtype is np.float32 else 8))
    lost_by_rounding = Fraction(float(x[3])) ** 2 - Fraction(float(x[3] * x[3]))
    assert y[3, 3] == float(lost_by_rounding) != 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted({*SMOOTH, "sqrt"}))
def test_the_loop_is_vectorised_and_calls_no_library(name: str, dtype: Any) -> None:
    evaluate(name, np.ones(1, dtype))
    array = numba.typeof(np.ones(1, dtype))
    llvm = kernel(name).inspect_llvm((array, array))
    word = {np.float32: "float|i32", np.float64: "double|i64"}[dtype]
    assert re.search(rf"store <\d+ x ({word})>", llvm)
    called = set(re.findall(r"call [^@\n]*@([\w.]+)", llvm))
    # What remains is LLVM's own operations and, around the loop, numba's entry from Python.
    around = ("llvm.", "Py", "_Py", "NRT_", "numba_")
    foreign = {function for function in called if not function.startswith(around)}
    assert not {function for function in foreign if "kernel" not in function}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SMOOTH)
def test_flags_of_the_kernel_do_not_reach_inside(name: str, dtype: Any) -> None:
    function = MATH[name]

    @numba.njit(fastmath=False, error_model="numpy")
    def strict(x: np.ndarray, y: np.ndarray) -> None:
        for i in range(x.size):
            y[i] = function(x[i])

    x = np.random.default_rng(3).normal(scale=4.0, size=10_007).astype(dtype)
    y = np.empty_like(x)
    strict(x, y)
    np.testing.assert_array_equal(evaluate(name, x), y)


@pytest.mark.parametrize(
    ("first", "second", "divisions"),
    [
        ("tanh", "sech2", 2),
        ("ndtr", "normal_pdf", 1),
        ("sigmoid", "softplus", 1),
        ("tanh_softplus", "tanh_softplus_slope", 3),
    ],
)
def test_functions_that_go_together_share_one_exponential(first: str, second: str, divisions: int) -> None:
    f, g = MATH[first], MATH[second]

    @numba.njit(error_model="numpy")
    def both(x: np.float32) -> tuple[np.float32, np.float32]:
        return f(x), g(x)

    both(np.float32(1))
    llvm = both.inspect_llvm(both.signatures[0])
    # An exponential shifts an integer into the exponent field: once, if there is one.
    assert len(re.findall(r"= shl i32 %[\w.]+, 23", llvm)) == 1
    assert len(re.findall(r"= fdiv float", llvm)) == divisions


def apply_pow(x: Any, y: Any, dtype: Any) -> np.ndarray:
    power = MATH["pow"]

    @numba.njit(fastmath={"contract"}, error_model="numpy")
    def apply(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> None:
        for i in range(x.size):
            z[i] = power(x[i], y[i])

    base, exponent = (np.ascontiguousarray(a, dtype) for a in np.broadcast_arrays(x, y))
    result = np.empty_like(base)
    apply(base, exponent, result)
    llvm = apply.inspect_llvm(apply.signatures[0])
    assert re.search(r"store <\d+ x \w+>", llvm)
    assert not re.search(r"@(llvm\.)?pow", llvm)
    return result


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 2.3), (np.float64, 2.0)])
def test_pow_is_within_the_documented_error(dtype: Any, bound: float) -> None:
    rng = np.random.default_rng(5)
    reach = {np.float32: 37, np.float64: 300}[dtype]
    x = np.concatenate([10 ** rng.uniform(-2, 2, 1000), 10 ** rng.uniform(-reach, reach, 1000)]).astype(dtype)
    y = np.concatenate([rng.uniform(-16, 16, 1000), rng.uniform(-1, 1, 1000)]).astype(dtype)
    got = apply_pow(x, y, dtype)
    with mpmath.workdps(40):
        for a, b, found in zip(x.tolist(), y.tolist(), got, strict=True):
            exact = mpmath.mpf(a) ** mpmath.mpf(b)
            if np.finfo(dtype).tiny < exact < np.finfo(dtype).max:
                assert abs(float(found) - exact) <= bound * float(np.spacing(dtype(float(exact))))


@pytest.mark.parametrize("dtype", DTYPES)
def test_pow_at_its_edges(dtype: Any) -> None:
    """As in C, but NaN**0 is NaN, and so is a broken power of -inf as of any other negative number."""
    huge, small = np.finfo(dtype).max / 2, np.finfo(dtype).smallest_subnormal
    bases = [0.0, np.inf, -np.inf, -2.0, -0.5, 1.0, 3.0, huge, -huge, small, 0.7]
    exponents = [0.0, 1.0, 2.0, 3.0, -1.0, -2.0, -3.0, 0.5, -0.5, 2.5, 1000.0, -1001.0]
    x, y = (grid.ravel() for grid in np.meshgrid(bases, exponents))
    with np.errstate(all="ignore"):
        expected = np.power(x.astype(dtype), y.astype(dtype))
    expected[np.isneginf(x) & (y % 1 != 0)] = np.nan
    relative = 1e3 * np.finfo(dtype).eps  # 0.7**1000: the exponent magnifies rounding
    np.testing.assert_allclose(apply_pow(x, y, dtype), expected, rtol=relative)
    assert np.isnan(apply_pow([np.nan, np.nan, 2.0], [0.0, 1.5, np.nan], dtype)).all()


def test_operands_of_different_types_are_refused() -> None:
    where = MATH["where"]

    @numba.njit
    def mixed(x: np.float32) -> Any:
        return where(x > 0, x, 1.0)

    with pytest.raises(TypingError, match=r"operands of type \(float32, float64\).*like\(x, value\)"):
        mixed(np.float32(1))


@pytest.mark.parametrize("exponent", [0, -2])
def test_power_takes_positive_integer_literals(exponent: int) -> None:
    power = MATH["power"]

    @numba.njit
    def raised(x: np.float32) -> Any:
        return power(x, exponent)

    with pytest.raises(TypingError, match="expected an integer literal of at least 1"):
        raised(np.float32(1))


def test_the_digest_follows_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = source_digest()
    assert re.fullmatch("[0-9a-f]{16}", before)
    assert source_digest() == before
    changed = tmp_path / "cpu_lanes.py"
    changed.write_bytes(Path(cpu_lanes.__file__).read_bytes() + b"\n")
    monkeypatch.setattr(cpu_lanes, "__file__", str(changed))
    assert source_digest() != before
