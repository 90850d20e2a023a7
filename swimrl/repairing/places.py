"""Single weights of a network: where they are, and how to change some of them for a while.

Letters in shapes: D places, S candidates, L layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from swimrl.errors import InputError


class Place(NamedTuple):
    """One weight. All numbers count from 0."""

    layer: int
    """Number of the linear layer, in the order of ``model.modules()``."""

    row: int
    """Number of the unit that the weight leads to."""

    column: int
    """Number of the input that it comes from."""


def linear_layers(model: nn.Module) -> list[nn.Linear]:
    """Return the linear layers of any network, in the order of ``model.modules()``.

    Raises:
        InputError: If there is none.
    """
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise InputError(
            f"{type(model).__name__} has no torch.nn.Linear; only weights of linear layers can be repaired"
        )
    return layers


def read(model: nn.Module, places: Sequence[Place]) -> np.ndarray:
    """Return the weights at ``places``, float64 [D]."""
    layers = linear_layers(model)
    return np.array([layers[p.layer].weight[p.row, p.column].item() for p in places], np.float64)


@torch.no_grad()
def write(model: nn.Module, places: Sequence[Place], values: np.ndarray) -> None:
    """Set the weights at ``places`` to ``values`` [D], rounded to the network's dtype."""
    layers = linear_layers(model)
    for place, value in zip(places, values, strict=True):
        layers[place.layer].weight[place.row, place.column] = float(value)


@contextmanager
def patched(model: nn.Module, places: Sequence[Place], values: np.ndarray) -> Iterator[None]:
    """Set the weights at ``places`` to ``values`` [D], and set them back in the end."""
    before = read(model, places)
    write(model, places, values)
    try:
        yield
    finally:
        write(model, places, before)


@dataclass(frozen=True)
class SearchSpace:
    """The values that a search may give to some weights, as Arachne chooses them."""

    places: tuple[Place, ...]

    values: np.ndarray
    """The weights now, float64 [D]."""

    mean: np.ndarray
    """Mean of the weight matrix that each weight is in, [D]."""

    deviation: np.ndarray
    """Standard deviation of that matrix, [D]."""

    low: np.ndarray
    """Smallest value that is tried, [D]: twice the smallest weight of the matrix."""

    high: np.ndarray
    """Largest value that is tried, [D]: twice the largest weight of the matrix."""

    @classmethod
    def of(cls, model: nn.Module, places: Sequence[Place]) -> SearchSpace:
        """Return the space around the weights of ``model``.

        Where all weights of a matrix have one sign, the bound next to 0 is half the nearest weight.

        Raises:
            InputError: If there are no places.
        """
        if not places:
            raise InputError("there are no places to search; expected at least one weight")
        layers = linear_layers(model)
        facts = np.array([_facts(layer) for layer in layers])[[place.layer for place in places]]
        return cls(tuple(places), read(model, places), *facts.T)

    def first_candidates(self, count: int, generator: np.random.Generator) -> np.ndarray:
        """Return normal draws with the matrices' means and deviations, inside the bounds, [count, D]."""
        drawn = generator.normal(self.mean, self.deviation, (count, len(self.places)))
        inside: np.ndarray = np.clip(drawn, self.low, self.high)
        return inside


def _facts(layer: nn.Linear) -> tuple[float, float, float, float]:
    weight = layer.weight.detach().double()
    low, high = float(weight.min()), float(weight.max())
    return (
        float(weight.mean()),
        float(weight.std(correction=0)),
        2 * low if low < 0 else low / 2,
        2 * high if high > 0 else high / 2,
    )
