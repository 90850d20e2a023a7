"""The operations that generated code calls, in C99.

Each body is written once with the type ``real``, the functions of ``double`` and plain literals; `in_c` turns
it into code for ``float`` or ``double``. If the input is NaN, the result is NaN.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Real = Literal["float", "double"]

MATH_H = {
    "abs": "fabs",
    "atan": "atan",
    "cos": "cos",
    "erf": "erf",
    "exp": "exp",
    "expm1": "expm1",
    "log": "log",
    "log1p": "log1p",
    "pow": "pow",
    "sin": "sin",
    "sqrt": "sqrt",
    "tanh": "tanh",
}
"""Primitives that are functions of math.h, by their spelling in formulas."""

_SUFFIXED = re.compile(rf"\b({'|'.join({*MATH_H.values(), 'atan2', 'erfc'})})\(")
_LITERAL = re.compile(r"(?<![\w.])(\d+\.\d+(?:e[+-]?\d+)?)(?![\w.])")


@dataclass(frozen=True)
class Helper:
    """A static inline function."""

    arguments: str
    """Declared with the type ``real``."""

    body: str


HELPERS = {
    "_at_least": Helper("real u, real bound", "return u < bound ? bound : u;"),
    "_at_most": Helper("real u, real bound", "return u > bound ? bound : u;"),
    "_rsqrt": Helper("real u", "return 1.0 / sqrt(u);"),
    "_whole_power": Helper(
        "real u, int n", "real product = u; while (--n > 0) { product *= u; } return product;"
    ),
    "atan_gate": Helper("real u", "return 0.31830988618379067 * atan2(1.0, -u);"),
    "clip": Helper("real u, real low, real high", "return u <= low ? low : u >= high ? high : u;"),
    "isru_gate": Helper(
        # For u < 0 the plain form 0.5 (1 + u/sqrt(1 + u^2)) cancels; this one does not.
        "real u",
        "const real r = sqrt(1.0 + u * u), t = 0.5 / (r * (r + fabs(u))); return u > 0.0 ? 1.0 - t : t;",
    ),
    "isru_slope": Helper("real u", "const real r = 1.0 / sqrt(1.0 + u * u); return 0.5 * r * r * r;"),
    "ndtr": Helper("real u", "return 0.5 * erfc(-0.70710678118654757 * u);"),
    "normal_pdf": Helper("real u", "return 0.3989422804014327 * exp(-0.5 * u * u);"),
    "relu": Helper("real u", "return u < 0.0 ? 0.0 : u;"),
    "sech2": Helper("real u", "const real e = exp(-2.0 * fabs(u)), d = 1.0 + e; return 4.0 * e / (d * d);"),
    "sigmoid": Helper(
        "real u", "const real e = exp(-fabs(u)), s = 1.0 / (1.0 + e); return u < 0.0 ? e * s : s;"
    ),
    "sign": Helper("real u", "return u > 0.0 ? 1.0 : u < 0.0 ? -1.0 : u;"),
    "softplus": Helper("real u", "return (u > 0.0 ? u : 0.0) + log1p(exp(-fabs(u)));"),
    "step": Helper("real u", "return u > 0.0 ? 1.0 : 0.0;"),
    "tanh_softplus": Helper(
        # tanh(log(1 + e)) = n / (n + 2) with e = exp(u), n = e (e + 2); for u > 20 it rounds to 1, and n may
        # overflow. To choose at the end is faster than to limit u.
        "real u",
        "const real e = exp(u), n = e * (e + 2.0); return u > 20.0 ? 1.0 : n / (n + 2.0);",
    ),
    "tanh_softplus_slope": Helper(
        # sech2(softplus(u)) sigmoid(u) = 4 e (1 + e) / (n + 2)^2
        "real u",
        "if (u > 20.0) { return 4.0 * exp(-2.0 * u); } "
        "const real e = exp(u), d = e * (e + 2.0) + 2.0; return 4.0 * e * (1.0 + e) / (d * d);",
    ),
}
"""The other primitives, and what generated code needs beside them, by their spelling."""


def helper_name(spelling: str) -> str:
    """Return the C name of a helper: no function of math.h and none of a user's has it."""
    return f"act_{spelling.strip('_')}"


def helper_source(spelling: str, real: Real) -> str:
    """Return the definition of one helper."""
    helper = HELPERS[spelling]
    statements = [f"    {line}" for line in re.findall(r"[^;{}]*(?:\{[^}]*\}|;)", helper.body)]
    text = "\n".join(line.replace("     ", "    ", 1) for line in statements)
    return in_c(f"static inline real {helper_name(spelling)}({helper.arguments})\n{{\n{text}\n}}\n", real)


def in_c(text: str, real: Real) -> str:
    """Return a body of this file with the right type, literals and functions."""
    if real == "float":
        text = _LITERAL.sub(r"\1f", _SUFFIXED.sub(r"\1f(", text))
    return re.sub(r"\breal\b", real, text)
