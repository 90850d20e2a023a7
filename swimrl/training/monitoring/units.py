"""Statistics of the units of a hidden layer on a sample of inputs, and ranks of their features. Pure NumPy.

Letters in shapes: N inputs of the sample, H units of the layer, S = min(N, H).

Shares are between 0 and 1. Sums over inputs are in float64, so that rounding gives no spread to a unit whose
output is constant.
"""

from __future__ import annotations

import math

import numpy as np

_EPSILON = 1e-9  # from the authors' code: if all units of a layer are silent, all are dormant


def dead_share(h: np.ndarray) -> float:
    """Return the share of units whose output is exactly 0 for every input: ReLU's "off".

    A smooth activation is never exactly 0; for it use `dormant_share` and `saturated_share`.

    Args:
        h: Outputs of the activation, [N, H].
    """
    return float((h == 0).all(axis=0).mean())


def dormant_share(h: np.ndarray, tau: float, *, centred: bool = False) -> float:
    """Return the share of tau-dormant units (Sokar et al. 2023, arXiv:2302.12902, definition 3.1).

    The score of a unit is its mean |h| divided by the mean over the units of the layer; a unit with a score
    up to tau is dormant. Units that rest at a constant other than 0 are missed; the centred score, which
    first subtracts the mean of each unit, counts them. Both are relative to the layer, and compare
    activations only loosely.

    Args:
        h: Outputs of the activation, [N, H], not the pre-activations.
        tau: Largest score of a dormant unit; the authors use 0.1 and 0.025.
        centred: Whether to subtract each unit's mean first.
    """
    if centred:
        h = h - h.mean(axis=0, dtype=np.float64)
    activity = np.abs(h).mean(axis=0, dtype=np.float64)
    return float((activity / (activity.mean() + _EPSILON) <= tau).mean())


def saturated_share(slope: np.ndarray, flat: float) -> float:
    """Return the share of pre-activations at which the activation hardly changes with its input.

    Args:
        slope: f'(z) at the pre-activations, [N, H].
        flat: Slopes with a smaller absolute value count.
    """
    return float((np.abs(slope) < flat).mean())


def outside_share(z: np.ndarray, bound: float) -> float:
    """Return the share of pre-activations ``z`` [N, H] with |z| > ``bound``."""
    return float((np.abs(z) > bound).mean())


def singular_values(features: np.ndarray) -> np.ndarray:
    """Return the singular values of a feature matrix [N, H], largest first, [S], float64.

    They are square roots of the eigenvalues of the smaller Gram matrix. This takes a fifth of the time of a
    singular value decomposition and resolves values down to 1e-8 of the largest, the precision of float32.

    Raises:
        LinAlgError: If the features are not finite.
    """
    if not np.isfinite(features).all():
        raise np.linalg.LinAlgError("the features are not finite")
    wide = features.astype(np.float64)
    gram = wide.T @ wide if wide.shape[0] >= wide.shape[1] else wide @ wide.T
    sigma: np.ndarray = np.sqrt(np.maximum(np.linalg.eigvalsh(gram)[::-1], 0))
    return sigma


def effective_rank(sigma: np.ndarray) -> float:
    """Return exp of the entropy of sigma / sum(sigma) (Roy & Vetterli 2007); NaN if all are 0.

    Args:
        sigma: Singular values, [S].
    """
    share = sigma[sigma > 0] / sigma.sum()
    return math.exp(-float(np.sum(share * np.log(share)))) if len(share) else math.nan


def srank(sigma: np.ndarray, delta: float = 0.01) -> int:
    """Return the srank (Kumar et al. 2021, arXiv:2010.14498).

    It is the least number of singular values that hold 1 - delta of their sum.

    Args:
        sigma: Singular values, largest first, [S].
        delta: Share of the sum that may be missing.
    """
    held = np.cumsum(sigma)
    return int(np.argmax(held >= (1 - delta) * held[-1])) + 1 if held[-1] > 0 else 0


def stable_rank(sigma: np.ndarray) -> float:
    """Return the squared Frobenius norm over the squared spectral norm; NaN if all values are 0.

    Args:
        sigma: Singular values, largest first, [S].
    """
    return float(np.sum((sigma / sigma[0]) ** 2)) if sigma[0] > 0 else math.nan


def feature_rank(sigma: np.ndarray, inputs: int, epsilon: float = 0.01) -> int:
    """Return the number of singular values above epsilon sqrt(N) (Lyle et al. 2022, arXiv:2204.09560).

    Unlike the other ranks it depends on the scale of the features.

    Args:
        sigma: Singular values, [S].
        inputs: N.
        epsilon: The threshold.
    """
    return int((sigma / math.sqrt(inputs) > epsilon).sum())
