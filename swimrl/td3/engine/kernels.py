"""The loops of an update that are neither matrix products nor activations, compiled by numba.

Letters in shapes: B batch, O observation, A action, N parameters of a flat buffer. Arrays are float32, or
float64 for checks; every loop computes in the dtype of its arrays.

``contract`` is the only ``fastmath`` flag, except where a sum runs along a row: vectors need another order of
the sum (``reassoc``). Other flags would lose NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np


def compiled(*, contract: bool, reassociate: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """Return the decorator that compiles a loop; without numba it returns the loop, which is then not called.

    Args:
        contract: Whether a product and a sum may be rounded once, together; NumPy rounds each.
        reassociate: Whether sums may be computed in another order.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        with suppress(ImportError):
            from swimrl.activations.cpu import cache

            return cache.compiled(function, contract=contract, reassociate=reassociate)
        return function

    return decorate


_compiled = compiled(contract=True)
_summing_rows = compiled(contract=True, reassociate=True)


@_compiled
def gather(rows: np.ndarray, indices: np.ndarray, batch: np.ndarray) -> None:
    """Copy the rows ``indices`` [B] of ``rows`` [C, W] into ``batch`` [B, W]."""
    for b in range(indices.size):
        row = indices[b]
        for column in range(rows.shape[1]):
            batch[b, column] = rows[row, column]


@_compiled
def smooth(action: np.ndarray, noise: np.ndarray, clip: float, out: np.ndarray) -> None:
    """Write the target policy's smoothed action clip(action + clip(noise)) into ``out``; all [B, A].

    Fujimoto et al. 2018, eq. 14.

    Args:
        action: The target actor's action.
        noise: Gaussian noise, float32 as PyTorch draws it.
        clip: Bound of the noise.
        out: The smoothed action.
    """
    limit = action.dtype.type(clip)
    one = action.dtype.type(1)
    for b in range(out.shape[0]):
        for a in range(out.shape[1]):
            smoothed = action[b, a] + min(max(action.dtype.type(noise[b, a]), -limit), limit)
            out[b, a] = min(max(smoothed, -one), one)


@_compiled
def unsquash(g: np.ndarray, action: np.ndarray) -> None:
    """Multiply ``g`` by tanh' = 1 - action^2; both [B, A]."""
    one = g.dtype.type(1)
    for b in range(g.shape[0]):
        for a in range(g.shape[1]):
            g[b, a] *= one - action[b, a] * action[b, a]


@_compiled
def td_target(
    q: np.ndarray,
    reward: np.ndarray,
    done: np.ndarray,
    timeout: np.ndarray,
    gamma: float,
    target: np.ndarray,
) -> None:
    """Write r + gamma (1 - d) min_i(q_i) into ``target``; an episode cut by its time limit is not done.

    Fujimoto et al. 2018, eq. 10 and algorithm 1.

    Args:
        q: Values of the target critics, [n_critics, B].
        reward: [B].
        done: 1 where the episode ended, [B].
        timeout: 1 where it ended by its time limit alone, [B].
        gamma: Discount factor.
        target: [B].
    """
    discount = q.dtype.type(gamma)
    one = q.dtype.type(1)
    for b in range(q.shape[1]):
        least = q[0, b]
        for i in range(1, q.shape[0]):
            # Not min(): it would drop a NaN, which must stay visible.
            if q[i, b] < least or q[i, b] != q[i, b]:
                least = q[i, b]
        alive = one - done[b] * (one - timeout[b])
        target[b] = reward[b] + alive * discount * least


@_compiled
def value_error(q: np.ndarray, target: np.ndarray, g: np.ndarray, loss: np.ndarray, size: int) -> None:
    """Write the mean of (q - target)^2 into ``loss`` and its gradient by q into ``g``.

    Args:
        q: Values of a critic, [B, 1].
        target: [B].
        g: [B, 1].
        loss: float64 [1].
        size: How many values the mean is over: B, or more where other threads compute the others.
    """
    scale = q.dtype.type(2.0 / size)
    total = 0.0
    for b in range(q.shape[0]):
        error = q[b, 0] - target[b]
        g[b, 0] = scale * error
        total += error * error
    loss[0] = total / size


@_compiled
def negative_mean(q: np.ndarray, loss: np.ndarray, size: int) -> None:
    """Write the actor's loss, -sum(q)/size, into ``loss`` float64 [1]; q is [B, 1]."""
    total = 0.0
    for b in range(q.shape[0]):
        total -= q[b, 0]
    loss[0] = total / size


@_compiled
def copy(source: np.ndarray, out: np.ndarray) -> None:
    """Copy ``source`` into ``out``; both [B, N]."""
    for b in range(out.shape[0]):
        for n in range(out.shape[1]):
            out[b, n] = source[b, n]


@_compiled
def add(x: np.ndarray, y: np.ndarray) -> None:
    """Add ``x`` to ``y``; both [B, N]."""
    for b in range(y.shape[0]):
        for n in range(y.shape[1]):
            y[b, n] = x[b, n] + y[b, n]


@_compiled
def add_bias(z: np.ndarray, bias: np.ndarray) -> None:
    """Add ``bias`` [N] to each row of ``z`` [B, N]."""
    for b in range(z.shape[0]):
        for n in range(z.shape[1]):
            z[b, n] += bias[n]


@_compiled
def outer(g: np.ndarray, weight: np.ndarray, out: np.ndarray) -> None:
    """Write the product of a column ``g`` [B, 1] and a row ``weight`` [1, N] into ``out`` [B, N]."""
    for b in range(out.shape[0]):
        for n in range(out.shape[1]):
            out[b, n] = g[b, 0] * weight[0, n]


@_compiled
def column_sums(g: np.ndarray, out: np.ndarray) -> None:
    """Write the sums of the columns of ``g`` [B, N] into ``out`` [N]."""
    if g.shape[1] == 1:  # the sum stays in a register
        total = g.dtype.type(0)
        for b in range(g.shape[0]):
            total += g[b, 0]
        out[0] = total
        return
    out[:] = 0
    for b in range(g.shape[0]):
        for n in range(g.shape[1]):
            out[n] += g[b, n]


@_compiled
def excess(x: np.ndarray, bias: np.ndarray, bound: float, factor: float, out: np.ndarray) -> None:
    """Write ``factor`` times the part of x + bias outside +-bound into ``out``; x is [B, N]."""
    for b in range(out.shape[0]):
        for n in range(out.shape[1]):
            z = x[b, n] + bias[n]
            out[b, n] = factor * (max(z - bound, 0.0) + min(z + bound, 0.0))


@_compiled
def keep_where_negative(x: np.ndarray, bias: np.ndarray, noise: np.ndarray) -> None:
    """Replace ``noise`` by 0 where x + bias is not negative; both [B, N]."""
    for b in range(noise.shape[0]):
        for n in range(noise.shape[1]):
            if x[b, n] + bias[n] >= 0:
                noise[b, n] = 0


@_compiled
def sum_shares(gradients: np.ndarray) -> None:
    """Add the other rows of ``gradients`` [T, N] to the first one, in order."""
    for t in range(1, gradients.shape[0]):
        for i in range(gradients.shape[1]):
            gradients[0, i] += gradients[t, i]


@_compiled
def count_step(steps: np.ndarray, counted: np.ndarray, settings: np.ndarray) -> None:
    """Count one more step of Adam.

    Args:
        steps: The steps that PyTorch's optimiser shows for each parameter, float32 [K].
        counted: The same numbers where only this engine writes them, float32 [K].
        settings: For each group of parameters the settings of `adam`, [G, 6]; the first one is the number.
    """
    for i in range(steps.size):
        steps[i] += 1
        counted[i] += 1
    for i in range(settings.shape[0]):
        settings[i, 0] += 1


@_compiled
def adam(p: np.ndarray, g: np.ndarray, m: np.ndarray, v: np.ndarray, settings: np.ndarray) -> None:
    """Take one step of Adam (Kingma & Ba 2015, algorithm 1) in one pass, in PyTorch's order of operations.

    PyTorch divides by the root of the second moment's correction; this multiplies, which is faster.

    Args:
        p: Parameters [N], changed in place.
        g: Gradient [N].
        m: First moment [N], changed in place.
        v: Second moment [N], changed in place.
        settings: float64 [6]: the number of this step, from 1; the learning rate; the decays of the first and
            the second moment; what is added to the root of the second moment; the decoupled weight decay
            (Loshchilov & Hutter 2019).
    """
    step, lr = int(settings[0]), settings[1]
    beta1, beta2, eps, weight_decay = settings[2], settings[3], settings[4], settings[5]
    kind = p.dtype.type
    unbias = kind(1 / math.sqrt(1 - beta2**step))
    rate = kind(lr / (1 - beta1**step))
    keep = kind(1 - lr * weight_decay)
    c1, b2, c2 = kind(1 - beta1), kind(beta2), kind(1 - beta2)
    small = kind(eps)
    for i in range(p.size):
        gi = g[i]
        mi = m[i] + c1 * (gi - m[i])
        vi = v[i] * b2 + c2 * gi * gi
        m[i], v[i] = mi, vi
        p[i] = p[i] * keep - rate * (mi / (np.sqrt(vi) * unbias + small))


@_compiled
def polyak(target: np.ndarray, source: np.ndarray, tau: float) -> None:
    """Move ``target`` [N] towards ``source`` [N]: target (1 - tau) + tau source."""
    kind = target.dtype.type
    keep, take = kind(1 - tau), kind(tau)
    for i in range(target.size):
        target[i] = target[i] * keep + take * source[i]


@_summing_rows
def normalise(
    z: np.ndarray,
    bias: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    epsilon: float,
    inverse: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write the layer norm of z + bias into ``out`` (Ba et al. 2016, with PyTorch's biased variance).

    Args:
        z: [B, N]; replaced by its normalised rows, before scale and shift.
        bias: [N].
        scale: [N].
        shift: [N].
        epsilon: Added to the variance.
        inverse: One over each row's standard deviation, [B], written.
        out: [B, N].
    """
    units = z.dtype.type(z.shape[1])
    one, small = z.dtype.type(1), z.dtype.type(epsilon)
    for b in range(z.shape[0]):
        total = z.dtype.type(0)
        for n in range(z.shape[1]):
            shifted = z[b, n] + bias[n]
            z[b, n] = shifted
            total += shifted
        mean = total / units
        total = z.dtype.type(0)
        for n in range(z.shape[1]):
            centred = z[b, n] - mean
            z[b, n] = centred
            total += centred * centred
        factor = one / np.sqrt(total / units + small)
        inverse[b] = factor
        for n in range(z.shape[1]):
            normal = z[b, n] * factor
            z[b, n] = normal
            out[b, n] = normal * scale[n] + shift[n]


@_summing_rows
def normalise_input_gradient(
    g: np.ndarray, normal: np.ndarray, inverse: np.ndarray, scale: np.ndarray
) -> None:
    """Replace the gradient ``g`` [B, N] by a layer norm's output by that by its input.

    Args:
        g: [B, N].
        normal: The normalised rows that `normalise` left, [B, N].
        inverse: One over each row's standard deviation, [B].
        scale: [N].
    """
    units = g.dtype.type(g.shape[1])
    for b in range(g.shape[0]):
        plain, weighted = g.dtype.type(0), g.dtype.type(0)
        for n in range(g.shape[1]):
            scaled = g[b, n] * scale[n]
            g[b, n] = scaled
            plain += scaled
            weighted += scaled * normal[b, n]
        plain, weighted = plain / units, weighted / units
        for n in range(g.shape[1]):
            g[b, n] = inverse[b] * (g[b, n] - plain - normal[b, n] * weighted)


@_summing_rows
def normalise_backward(
    g: np.ndarray,
    normal: np.ndarray,
    inverse: np.ndarray,
    scale: np.ndarray,
    scale_gradient: np.ndarray,
    shift_gradient: np.ndarray,
    bias_gradient: np.ndarray,
) -> None:
    """Do the same, and write the gradients by scale, shift and bias, each [N]."""
    units = g.dtype.type(g.shape[1])
    scale_gradient[:] = 0
    shift_gradient[:] = 0
    bias_gradient[:] = 0
    for b in range(g.shape[0]):
        plain, weighted = g.dtype.type(0), g.dtype.type(0)
        for n in range(g.shape[1]):
            given = g[b, n]
            scale_gradient[n] += given * normal[b, n]
            shift_gradient[n] += given
            scaled = given * scale[n]
            g[b, n] = scaled
            plain += scaled
            weighted += scaled * normal[b, n]
        plain, weighted = plain / units, weighted / units
        for n in range(g.shape[1]):
            below = inverse[b] * (g[b, n] - plain - normal[b, n] * weighted)
            g[b, n] = below
            bias_gradient[n] += below
