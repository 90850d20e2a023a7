"""What a repaired network must do, as a number: tests that pass or fail, and the fitness made of them.

Letters in shapes: N inputs, O outputs, D places, S candidates.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import nn

from swimrl.repairing.localisation import Batch
from swimrl.repairing.places import Place, patched


class Specification(Protocol):
    """What `swimrl.repairing.search` maximises."""

    @property
    def most(self) -> float:
        """The fitness of a network that passes every test."""

    def fitness(self, candidates: np.ndarray, to_beat: np.ndarray) -> np.ndarray:
        """Return the fitness of each candidate, float64 [S].

        Args:
            candidates: Values of the places, [S, D].
            to_beat: What a candidate must reach to count, [S]. Where it cannot, any upper bound of its
                fitness below this number may be returned.
        """


@dataclass(frozen=True)
class Labels:
    """A classifier's tests: an input passes if its largest logit is the one of its label.

    An input scores 1 if it passes and 1 / (1 + cross-entropy) if it fails. The fitness is the sum over the
    inputs that passed at first, plus ``alpha`` times the sum over those that failed.
    """

    model: nn.Module
    places: tuple[Place, ...]

    failing: Batch
    """Inputs [N, ...] that the network has wrong, and their labels, int64 [N]."""

    passing: Batch
    """Inputs that it has right, and their labels."""

    alpha: float = 10.0
    """Weight of a failing input."""

    @property
    def most(self) -> float:
        """The fitness of a network that has every input right."""
        return len(self.passing[0]) + self.alpha * len(self.failing[0])

    def fitness(self, candidates: np.ndarray, to_beat: np.ndarray) -> np.ndarray:
        """Return the fitness of each candidate [S, D], float64 [S]."""
        return np.array([self._fitness_of(values) for values in candidates])

    @torch.no_grad()
    def _fitness_of(self, values: np.ndarray) -> float:
        count = len(self.failing[0])
        with patched(self.model, self.places, values):
            logits = self.model(torch.cat([self.failing[0], self.passing[0]]))
        scores = label_scores(logits, torch.cat([self.failing[1], self.passing[1]]))
        return float(self.alpha * scores[:count].sum() + scores[count:].sum())


def label_scores(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return 1 for each input [N] that is right and 1 / (1 + cross-entropy) for each that is wrong.

    Args:
        logits: [N, O].
        labels: int64 [N].
    """
    loss = nn.functional.cross_entropy(logits, labels, reduction="none")
    return torch.where(logits.argmax(dim=1) == labels, 1.0, 1 / (1 + loss))


def sample_passing(
    labels: Sequence[int] | np.ndarray, count: int, generator: np.random.Generator
) -> np.ndarray:
    """Return the numbers of about ``count`` inputs for localisation, in the labels' shares, int, ascending.

    Each label gives at least one input, as in Arachne.

    Args:
        labels: Label of each passing input, [N].
        count: How many to take; Arachne takes as many as there are failing inputs.
        generator: Draws the inputs.
    """
    labels = np.asarray(labels)
    chosen = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        share = max(1, round(count * len(members) / len(labels)))
        chosen.append(generator.choice(members, min(share, len(members)), replace=False))
    return np.sort(np.concatenate(chosen))
