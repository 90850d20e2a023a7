"""The operations that generated code calls, in NumPy.

Generated code holds copies of the functions that it calls, so each function here uses ``math``, ``np`` and
functions of this file alone. A NaN that goes in comes out again.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_Array = Any
"""A floating array of any shape, or a number."""


def _at_least(u: _Array, bound: _Array | float) -> _Array:
    return np.maximum(u, bound)


def _at_most(u: _Array, bound: _Array | float) -> _Array:
    return np.minimum(u, bound)


def _atan_gate(u: _Array) -> _Array:
    return np.arctan2(1.0, -u) / np.pi


def _clip(u: _Array, low: _Array | float, high: _Array | float) -> _Array:
    return np.minimum(np.maximum(u, low), high)


def _erf(u: _Array) -> _Array:
    return np.vectorize(math.erf, [np.asarray(u).dtype])(u)  # NumPy has none


def _isru_gate(u: _Array) -> _Array:
    # The plain form (1 + u/sqrt(1 + u^2))/2 cancels for u < 0; this one does not.
    r = np.sqrt(1.0 + u * u)
    t = 0.5 / r / (r + np.abs(u))
    return np.where(u > 0.0, 1.0 - t, t)


def _isru_slope(u: _Array) -> _Array:
    return 0.5 / np.sqrt(1.0 + u * u) ** 3


def _ndtr(u: _Array) -> _Array:
    return 0.5 * np.vectorize(math.erfc, [np.asarray(u).dtype])(-math.sqrt(0.5) * u)


def _normal_pdf(u: _Array) -> _Array:
    return np.exp(-0.5 * u * u) * (1.0 / math.sqrt(2.0 * math.pi))


def _relu(u: _Array) -> _Array:
    return np.maximum(u, 0.0)


def _rsqrt(u: _Array) -> _Array:
    return 1.0 / np.sqrt(u)


def _sech2(u: _Array) -> _Array:
    e = np.exp(-2.0 * np.abs(u))
    return 4.0 * e / (1.0 + e) ** 2


def _sigmoid(u: _Array) -> _Array:
    e = np.exp(-np.abs(u))
    s = 1.0 / (1.0 + e)
    return np.where(u < 0.0, e * s, s)


def _softplus(u: _Array) -> _Array:
    return np.logaddexp(u, 0.0)


def _step(u: _Array) -> _Array:
    return np.heaviside(u, 0.0)


def _tanh_softplus(u: _Array) -> _Array:
    # In e = exp(u) it is n/(n + 2) with n = e (e + 2); beyond u = 20 it is 1.
    e = np.exp(np.minimum(u, 20.0))
    n = e * (e + 2.0)
    return n / (n + 2.0)


def _tanh_softplus_slope(u: _Array) -> _Array:
    return _sech2(_softplus(u)) * _sigmoid(u)


LIBRARY = {
    "_constant": "{x}.dtype.type({value})",
    "_lowest": "np.finfo({x}.dtype).min",
    "abs": "np.abs",
    "atan": "np.arctan",
    "cos": "np.cos",
    "exp": "np.exp",
    "expm1": "np.expm1",
    "inf": "np.inf",
    "log": "np.log",
    "log1p": "np.log1p",
    "sign": "np.sign",
    "sin": "np.sin",
    "sqrt": "np.sqrt",
    "tanh": "np.tanh",
    "where": "np.where",
}
"""The operations that the library has, by their spelling in generated code."""
