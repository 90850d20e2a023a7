"""The few operations that numba lacks and vectorised elementary functions need, a few instructions each.

Every operation takes and gives scalars of one floating type, float32 or float64, called a lane here: LLVM
turns the scalar into a vector when it vectorises the loop around it. None touches memory, calls a library
or branches.

A constant is given as a Python float, or as a pair (for float32, for float64); ``like`` gives it the lane's
type, because numba would otherwise compute ``float32 * 0.5`` in float64.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import intrinsic

# Stored bits of the mantissa and bias of the exponent (IEEE 754), by the width of the lane.
_MANTISSA_BITS = {32: 23, 64: 52}
_EXPONENT_BIAS = {32: 127, 64: 1023}

# x + ROUND leaves the integer nearest to x in the low bits of the sum, and (x + ROUND) - ROUND is that
# integer; right for |x| < 2^22 in float32 and < 2^51 in float64. Unlike a conversion to int64 it has a
# vector form in AVX2.
ROUND = (1.5 * 2.0**23, 1.5 * 2.0**52)
# The same with the exponent's bias on top: the low bits become the exponent field of 2^x, see
# ``power_of_two``.
ROUND_BIASED = (ROUND[0] + 127.0, ROUND[1] + 1023.0)

# Emits the LLVM code of a call, from numba's context, a builder, the call's signature and the values of its
# arguments.
Emit = Callable[[Any, ir.IRBuilder, Any, Any], ir.Value]
# numba's decorator, with the type that mypy needs to see: the decorated typing rule becomes a function of
# lanes.
_operation: Callable[[Callable[..., tuple[Any, Emit]]], Callable[..., float]] = intrinsic


def _require_lane(*lanes: Any) -> None:
    if any(lane not in (types.float32, types.float64) for lane in lanes) or len(set(lanes)) != 1:
        given = ", ".join(map(str, lanes))
        raise TypingError(
            f"operands of type ({given}), expected one type, float32 or float64: "
            "give constants the type of the others with like(x, value)"
        )


def _width(value: ir.Value) -> int:
    return 32 if isinstance(value.type, ir.FloatType) else 64


def _integer(value: ir.Value) -> ir.IntType:
    return ir.IntType(_width(value))


def _pick(values: tuple[Any, Any], lane: ir.Value) -> Any:
    """Choose between the constants for float32 and for float64."""
    return values[0] if _width(lane) == 32 else values[1]


@_operation
def like(typing: Any, lane: Any, value: Any) -> tuple[Any, Emit]:
    """Give the constant ``value``, a float or a pair of floats, in the type of ``lane``."""
    _require_lane(lane)

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        x, constant = args
        if isinstance(value, types.BaseTuple):
            constant = builder.extract_value(constant, _pick((0, 1), x))
        return constant if _width(x) == 64 else builder.fptrunc(constant, ir.FloatType())

    return lane(lane, value), emit


@_operation
def fma(typing: Any, a: Any, b: Any, c: Any) -> tuple[Any, Emit]:
    """Compute a b + c with one rounding."""
    _require_lane(a, b, c)

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return builder.fma(*args)

    return a(a, a, a), emit


@_operation
def sqrt(typing: Any, x: Any) -> tuple[Any, Emit]:
    """Compute the square root, correctly rounded; NaN below -0."""
    _require_lane(x)

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        # numba's own math.sqrt calls the C library's sqrtf, which sets errno and so stays scalar.
        return builder.call(builder.module.declare_intrinsic("llvm.sqrt", [args[0].type]), args)

    return x(x), emit


@_operation
def where(typing: Any, condition: Any, a: Any, b: Any) -> tuple[Any, Emit]:
    """Give ``a`` where ``condition`` holds, else ``b``; both are computed, and the loop keeps no branch."""
    _require_lane(a, b)

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        return builder.select(*args)

    return a(types.boolean, a, a), emit


@_operation
def polynomial(typing: Any, x: Any, coefficients: Any) -> tuple[Any, Emit]:
    """Compute sum_k c_k x^k in fused multiply-adds.

    The last two steps follow Horner's rule, whose rounding is the smallest. What they multiply is split in
    halves again and again (G. Estrin, 1960), so that the chain of dependent steps grows with the logarithm
    of the degree.

    ``coefficients`` is a pair of tuples, c_0 first, each of three numbers or more: one for float32, one for
    float64.
    """
    _require_lane(x)

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        lane, table = args
        row = _pick((0, 1), lane)
        count = len(coefficients.types[row])
        powers = {1: lane}

        def constant(k: int) -> ir.Value:
            value = builder.extract_value(table, [row, k])
            return value if _width(lane) == 64 else builder.fptrunc(value, ir.FloatType())

        def power_of_lane(n: int) -> ir.Value:
            if n not in powers:
                root = power_of_lane(n // 2)
                powers[n] = builder.fmul(root, root)
            return powers[n]

        def halves(low: int, high: int) -> ir.Value:
            if high - low == 1:
                return constant(low)
            half = 1 << (high - low - 1).bit_length() - 1
            upper = halves(low + half, high)
            return builder.fma(upper, power_of_lane(half), halves(low, low + half))

        inner = builder.fma(halves(2, count), lane, constant(1))
        return builder.fma(inner, lane, constant(0))

    return x(x, coefficients), emit


@_operation
def power(typing: Any, x: Any, exponent: Any) -> tuple[Any, Emit]:
    """Compute x^n for a literal integer n >= 1 by repeated squaring; each product rounds once."""
    _require_lane(x)
    if not isinstance(exponent, types.IntegerLiteral) or exponent.literal_value < 1:
        raise TypingError(f"power(x, {exponent}): expected an integer literal of at least 1")

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        base = args[0]
        result = None
        remaining = exponent.literal_value
        while remaining:
            if remaining & 1:
                result = base if result is None else builder.fmul(result, base)
            remaining >>= 1
            if remaining:
                base = builder.fmul(base, base)
        return result

    return x(x, exponent), emit


@_operation
def power_of_two(typing: Any, t: Any) -> tuple[Any, Emit]:
    """Compute 2^n from t = n + ROUND_BIASED, for n within the exponents of normal numbers."""
    _require_lane(t)

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        (lane,) = args
        bits = builder.bitcast(lane, _integer(lane))
        shift = ir.Constant(bits.type, _MANTISSA_BITS[_width(lane)])
        return builder.bitcast(builder.shl(bits, shift), lane.type)

    return t(t), emit


@_operation
def exponent(typing: Any, x: Any) -> tuple[Any, Emit]:
    """Find the integer k, as a float, for which x 2^-k lies in [2/3, 4/3); x is a normal number > 0."""
    _require_lane(x)

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        (lane,) = args
        integer, mantissa = _integer(lane), _MANTISSA_BITS[_width(lane)]
        bias = _EXPONENT_BIAS[_width(lane)]
        # Adding the distance in bits from 2/3 to 1 carries into the exponent field from 4/3 on, where k
        # steps up.
        two_thirds = ((bias - 1) << mantissa) | ((1 << mantissa) // 3)
        shifted = builder.add(
            builder.bitcast(lane, integer), ir.Constant(integer, (bias << mantissa) - two_thirds)
        )
        field = builder.lshr(shifted, ir.Constant(integer, mantissa))
        # 2^mantissa holds the field in its low bits: an integer becomes a float without a conversion.
        whole = builder.or_(field, ir.Constant(integer, (bias + mantissa) << mantissa))
        offset = ir.Constant(lane.type, float(2**mantissa + bias))
        return builder.fsub(builder.bitcast(whole, lane.type), offset)

    return x(x), emit


@_operation
def is_odd(typing: Any, t: Any) -> tuple[Any, Emit]:
    """Return whether n is odd, from t = n + ROUND."""
    _require_lane(t)

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        (lane,) = args
        return builder.trunc(builder.bitcast(lane, _integer(lane)), ir.IntType(1))

    return types.boolean(t), emit


@_operation
def negate_by_bit_1(typing: Any, x: Any, t: Any) -> tuple[Any, Emit]:
    """Give -x where bit 1 of n is set (n mod 4 is 2 or 3), else x, from t = n + ROUND."""
    _require_lane(x, t)

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        lane, counter = args
        integer = _integer(lane)
        bit = builder.and_(builder.bitcast(counter, integer), ir.Constant(integer, 2))
        sign = builder.shl(bit, ir.Constant(integer, _width(lane) - 2))
        return builder.bitcast(builder.xor(builder.bitcast(lane, integer), sign), lane.type)

    return x(x, t), emit


@_operation
def wide_vectors(typing: Any) -> tuple[Any, Emit]:
    """Allow the calling function to use the processor's widest vectors.

    On Intel processors with AVX-512, LLVM uses only half of the width, because a few wide instructions can
    lower the clock rate for all others. The matrix products around our loops use the full width anyway.
    """

    def emit(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
        # llvmlite's own ``add`` knows none of the attributes that have a value.
        set.add(builder.function.attributes, '"prefer-vector-width"="512"')
        return context.get_dummy_value()

    return types.void(), emit
