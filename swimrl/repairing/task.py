"""Starts played with the policy that is repaired, as it is or patched."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from swimrl.repairing.places import Place
from swimrl.repairing.policies import PatchedPolicies
from swimrl.repairing.progress import Progress
from swimrl.repairing.settings import RepairSettings
from swimrl.repairing.starts import noisy_starts, seeds
from swimrl.rollouts import BatchPolicy, Lockstep, Rollouts, Start, play
from swimrl.runs.weights import Normalisation
from swimrl.td3.policy import TD3Policy, perceptrons

Values = tuple[tuple[Place, ...], np.ndarray]
"""Places, and their values [D]."""


class Task:
    """Plays starts with the policy, patched or not.

    Args:
        policy: The policy.
        normalisation: How it normalises observations.
        places: Where to play.
        space: The action space.
        settings: Those of the repair.
        progress: Receives how many starts are played.
    """

    def __init__(
        self,
        policy: TD3Policy,
        normalisation: Normalisation | None,
        places: Lockstep,
        space: Any,
        settings: RepairSettings,
        progress: Progress,
    ) -> None:
        self.policy = policy
        self.settings = settings
        self.progress = progress
        self.lockstep = places
        (self.actor,) = perceptrons(policy.actor)
        self._normalisation = normalisation
        self._space = space
        self._unpatched = PatchedPolicies(policy, normalisation)
        self.steps = 0
        self.seconds = 0.0

    def starts(self, kind: str, first: int, count: int) -> list[Start]:
        """Return starts number ``first``, ``first + 1`` ... of the search or the test."""
        reset_seeds = seeds(kind, first + count, self.settings.seed)[first:]
        return noisy_starts(
            self._unpatched.unpatched, self.lockstep, reset_seeds, self.settings.start_noise, self._space
        )

    def play(self, title: str, starts: Sequence[Start], patch: Values | None = None) -> Rollouts:
        """Return the episodes from some starts."""
        began = time.perf_counter()
        with self.progress.counting(title, len(starts)) as on_end:
            if patch is None:
                rollouts = play(self._unpatched.unpatched, self.lockstep, starts, on_end=on_end)
            else:
                policies = self.policies(patch[0])
                owners = np.zeros(len(starts), int)
                with policies.in_use():
                    acting = policies.batch_policy(patch[1][None], owners)
                    rollouts = play(acting, self.lockstep, starts, on_end=on_end)
        self.steps += int(rollouts.lengths.sum())
        self.seconds += time.perf_counter() - began
        return rollouts

    def policies(self, places: Sequence[Place]) -> PatchedPolicies:
        """Return the candidates' policies."""
        return PatchedPolicies(self.policy, self._normalisation, places)

    def inputs(self, observations: np.ndarray) -> torch.Tensor:
        """Return what the actor receives at some observations [N, O]."""
        n = self._normalisation
        seen = n(observations) if n is not None else observations
        return torch.as_tensor(np.asarray(seen, np.float32))

    @property
    def unpatched(self) -> BatchPolicy:
        """The policy as it is."""
        return self._unpatched.unpatched
