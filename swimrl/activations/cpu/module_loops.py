"""The loops of hand-written modules: value, gradient by the input and gradients by the parameters.

Each gradient computes again what it needs of the value: that costs less than keeping it. Ties have PyTorch's
gradients, and NaN in gives NaN out.

Letters in shapes: B batch, N inputs of the module, M outputs.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from swimrl.activations.cpu.cache import compiled
from swimrl.activations.cpu.math import exp, ndtr, normal_pdf, sigmoid

_compiled = partial(compiled, contract=True)
_summing_rows = partial(compiled, contract=True, reassociate=True)


@_compiled
def crelu_value(x: np.ndarray, out: np.ndarray) -> None:
    """Write relu(x) and relu(-x) of ``x`` [B, N] into ``out`` [B, 2N]."""
    units, zero = x.shape[1], x.dtype.type(0)
    for b in range(x.shape[0]):
        for n in range(units):
            z = x[b, n]
            out[b, n] = zero if z <= zero else z
            out[b, units + n] = zero if z >= zero else -z


@_compiled
def crelu_input_gradient(x: np.ndarray, g: np.ndarray, below: np.ndarray) -> None:
    """Write the gradient by ``x`` [B, N] into ``below``; ``g`` is [B, 2N]."""
    units, zero = x.shape[1], x.dtype.type(0)
    for b in range(x.shape[0]):
        for n in range(units):
            z = x[b, n]
            right = zero if z <= zero else g[b, n]
            left = zero if z >= zero else g[b, units + n]
            below[b, n] = right - left


@_compiled
def maxout_value(x: np.ndarray, out: np.ndarray, pieces: int) -> None:
    """Write the largest of each ``pieces`` neighbours of ``x`` [B, N] into ``out`` [B, N/pieces]."""
    for b in range(x.shape[0]):
        for m in range(out.shape[1]):
            largest = x[b, m * pieces]
            for p in range(1, pieces):
                z = x[b, m * pieces + p]
                largest = largest if z <= largest or largest != largest else z
            out[b, m] = largest


@_compiled
def maxout_input_gradient(x: np.ndarray, g: np.ndarray, below: np.ndarray, pieces: int) -> None:
    """Write the gradient by ``x`` [B, N] into ``below``; equal largest neighbours share it."""
    zero, one = x.dtype.type(0), x.dtype.type(1)
    for b in range(x.shape[0]):
        for m in range(g.shape[1]):
            first = m * pieces
            largest = x[b, first]
            for p in range(1, pieces):
                z = x[b, first + p]
                largest = largest if z <= largest or largest != largest else z
            winners = zero
            for p in range(pieces):
                winners += one if x[b, first + p] == largest else zero
            share = g[b, m] / winners
            for p in range(pieces):
                below[b, first + p] = share if x[b, first + p] == largest else zero * share


@_compiled
def glu_value(x: np.ndarray, out: np.ndarray, gate: int) -> None:
    """Write a f(b) for the halves a and b of ``x`` [B, N] into ``out`` [B, N/2].

    Args:
        x: [B, N].
        out: [B, N/2].
        gate: f: 0 is sigmoid, 1 relu, 2 gelu, 3 silu.
    """
    half, zero = out.shape[1], x.dtype.type(0)
    for b in range(x.shape[0]):
        if gate == 0:
            for n in range(half):
                out[b, n] = x[b, n] * sigmoid(x[b, half + n])
        elif gate == 1:
            for n in range(half):
                z = x[b, half + n]
                out[b, n] = x[b, n] * (zero if z <= zero else z)
        elif gate == 2:
            for n in range(half):
                z = x[b, half + n]
                out[b, n] = x[b, n] * (z * ndtr(z))
        else:
            for n in range(half):
                z = x[b, half + n]
                out[b, n] = x[b, n] * (z * sigmoid(z))


@_compiled
def glu_input_gradient(x: np.ndarray, g: np.ndarray, below: np.ndarray, gate: int) -> None:
    """Write the gradient by ``x`` [B, N] into ``below``; ``g`` is [B, N/2]; gates as for `glu_value`."""
    half, zero, one = g.shape[1], x.dtype.type(0), x.dtype.type(1)
    for b in range(x.shape[0]):
        if gate == 0:
            for n in range(half):
                s = sigmoid(x[b, half + n])
                below[b, half + n] = g[b, n] * x[b, n] * (s * (one - s))
                below[b, n] = g[b, n] * s
        elif gate == 1:
            for n in range(half):
                z = x[b, half + n]
                below[b, half + n] = zero if z <= zero else g[b, n] * x[b, n]
                below[b, n] = g[b, n] * (zero if z <= zero else z)
        elif gate == 2:
            for n in range(half):
                z = x[b, half + n]
                area = ndtr(z)
                below[b, half + n] = g[b, n] * x[b, n] * (area + z * normal_pdf(z))
                below[b, n] = g[b, n] * (z * area)
        else:
            for n in range(half):
                z = x[b, half + n]
                s = sigmoid(z)
                below[b, half + n] = g[b, n] * x[b, n] * (s * (one + z * (one - s)))
                below[b, n] = g[b, n] * (z * s)


@_compiled
def oplu_value(x: np.ndarray, out: np.ndarray) -> None:
    """Write each pair of neighbours of ``x`` [B, N] into ``out`` [B, N], the larger first."""
    for b in range(x.shape[0]):
        for m in range(x.shape[1] // 2):
            one, other = x[b, 2 * m], x[b, 2 * m + 1]
            both = one + other if one != one or other != other else one  # NaN if one of them is
            out[b, 2 * m] = other if one < other else both
            out[b, 2 * m + 1] = one if one < other else (both if both != both else other)


@_compiled
def oplu_input_gradient(x: np.ndarray, g: np.ndarray, below: np.ndarray) -> None:
    """Write the gradient by ``x`` [B, N] into ``below``; equal neighbours share it."""
    half = x.dtype.type(0.5)
    for b in range(x.shape[0]):
        for m in range(x.shape[1] // 2):
            one, other = x[b, 2 * m], x[b, 2 * m + 1]
            larger, smaller = g[b, 2 * m], g[b, 2 * m + 1]
            mean = half * (larger + smaller)
            below[b, 2 * m] = larger if one > other else (smaller if one < other else mean)
            below[b, 2 * m + 1] = smaller if one > other else (larger if one < other else mean)


@_summing_rows
def abrelu_value(x: np.ndarray, out: np.ndarray) -> None:
    """Write relu of ``x`` [B, N] less its row's mean into ``out`` [B, N]."""
    units, zero = x.dtype.type(x.shape[1]), x.dtype.type(0)
    for b in range(x.shape[0]):
        total = zero
        for n in range(x.shape[1]):
            total += x[b, n]
        mean = total / units
        for n in range(x.shape[1]):
            z = x[b, n] - mean
            out[b, n] = zero if z <= zero else z


@_summing_rows
def abrelu_input_gradient(x: np.ndarray, g: np.ndarray, below: np.ndarray) -> None:
    """Write the gradient by ``x`` [B, N] into ``below`` [B, N]."""
    units, zero = x.dtype.type(x.shape[1]), x.dtype.type(0)
    for b in range(x.shape[0]):
        total = zero
        for n in range(x.shape[1]):
            total += x[b, n]
        mean = total / units
        total = zero
        for n in range(x.shape[1]):
            passed = zero if x[b, n] - mean <= zero else g[b, n]
            below[b, n] = passed
            total += passed
        for n in range(x.shape[1]):
            below[b, n] -= total / units


@_summing_rows
def softmax_value(x: np.ndarray, out: np.ndarray) -> None:
    """Write exp(x_i) over the sum of the row of ``x`` [B, N] into ``out`` [B, N]."""
    for b in range(x.shape[0]):
        largest = x[b, 0]
        for n in range(1, x.shape[1]):
            largest = max(largest, x[b, n])
        total = x.dtype.type(0)
        for n in range(x.shape[1]):
            power = exp(x[b, n] - largest)
            out[b, n] = power
            total += power
        for n in range(x.shape[1]):
            out[b, n] /= total


@_summing_rows
def softmax_input_gradient(x: np.ndarray, g: np.ndarray, below: np.ndarray) -> None:
    """Write the gradient by ``x`` [B, N] into ``below`` [B, N]."""
    for b in range(x.shape[0]):
        largest = x[b, 0]
        for n in range(1, x.shape[1]):
            largest = max(largest, x[b, n])
        total, weighted = x.dtype.type(0), x.dtype.type(0)
        for n in range(x.shape[1]):
            power = exp(x[b, n] - largest)
            below[b, n] = power
            total += power
            weighted += power * g[b, n]
        mean = weighted / total
        for n in range(x.shape[1]):
            below[b, n] = below[b, n] / total * (g[b, n] - mean)


@_compiled
def lslu_value(x: np.ndarray, out: np.ndarray, theta: np.ndarray, omega: np.ndarray) -> None:
    """Write relu of x <- theta_i relu(x) + omega_i for i = 1..n into ``out`` [B, N]; both are [n]."""
    zero = x.dtype.type(0)
    for b in range(x.shape[0]):
        for n in range(x.shape[1]):
            z = x[b, n]
            out[b, n] = zero if z <= zero else z
        for i in range(theta.size):
            for n in range(x.shape[1]):
                z = theta[i] * out[b, n] + omega[i]
                out[b, n] = zero if z <= zero else z


@_compiled
def lslu_input_gradient(
    x: np.ndarray, g: np.ndarray, below: np.ndarray, theta: np.ndarray, omega: np.ndarray
) -> None:
    """Write the gradient by ``x`` [B, N] into ``below`` [B, N]."""
    zero = x.dtype.type(0)
    stage = np.empty(x.shape[1], x.dtype)
    for b in range(x.shape[0]):
        for n in range(x.shape[1]):
            z = x[b, n]
            stage[n] = zero if z <= zero else z
            below[b, n] = zero if z <= zero else g[b, n]
        for i in range(theta.size):
            for n in range(x.shape[1]):
                z = theta[i] * stage[n] + omega[i]
                stage[n] = zero if z <= zero else z
                below[b, n] = zero if z <= zero else below[b, n] * theta[i]


@_compiled
def lslu_parameter_gradients(
    x: np.ndarray,
    g: np.ndarray,
    theta: np.ndarray,
    omega: np.ndarray,
    theta_gradient: np.ndarray,
    omega_gradient: np.ndarray,
) -> None:
    """Write the gradients by ``theta`` and ``omega``, each [n]."""
    zero, units, steps = x.dtype.type(0), x.shape[1], theta.size
    stages = np.empty((steps + 1, units), x.dtype)  # relu of the input of each step, and the output
    back = np.empty(units, x.dtype)
    # Sums over a column first: independent of each other, so that the loops over n are vectorised.
    by_theta, by_omega = np.zeros((steps, units), x.dtype), np.zeros((steps, units), x.dtype)
    for b in range(x.shape[0]):
        for n in range(units):
            z = x[b, n]
            stages[0, n] = zero if z <= zero else z
            back[n] = g[b, n]
        for i in range(steps):
            for n in range(units):
                z = theta[i] * stages[i, n] + omega[i]
                stages[i + 1, n] = zero if z <= zero else z
        for i in range(steps - 1, -1, -1):
            for n in range(units):
                passed = zero if stages[i + 1, n] <= zero else back[n]
                by_omega[i, n] += passed
                by_theta[i, n] += passed * stages[i, n]
                back[n] = passed * theta[i]
    for i in range(steps):
        of_theta, of_omega = 0.0, 0.0  # in float64
        for n in range(units):
            of_theta += by_theta[i, n]
            of_omega += by_omega[i, n]
        theta_gradient[i] = of_theta
        omega_gradient[i] = of_omega


@_compiled
def kaf_value(x: np.ndarray, out: np.ndarray, places: np.ndarray, weight: np.ndarray) -> None:
    """Write the sum of each unit's bumps at ``x`` [B, N] into ``out`` [B, N].

    Args:
        x: [B, N].
        out: [B, N].
        places: The bumps' places, [D].
        weight: Their weights, [N, D].
    """
    far = x.dtype.type(25)  # a bump is 0 there, and the square of a larger distance could overflow
    factor = x.dtype.type(-1 / (6 * (6 / (places.size - 1)) ** 2))
    weights = weight.T.copy()
    for b in range(x.shape[0]):
        for n in range(x.shape[1]):
            out[b, n] = 0
        for d in range(places.size):
            for n in range(x.shape[1]):
                distance = x[b, n] - places[d]
                distance = -far if distance < -far else (far if distance > far else distance)
                out[b, n] += weights[d, n] * exp(factor * (distance * distance))


@_compiled
def kaf_input_gradient(
    x: np.ndarray, g: np.ndarray, below: np.ndarray, places: np.ndarray, weight: np.ndarray
) -> None:
    """Write the gradient by ``x`` [B, N] into ``below`` [B, N]."""
    far, zero = x.dtype.type(25), x.dtype.type(0)
    factor = x.dtype.type(-1 / (6 * (6 / (places.size - 1)) ** 2))
    weights = weight.T.copy()
    for b in range(x.shape[0]):
        for n in range(x.shape[1]):
            below[b, n] = 0
        for d in range(places.size):
            for n in range(x.shape[1]):
                distance = x[b, n] - places[d]
                is_far = distance < -far or distance > far
                distance = zero if is_far else distance
                below[b, n] += weights[d, n] * exp(factor * (distance * distance)) * distance
        for n in range(x.shape[1]):
            below[b, n] *= (factor + factor) * g[b, n]


@_compiled
def kaf_parameter_gradients(
    x: np.ndarray, g: np.ndarray, places: np.ndarray, weight: np.ndarray, weight_gradient: np.ndarray
) -> None:
    """Write the gradient by ``weight`` [N, D]."""
    far = x.dtype.type(25)
    factor = x.dtype.type(-1 / (6 * (6 / (places.size - 1)) ** 2))
    sums = np.zeros((places.size, x.shape[1]), x.dtype)
    for b in range(x.shape[0]):
        for d in range(places.size):
            for n in range(x.shape[1]):
                distance = x[b, n] - places[d]
                distance = -far if distance < -far else (far if distance > far else distance)
                sums[d, n] += g[b, n] * exp(factor * (distance * distance))
    for n in range(x.shape[1]):
        for d in range(places.size):
            weight_gradient[n, d] = sums[d, n]
