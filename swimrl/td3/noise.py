"""Gaussian exploration noise that draws from a random stream of the run.

Letters in shapes: E environments, A action.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from stable_baselines3.common.noise import ActionNoise, NormalActionNoise, VectorizedActionNoise


class GaussianNoise(NormalActionNoise):
    """Stable-Baselines3's Gaussian noise, drawn from a stream instead of NumPy's global generator.

    Args:
        mean: [A].
        deviation: Standard deviation, [A].
        stream: The generator; copies for several environments share it and draw one after the other.
    """

    def __init__(self, mean: np.ndarray, deviation: np.ndarray, stream: np.random.RandomState) -> None:
        super().__init__(mean, deviation)
        self.stream = stream

    def __call__(self) -> np.ndarray:
        """Return the noise of one action, [A]."""
        drawn = self._mu + self._sigma * self.stream.standard_normal(self._mu.shape)
        return drawn.astype(self._dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> GaussianNoise:
        return GaussianNoise(self._mu.copy(), self._sigma.copy(), self.stream)


def gaussian_parameters(noise: ActionNoise | None) -> tuple[np.ndarray, np.ndarray] | None:
    """Return mean and deviation of Gaussian noise, [A] or [E, A]; None for other noise and for none.

    Stable-Baselines3's own class is included. The agent draws both kinds itself, because lending a stream to
    NumPy's global generator takes 300 us.
    """
    if isinstance(noise, NormalActionNoise) and type(noise) in (NormalActionNoise, GaussianNoise):
        mean, deviation = noise._mu, noise._sigma
        are_arrays = isinstance(mean, np.ndarray) and isinstance(deviation, np.ndarray)
        if are_arrays and mean.shape == deviation.shape and noise._dtype is np.float32:
            return mean, deviation
        return None
    if type(noise) is VectorizedActionNoise:
        parts = [part for part in map(gaussian_parameters, noise.noises) if part]
        if len(parts) == len(noise.noises):
            means, deviations = zip(*parts, strict=True)
            return np.array(means), np.array(deviations)
    return None


def with_own_stream(noise: ActionNoise | None) -> Iterator[GaussianNoise]:
    """Yield each `GaussianNoise` in ``noise``, which may hold one for each environment."""
    if isinstance(noise, GaussianNoise):
        yield noise
    elif isinstance(noise, VectorizedActionNoise):
        for part in (noise.base_noise, *noise.noises):
            yield from with_own_stream(part)
