"""The operations that generated code calls, in JAX.

Generated code holds copies of the functions that it calls, so each function here uses ``jax`` and ``jnp`` and
functions of this file alone. A NaN that goes in comes out again.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp


def _at_least(u: jax.Array, bound: jax.Array | float) -> jax.Array:
    return jnp.where(u < bound, bound, u)  # at the bound all of the gradient is u's


def _at_most(u: jax.Array, bound: jax.Array | float) -> jax.Array:
    return jnp.where(u > bound, bound, u)


def _atan_gate(u: jax.Array) -> jax.Array:
    return jnp.atan2(1.0, -u) / jnp.pi


def _clip(u: jax.Array, low: jax.Array | float, high: jax.Array | float) -> jax.Array:
    return jnp.where(u <= low, low, jnp.where(u >= high, high, u))


def _isru_gate(u: jax.Array) -> jax.Array:
    # The plain form (1 + u/sqrt(1 + u^2))/2 cancels for u < 0; this one does not.
    r = jnp.sqrt(1.0 + u * u)
    t = (
        0.5 / r / (r + jnp.where(u > 0.0, u, -u))
    )  # |u| with slope -1 at 0, so that derivatives at 0 are right
    return jnp.where(u > 0.0, 1.0 - t, t)


def _isru_slope(u: jax.Array) -> jax.Array:
    return 0.5 * jax.lax.rsqrt(1.0 + u * u) ** 3


def _ndtr(u: jax.Array) -> jax.Array:
    return 0.5 * jax.scipy.special.erfc(-(0.5**0.5) * u)


def _normal_pdf(u: jax.Array) -> jax.Array:
    return jax.scipy.stats.norm.pdf(u)


def _relu(u: jax.Array) -> jax.Array:
    return jnp.where(u <= 0.0, 0.0, u)


def _sech2(u: jax.Array) -> jax.Array:
    return 4.0 * jax.nn.sigmoid(2.0 * u) * jax.nn.sigmoid(-2.0 * u)


def _softplus(u: jax.Array) -> jax.Array:
    return jnp.logaddexp(u, 0.0)


def _step(u: jax.Array) -> jax.Array:
    return jnp.where(u > 0.0, jnp.ones_like(u), 0.0)


def _tanh_softplus(u: jax.Array) -> jax.Array:
    # In e = exp(u) it is n/(n + 2) with n = e (e + 2); beyond u = 20 it is 1.
    e = jnp.exp(jnp.minimum(u, 20.0))
    n = e * (e + 2.0)
    return n / (n + 2.0)


def _tanh_softplus_slope(u: jax.Array) -> jax.Array:
    return _sech2(_softplus(u)) * jax.nn.sigmoid(u)


LIBRARY = {
    "_constant": "{x}.dtype.type({value})",
    # The reciprocal of a larger number is subnormal, and XLA flushes subnormal numbers to zero.
    "_lowest": "jnp.finfo({x}.dtype).min / 64",
    "_rsqrt": "jax.lax.rsqrt",
    "abs": "jnp.abs",
    "atan": "jnp.atan",
    "cos": "jnp.cos",
    "erf": "jax.scipy.special.erf",
    "exp": "jnp.exp",
    "expm1": "jnp.expm1",
    "inf": "jnp.inf",
    "log": "jnp.log",
    "log1p": "jnp.log1p",
    "sigmoid": "jax.nn.sigmoid",
    "sign": "jnp.sign",
    "sin": "jnp.sin",
    "sqrt": "jnp.sqrt",
    "tanh": "jnp.tanh",
    "where": "jnp.where",
}
"""The operations that the library has, by their spelling in generated code."""
