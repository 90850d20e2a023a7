"""The arrays of an update, each with a name, allocated once.

Letters in shapes: B batch, W width of a replay row, O observation, A action, C critics.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch

from swimrl.td3.replay import Columns


@dataclass(frozen=True)
class Minibatch:
    """Rows of the replay buffer, and the parts of a row as views into them."""

    rows: np.ndarray
    """[B, W]."""

    observation: np.ndarray
    """[B, O]."""

    action: np.ndarray
    """[B, A]; the actor's step puts the actor's own action here, when the stored one is no longer needed."""

    observation_action: np.ndarray
    """[B, O + A], the critics' input; both parts lie side by side in a row."""

    next_observation: np.ndarray
    """[B, O]."""

    next_action: np.ndarray
    """[B, A], the gap of a row: the target actor's smoothed action is written here."""

    next_observation_action: np.ndarray
    """[B, O + A], the target critics' input."""

    reward: np.ndarray
    """[B]."""

    done: np.ndarray
    """[B], 1 where the episode ended."""

    timeout: np.ndarray
    """[B], 1 where it ended by its time limit alone."""

    @classmethod
    def allocate(cls, size: int, columns: Columns, dtype: np.dtype[Any]) -> Minibatch:
        """Return a minibatch of zeros for ``size`` transitions, laid out as the replay buffer's rows."""
        rows = np.zeros((size, columns.width), dtype)
        parts = [f.name for f in fields(cls) if f.name != "rows"]
        return cls(rows, **{name: rows[:, getattr(columns, name)] for name in parts})

    def part(self, rows: slice) -> Minibatch:
        """Return some rows of the minibatch, as views."""
        return Minibatch(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


@dataclass(frozen=True)
class UpdateMemory:
    """The arrays of an update, in the order in which it writes them.

    The activations and gradients of hidden layers are not here: passes share them, see `perceptron.Scratch`.
    """

    batch: Minibatch

    indices: np.ndarray
    """[B], int64: the rows of the replay buffer that are drawn."""

    drawn_noise: torch.Tensor
    """[B, A], float32: the target policy's noise as PyTorch draws it."""

    actor_output: np.ndarray
    """[B, A], output of the target actor, later of the actor: first before, then behind the tanh."""

    target_q: np.ndarray
    """[C, B], values of the target critics."""

    target: np.ndarray
    """[B], y = r + gamma (1 - d) min_i Q'_i."""

    q: list[np.ndarray]
    """[B, 1] for each critic, its values of the stored actions."""

    q_gradient: list[np.ndarray]
    """[B, 1] for each critic, the gradient of its loss by ``q``."""

    critic_losses: np.ndarray
    """[C, 1], float64."""

    actor_q: np.ndarray
    """[B, 1], the first critic's values of the actor's actions."""

    actor_q_gradient: np.ndarray
    """[B, 1], the gradient of the actor's loss by ``actor_q``: -1/B in each row."""

    action_gradient: np.ndarray
    """[B, A], the gradient of the actor's loss by its action, then by the actor's output before the tanh."""

    actor_loss: np.ndarray
    """[1], float64."""

    @classmethod
    def allocate(cls, size: int, columns: Columns, n_critics: int, dtype: np.dtype[Any]) -> UpdateMemory:
        """Return the memory for minibatches of ``size`` transitions."""
        batch = Minibatch.allocate(size, columns, dtype)
        actions = batch.action.shape
        return cls(
            batch=batch,
            indices=np.zeros(size, np.int64),
            drawn_noise=torch.zeros(actions),
            actor_output=np.empty(actions, dtype),
            target_q=np.empty((n_critics, size), dtype),
            target=np.empty(size, dtype),
            q=[np.empty((size, 1), dtype) for _ in range(n_critics)],
            q_gradient=[np.empty((size, 1), dtype) for _ in range(n_critics)],
            critic_losses=np.zeros((n_critics, 1)),
            actor_q=np.empty((size, 1), dtype),
            actor_q_gradient=np.full((size, 1), -1 / size, dtype),
            action_gradient=np.empty(actions, dtype),
            actor_loss=np.zeros(1),
        )

    def part(self, rows: slice) -> UpdateMemory:
        """Return the memory of some of the transitions, as views; the losses have memory of their own."""
        return UpdateMemory(
            batch=self.batch.part(rows),
            indices=self.indices[rows],
            drawn_noise=self.drawn_noise[rows],
            actor_output=self.actor_output[rows],
            target_q=self.target_q[:, rows],
            target=self.target[rows],
            q=[q[rows] for q in self.q],
            q_gradient=[g[rows] for g in self.q_gradient],
            critic_losses=np.zeros_like(self.critic_losses),
            actor_q=self.actor_q[rows],
            actor_q_gradient=self.actor_q_gradient[rows],
            action_gradient=self.action_gradient[rows],
            actor_loss=np.zeros_like(self.actor_loss),
        )
