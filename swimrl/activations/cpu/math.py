"""Elementary functions that stay vectorised inside a numba loop: the arithmetic of the fused CPU kernels.

numba sends ``math.exp`` and similar functions to the C library, one scalar call per element, which keeps
the loop around it scalar too. The functions here are straight-line arithmetic instead: no call, no branch
(both sides of a choice are computed), no table. LLVM inlines them and turns the loop into AVX2 or AVX-512
vectors. Each is one source for float32 and float64, computes in the type it is given, and can be called
from numba functions only.

They are compiled without any fast-math flag, and every fused multiply-add is written out. So all processors
with fused multiply-add give the same bits at any vector width, a kernel's own flags do not reach inside, and

- NaN in gives NaN out; +-inf gives the limit (NaN for sin and cos, and for log and sqrt of -inf);
- subnormal arguments are honoured, and subnormal results are right to three of their steps (but
  ``isru_gate`` and ``isru_slope`` may give 0), at up to four times the time; in a thread that flushes
  subnormals to zero (``torch.set_flush_denormal``) they become 0;
- odd functions, expm1, log1p and sqrt keep the sign of zero.

Largest error, in units in the last place of a normal result, seen over 70 million float32 arguments spread
evenly over all bit patterns and, against mpmath, 50,000 float64 arguments. sin and cos: up to 2^20 in
float32, 2^49 in float64. Beyond, where neighbouring numbers are a sizeable angle apart, they give 0 and 1.

===========  =======  =======    ===================  =======  =======
function     float32  float64    function             float32  float64
===========  =======  =======    ===================  =======  =======
atan         1.3      1.5        ndtr                 4.1      3.4
atan_gate    1.8      1.8        normal_pdf           1.3      1.4
cos          1.7      1.5        sech2                2.3      2.0
erf          1.3      1.3        sigmoid              2.3      2.0
exp          1.1      1.0        sin                  1.7      1.5
expm1        1.5      1.8        softplus             1.9      2.0
isru_gate    2.6      2.3        tanh                 2.3      2.3
isru_slope   3.8      3.7        tanh_softplus        3.1      2.4
log          1.0      1.3        tanh_softplus_slope  7.0      6.5
log1p        1.6      1.7
===========  =======  =======    ===================  =======  =======

``pow``, of two arguments: 2.3 and 2.0 for exponents up to 16; beyond, in proportion to the exponent.

Functions that go together share their work when a kernel calls both, because LLVM merges equal arithmetic:
sigmoid(x), sigmoid(-x), softplus(x), tanh_softplus(x) and its slope; tanh and sech2; exp and expm1; ndtr(x),
normal_pdf(x) and erf(x/sqrt(2)); sin and cos; atan and atan_gate; isru_gate and isru_slope; log and pow.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar, cast

import llvmlite
import numba

from swimrl.activations.cpu import coefficients as cpu_coefficients
from swimrl.activations.cpu import lanes as cpu_lanes
from swimrl.activations.cpu.coefficients import (
    ANGLE_END,
    ATAN,
    COS,
    ERF,
    EXP_HIGHEST,
    EXP_LOWEST,
    EXPM1,
    HALF_PI_HIGH,
    HALF_PI_LOW,
    HALF_PI_MIDDLE,
    INV_PI_HIGH,
    INV_PI_LOW,
    LN2_HIGH,
    LN2_LOW,
    LOG1P,
    LOWEST_EXPONENT,
    SIN,
    TAIL,
    TAIL_END,
    TINY,
    TWO_TO_MINUS_UP,
    TWO_TO_UP,
    UP,
)
from swimrl.activations.cpu.lanes import (
    ROUND,
    ROUND_BIASED,
    exponent,
    fma,
    is_odd,
    like,
    negate_by_bit_1,
    polynomial,
    power,
    power_of_two,
    sqrt,
    where,
)

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _inlined(function: _Function) -> _Function:
    """Compile for numba callers: LLVM inlines it, and no fast-math flag changes its rounding."""
    compiled = numba.njit(forceinline=True, error_model="numpy", fastmath=False)(function)
    return cast(_Function, compiled)


# Exponentials. To mypy a lane is a float; numba knows whether it is a float32 or a float64.


@_inlined
def _at_least(x: float, low: float) -> float:
    return where(x < low, low, x)


@_inlined
def _at_most(x: float, high: float) -> float:
    return where(x > high, high, x)


@_inlined
def _reduce(x: float, round_to: float, rest: float) -> tuple[float, float]:
    """Split x + rest = n log(2) + r with |r| <= log(2)/2; give t = n + round_to and p = e^r - 1.

    A ``rest`` of -0 costs nothing: adding it changes no number, so LLVM drops the addition.
    """
    t = fma(x, like(x, 1.0 / math.log(2.0)), round_to)
    n = t - round_to
    r = fma(-n, like(x, LN2_LOW), fma(-n, like(x, LN2_HIGH), x)) + rest
    return t, fma(r * r, polynomial(r, EXPM1), r)


@_inlined
def _exp_of_sum(x: float, rest: float) -> float:
    """Compute e^(x + rest), with ``rest`` small beside x."""
    x = _at_least(_at_most(x, like(x, EXP_HIGHEST)), like(x, EXP_LOWEST))
    t, p = _reduce(x, like(x, ROUND_BIASED), rest)
    # 2^n itself may be subnormal or overflow although the result does neither; 2^(n +- UP) is normal.
    small = x < like(x, 0.0)
    scale = power_of_two(t + where(small, like(x, UP), -like(x, UP)))
    return fma(scale, p, scale) * where(small, like(x, TWO_TO_MINUS_UP), like(x, TWO_TO_UP))


@_inlined
def exp(x: float) -> float:
    """Compute e^x."""
    return _exp_of_sum(x, like(x, -0.0))


@_inlined
def expm1(x: float) -> float:
    """Compute e^x - 1."""
    t, p = _reduce(
        _at_least(_at_most(x, like(x, EXP_HIGHEST)), like(x, EXP_LOWEST)),
        like(x, ROUND_BIASED),
        like(x, -0.0),
    )
    # Half the result is scaled, because 2^n overflows before the result does.
    lowest = like(x, ROUND_BIASED) + like(x, LOWEST_EXPONENT)
    scale = power_of_two(_at_least(t - like(x, 1.0), lowest))
    y = fma(scale, p, scale - like(x, 0.5)) * like(x, 2.0)
    return where(math.fabs(x) < like(x, TINY), x, y)


@_inlined
def _decay(x: float, rest: float) -> tuple[float, float]:
    """Compute 2^n and p for x <= 0, with exp(x + rest) = 2^n (1 + p) and |p| < .42."""
    x = _at_least(x, like(x, EXP_LOWEST))
    t, p = _reduce(x, like(x, ROUND_BIASED) + like(x, UP), rest)
    return power_of_two(t) * like(x, TWO_TO_MINUS_UP), p


@_inlined
def _exp_of_minus(a: float) -> float:
    """Compute e^-a for a >= 0."""
    scale, p = _decay(-a, like(a, -0.0))
    return fma(scale, p, scale)


@_inlined
def sigmoid(x: float) -> float:
    """Compute 1/(1 + e^-x)."""
    e = _exp_of_minus(math.fabs(x))
    one = like(x, 1.0)
    return where(x < like(x, 0.0), e, one) / (one + e)


@_inlined
def tanh(x: float) -> float:
    """Compute (e^x - e^-x)/(e^x + e^-x), as (e - 1)/(e + 1) with e = e^(-2|x|) and the sign of x."""
    scale, p = _decay(like(x, -2.0) * math.fabs(x), like(x, -0.0))
    one = like(x, 1.0)
    return math.copysign(fma(scale, p, scale - one) / (one + fma(scale, p, scale)), x)


@_inlined
def sech2(x: float) -> float:
    """Compute 1/cosh(x)^2, as 4e/(1 + e)^2 with e = e^(-2|x|)."""
    e = _exp_of_minus(like(x, 2.0) * math.fabs(x))
    return like(x, 4.0) * e / fma(e, e + like(x, 2.0), like(x, 1.0))


@_inlined
def _tanh_softplus_parts(x: float) -> tuple[float, float, float]:
    """Compute e = e^-|x|, and a and c with tanh(softplus(x)) = a/c.

    It is ((1 + e^x)^2 - 1)/((1 + e^x)^2 + 1), and for x >= 0 the same with both sides divided by e^2x.
    """
    e = _exp_of_minus(math.fabs(x))
    falling = x < like(x, 0.0)
    a = where(falling, fma(e, e, e + e), fma(e, like(x, 2.0), like(x, 1.0)))
    return e, a, fma(like(x, 2.0), where(falling, like(x, 1.0), e * e), a)


@_inlined
def tanh_softplus(x: float) -> float:
    """Compute tanh(log(1 + e^x)), the gate of Mish, with one exponential."""
    _, a, c = _tanh_softplus_parts(x)
    return a / c


@_inlined
def tanh_softplus_slope(x: float) -> float:
    """Compute the derivative of ``tanh_softplus``, 4 e^x (1 + e^x)/((1 + e^x)^2 + 1)^2."""
    e, _, c = _tanh_softplus_parts(x)
    top = where(x < like(x, 0.0), e, e * e) / c
    return top * (fma(like(x, 4.0), e, like(x, 4.0)) / c)


# Logarithms


@_inlined
def _log1p_near_0(f: float) -> float:
    """Compute log(1 + f) for |f| <= 1/3."""
    return fma(f * f, polynomial(f, LOG1P), f)


@_inlined
def softplus(x: float) -> float:
    """Compute log(1 + e^x), as max(x, 0) + log(1 + e^-|x|)."""
    e = _exp_of_minus(math.fabs(x))
    # 1 + e lies in [1, 2]; halved from 4/3 on, it is within 1/3 of 1.
    high = e > like(x, 1.0 / 3.0)
    f = where(high, fma(e, like(x, 0.5), like(x, -0.5)), e)
    log = _log1p_near_0(f) + where(high, like(x, LN2_HIGH), like(x, 0.0))
    return log + relu(x)


@_inlined
def _mantissa_and_exponent(x: float) -> tuple[float, float]:
    """Write x > 0 as (1 + f) 2^k with 1 + f in [2/3, 4/3); f is exact."""
    # Moved away from both ends of the range, x and 2^-k are normal numbers.
    small = x < like(x, 1.0)
    moved = x * where(small, like(x, TWO_TO_UP), like(x, TWO_TO_MINUS_UP))
    k = exponent(moved)
    f = moved * power_of_two(like(x, ROUND_BIASED) - k) - like(x, 1.0)
    return f, k - where(small, like(x, UP), -like(x, UP))


@_inlined
def log(x: float) -> float:
    """Compute the natural logarithm: -inf at 0, NaN below."""
    f, k = _mantissa_and_exponent(x)
    y = fma(k, like(x, LN2_HIGH), _log1p_near_0(f))
    y = where(x < like(x, math.inf), y, x)
    y = where(x == like(x, 0.0), like(x, -math.inf), y)
    return where(x < like(x, 0.0), like(x, math.nan), y)


@_inlined
def pow(x: float, y: float) -> float:  # noqa: A001 - the name it has in C
    """Compute x^y, as e^(y log|x|) with a logarithm of twice the digits; x^0 = 1, also at 0 and infinity.

    For x < 0 it is NaN unless y is a whole number, and has the sign that a product of y factors has.
    """
    a = math.fabs(x)
    f, k = _mantissa_and_exponent(a)
    # log(a) = k log(2) + log(1 + f) = high + low: each sum and product keeps what its rounding loses.
    product = k * like(x, LN2_HIGH)
    total = product + f
    lost = fma(k, like(x, LN2_LOW), fma(k, like(x, LN2_HIGH), -product)) + (f - (total - product))
    tail = fma(f * f, polynomial(f, LOG1P), lost)
    high = total + tail
    low = tail - (high - total)
    high = where(a < like(x, math.inf), high, a)
    high = where(a == like(x, 0.0), like(x, -math.inf), high)
    exponent_of_e = y * high
    rest = fma(y, low, fma(y, high, -exponent_of_e))
    within = math.fabs(exponent_of_e) < like(x, EXP_HIGHEST)
    size = _exp_of_sum(exponent_of_e, where(within, rest, like(x, 0.0)))
    t = y + like(x, ROUND)
    whole = t - like(x, ROUND) == y
    negative = where(whole, where(is_odd(t), -size, size), like(x, math.nan))
    signed = where(x < like(x, 0.0), negative, size)
    return where(y == like(x, 0.0), where(x == x, like(x, 1.0), x), signed)


@_inlined
def log1p(x: float) -> float:
    """Compute log(1 + x): -inf at -1, NaN below."""
    k = exponent(like(x, 1.0) + x)
    # f = (1 + x) 2^-k - 1 from x itself, not from the rounded 1 + x; 2^(2-k) is normal where 2^-k may not be.
    scale = power_of_two(like(x, ROUND_BIASED) + like(x, 2.0) - k)
    f = fma(x * like(x, 0.25), scale, fma(scale, like(x, 0.25), like(x, -1.0)))
    y = fma(k, like(x, LN2_HIGH), _log1p_near_0(f))
    y = where(math.fabs(x) < like(x, TINY), x, y)
    y = where(x < like(x, math.inf), y, x)
    y = where(x == like(x, -1.0), like(x, -math.inf), y)
    return where(x < like(x, -1.0), like(x, math.nan), y)


# The normal distribution


@_inlined
def _bell_parts(a: float) -> tuple[float, float]:
    """Compute 2^n and p for a >= 0, with exp(-a^2/2) = 2^n (1 + p)."""
    a = _at_most(a, like(a, TAIL_END))
    half = like(a, -0.5) * a
    square = half * a
    # What the rounding of the square lost would become a relative error of the result, so it goes along.
    return _decay(square, fma(half, a, -square))


@_inlined
def _tail(a: float) -> float:
    """Compute ndtr(-a) for a >= 0, as exp(-a^2/2) q(a) with q smooth and slowly falling."""
    scale, p = _bell_parts(a)
    a = _at_most(a, like(a, TAIL_END))
    t = like(a, 1.0) / (a + like(a, 2.5))
    # The polynomial's argument t - 1/4, from a itself, because t is rounded.
    q = t * polynomial(fma(a, like(a, -0.25), like(a, 0.375)) * t, TAIL)
    return fma(p, q, q) * scale


@_inlined
def ndtr(x: float) -> float:
    """Compute the distribution function of the standard normal, with full digits in its lower tail."""
    tail = _tail(math.fabs(x))
    return where(x < like(x, 0.0), tail, like(x, 1.0) - tail)


@_inlined
def normal_pdf(x: float) -> float:
    """Compute the density of the standard normal, exp(-x^2/2)/sqrt(2 pi)."""
    scale, p = _bell_parts(math.fabs(x))
    height = like(x, 1.0 / math.sqrt(2.0 * math.pi))
    return fma(p, height, height) * scale


@_inlined
def erf(x: float) -> float:
    """Compute the error function."""
    a = math.fabs(x)
    square = _at_most(x * x, like(x, 1.0))
    near = fma(x, polynomial(square, ERF), x)
    far = fma(_tail(math.fabs(x * like(x, math.sqrt(2.0)))), like(x, -2.0), like(x, 1.0))
    return where(a > like(x, 1.0), math.copysign(far, x), near)


# Angles


@_inlined
def _angle_of_slope(a: float) -> tuple[bool, float]:
    """Return whether a > 1, and atan(min(a, 1/a)) for a >= 0."""
    steep = a > like(a, 1.0)
    t = where(steep, like(a, 1.0), a) / where(steep, a, like(a, 1.0))
    square = t * t
    return steep, fma(square * t, polynomial(square, ATAN), t)


@_inlined
def atan(x: float) -> float:
    """Compute the inverse tangent."""
    steep, angle = _angle_of_slope(math.fabs(x))
    from_half_pi = like(x, HALF_PI_HIGH) - (angle - like(x, HALF_PI_MIDDLE))
    return math.copysign(where(steep, from_half_pi, angle), x)


@_inlined
def atan_gate(x: float) -> float:
    """Compute 1/2 + atan(x)/pi, which for x < -1 is atan(-1/x)/pi and so keeps its digits."""
    steep, angle = _angle_of_slope(math.fabs(x))
    turn = fma(angle, like(x, INV_PI_HIGH), angle * like(x, INV_PI_LOW))
    falling = x < like(x, 0.0)
    end = where(falling, like(x, 0.0), like(x, 1.0))
    return where(steep, end, like(x, 0.5)) + where(falling == steep, turn, -turn)


@_inlined
def _quadrant(x: float) -> tuple[float, float]:
    """Split x = n pi/2 + r with |r| <= .83; give t = n + ROUND and r. Beyond ANGLE_END both are 0."""
    x = where(math.fabs(x) > like(x, ANGLE_END), x - x, x)
    t = fma(x, like(x, 2.0 / math.pi), like(x, ROUND))
    n = t - like(x, ROUND)
    r = fma(-n, like(x, HALF_PI_MIDDLE), fma(-n, like(x, HALF_PI_HIGH), x))
    return t, fma(-n, like(x, HALF_PI_LOW), r)


@_inlined
def _sine(t: float, r: float) -> float:
    """Compute sin(n pi/2 + r) from t = n + ROUND."""
    square = r * r
    half = fma(square, like(r, -0.5), like(r, 1.0))
    cosine = fma(square * square, polynomial(square, COS), half)
    sine = fma(r * square, polynomial(square, SIN), r)
    return negate_by_bit_1(where(is_odd(t), cosine, sine), t)


@_inlined
def sin(x: float) -> float:
    """Compute the sine; 0 beyond ANGLE_END."""
    t, r = _quadrant(x)
    return where(math.fabs(x) < like(x, TINY), x, _sine(t, r))


@_inlined
def cos(x: float) -> float:
    """Compute the cosine; 1 beyond ANGLE_END."""
    t, r = _quadrant(x)
    return _sine(t + like(x, 1.0), r)


# Algebraic functions


@_inlined
def isru_slope(x: float) -> float:
    """Compute (1 + x^2)^(-3/2)/2, the derivative of ``isru_gate``."""
    square = fma(x, x, like(x, 1.0))
    return like(x, 0.5) / (square * sqrt(square))


@_inlined
def isru_gate(x: float) -> float:
    """Compute (1 + x/sqrt(1 + x^2))/2, which for x < 0 is 1/(2 r (r - x)) with r = sqrt(1 + x^2)."""
    a = math.fabs(x)
    square = fma(x, x, like(x, 1.0))
    low = like(x, 0.5) / fma(a, sqrt(square), square)
    return where(x < like(x, 0.0), low, like(x, 1.0) - low)


@_inlined
def relu(x: float) -> float:
    """Compute max(x, 0)."""
    return where(x <= like(x, 0.0), like(x, 0.0), x)


@_inlined
def step(x: float) -> float:
    """Give 1 for x > 0, else 0."""
    return where(x > like(x, 0.0), like(x, 1.0), where(x <= like(x, 0.0), like(x, 0.0), x))


@_inlined
def sign(x: float) -> float:
    """Give 1 for x > 0, -1 for x < 0, else x."""
    return where(x > like(x, 0.0), like(x, 1.0), where(x < like(x, 0.0), like(x, -1.0), x))


@_inlined
def absolute(x: float) -> float:
    """Compute |x|."""
    return math.fabs(x)


@_inlined
def clip(x: float, low: float, high: float) -> float:
    """Hold x between low and high; where low > high, the result is high."""
    return _at_most(_at_least(x, low), high)


MATH: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {
        "abs": absolute,
        "atan": atan,
        "atan_gate": atan_gate,
        "clip": clip,
        "cos": cos,
        "erf": erf,
        "exp": exp,
        "expm1": expm1,
        "fma": fma,
        "isru_gate": isru_gate,
        "isru_slope": isru_slope,
        "like": like,
        "log": log,
        "log1p": log1p,
        "ndtr": ndtr,
        "normal_pdf": normal_pdf,
        "pow": pow,
        "power": power,
        "relu": relu,
        "sech2": sech2,
        "sigmoid": sigmoid,
        "sign": sign,
        "sin": sin,
        "softplus": softplus,
        "sqrt": sqrt,
        "step": step,
        "tanh": tanh,
        "tanh_softplus": tanh_softplus,
        "tanh_softplus_slope": tanh_softplus_slope,
        "where": where,
    }
)
"""What a generated kernel may call, by the name a formula uses.

The operands and the result of a call have one type, float32 or float64. ``like(x, c)`` gives the
constant c the type of x, ``power(x, n)`` takes a literal n >= 1, ``where(condition, a, b)`` any comparison.
"""


def source_digest() -> str:
    """Identify the code that these functions compile to.

    numba's cache of a kernel does not notice that a function it inlined has changed, so the digest belongs
    in the name of every cached kernel.

    Returns:
        16 hexadecimal digits, from this file's source, its two neighbours' and the versions of numba and
        llvmlite.
    """
    digest = hashlib.sha256(f"numba {numba.__version__} llvmlite {llvmlite.__version__}".encode())
    for file in (__file__, cpu_lanes.__file__, cpu_coefficients.__file__):
        digest.update(Path(file).read_bytes())
    return digest.hexdigest()[:16]
