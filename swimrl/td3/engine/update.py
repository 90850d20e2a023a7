"""The fused engine: TD3's update by hand-written backpropagation on the policy's own parameters.

It computes what `stable_baselines3.TD3.train` computes, from the same draws of the same streams, to rounding.
What makes it fast: no graph is built; only the gradients that are used are computed; activation, its slope
and its parameters' slopes come from one loop; Adam and Polyak pass once over flat arrays; all memory is
allocated once; and a whole update is one call. The README beside this file shows the update in 25 lines of
NumPy.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import torch
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn

from swimrl.envs.seeding import Streams
from swimrl.td3.engine.draw import DrawRows
from swimrl.td3.engine.flat import FlatNetwork
from swimrl.td3.engine.memory import UpdateMemory
from swimrl.td3.engine.native import Call, merged
from swimrl.td3.engine.nodes import calls_modules
from swimrl.td3.engine.perceptron import Step
from swimrl.td3.engine.products.planner import ProductPlanner
from swimrl.td3.engine.settings import EngineSettings
from swimrl.td3.engine.share import Share, rows_of_shares
from swimrl.td3.engine.watch import ModuleWatch, are_the_same
from swimrl.td3.engine.workers import Workers
from swimrl.td3.network import linear_layers
from swimrl.td3.policy import TD3Policy, perceptrons
from swimrl.td3.replay import RowReplayBuffer

Kind = Literal["critics", "all"]
"""What an update changes: only the critics, or also the actor and the targets."""

_KINDS: tuple[Kind, ...] = ("critics", "all")


class FusedUpdate:
    """TD3's update on preallocated memory.

    Args:
        policy: Actor, critics, targets and their optimisers; their tensors become views into flat arrays. It
            must be one for which `why_not_fused` returns None.
        buffer: The replay buffer that minibatches come from.
        streams: The run's random streams.
        settings: The other settings.

    Attributes:
        shares: What each thread computes; one share without more threads.
        sequences: The main thread's calls for each kind of update, from the drawn rows on.
        planner: Holds the backend that was chosen for each product.

    Raises:
        ConfigError: If a product is pinned to a backend that does not exist here.
    """

    def __init__(
        self, policy: TD3Policy, buffer: RowReplayBuffer, streams: Streams, settings: EngineSettings
    ) -> None:
        self.policy = policy
        self.buffer = buffer
        self.streams = streams
        self.settings = settings
        rows = rows_of_shares(settings.batch_size, min(settings.threads, settings.batch_size))
        self.planner = ProductPlanner(
            settings.products, bf16=settings.precision == "bf16", shared=len(rows) > 1
        )
        self.actor = FlatNetwork(policy.actor, policy.actor_target, policy.actor.optimizer, len(rows))
        self.critic = FlatNetwork(policy.critic, policy.critic_target, policy.critic.optimizer, len(rows))
        self._watch = ModuleWatch(policy)
        self._q_networks = perceptrons(policy.critic)
        self.memory = UpdateMemory.allocate(
            settings.batch_size, buffer.columns, len(self._q_networks), self.actor.p.dtype
        )
        self._activation_noises = _activation_noises(policy, settings, self.actor.p.dtype)
        self._workers = Workers(len(rows)) if len(rows) > 1 else None
        parts = [self.memory.part(one) for one in rows] if self._workers else [self.memory]
        self.shares = [
            Share(
                number,
                policy,
                self.actor,
                self.critic,
                buffer,
                memory,
                settings,
                self.planner.product,
                self._workers.barrier if self._workers else None,
                [noise.numpy()[rows[number]] for noise in self._activation_noises],
            )
            for number, memory in enumerate(parts)
        ]
        self._critic_losses = [memory.critic_losses.reshape(-1) for memory in parts]
        self._actor_losses = [memory.actor_loss for memory in parts]
        self._draw_rows = DrawRows(streams.numpy("minibatches"), buffer.rows, self.memory.indices)
        self.calls_modules = any(map(calls_modules, [*perceptrons(policy.actor), *self._q_networks]))
        self.bind()

    def bind(self, *, merge: bool = True) -> None:
        """Prepare to run the shares' present programs.

        Args:
            merge: Whether compiled steps that follow each other become one call.
        """
        self._gather = [call for share in self.shares for call in _calls(share, ["minibatch"])]
        whole, gathered = (
            [
                {kind: _merged(_calls(share, self._names(kind)[first:]), merge) for kind in _KINDS}
                for share in self.shares
            ]
            for first in (0, 1)
        )
        self.sequences, self._gathered_sequences = whole[0], gathered[0]
        if self._workers:
            self._workers.set(
                [
                    [sequences[kind] for sequences in both for kind in _KINDS]
                    for both in zip(whole[1:], gathered[1:], strict=True)
                ]
            )

    def serves(self, policy: nn.Module, buffer: object, streams: Streams, settings: EngineSettings) -> bool:
        """Return whether this engine still computes the update of these.

        It does not where a user has changed something that it has compiled in, or moved a tensor.
        """
        return (
            self.policy is policy
            and self.buffer is buffer
            and self.streams is streams
            and self.settings == settings
            and "sample" not in vars(buffer)
            and not torch.is_autocast_enabled("cpu")
            and self._watch.is_unchanged()
            and are_the_same(perceptrons(policy.critic), self._q_networks)
            and policy.actor.optimizer is self.actor.optimizer
            and policy.critic.optimizer is self.critic.optimizer
            and self.actor.intact()
            and self.critic.intact()
            and (self._workers is None or self._workers.alive())
        )

    def run(
        self, updates_before: int, gradient_steps: int, normalisation: VecNormalize | None
    ) -> tuple[list[float], list[float]]:
        """Update ``gradient_steps`` times; called within ``product_threads(1)``.

        Args:
            updates_before: Updates done before, which decides when the actor's turn is.
            gradient_steps: How many updates to do.
            normalisation: Normalises observations and rewards of a minibatch, if given.

        Returns:
            The actor's losses and the critics' losses, as Stable-Baselines3 logs them.
        """
        actor_losses, critic_losses = [], []
        if self.calls_modules:
            self.policy.set_training_mode(True)  # as Stable-Baselines3's update does
        self.critic.read_settings()
        self.actor.read_settings()
        with self.planner.ready():
            for number in range(updates_before + 1, updates_before + gradient_steps + 1):
                kind: Kind = "critics" if number % self.settings.policy_delay else "all"
                self.draw()
                if kind == "all":
                    self._draw_activation_noises()
                if normalisation is None:
                    self._run(kind, is_gathered=False)
                else:
                    self._gather_normalised(normalisation)
                    self._run(kind, is_gathered=True)
                critic_losses.append(_sum(self._critic_losses))
                if kind == "all":
                    actor_losses.append(_sum(self._actor_losses))
        return actor_losses, critic_losses

    def _run(self, kind: Kind, *, is_gathered: bool) -> None:
        if self._workers:
            self._workers.start(_KINDS.index(kind) + len(_KINDS) * is_gathered)
        for call in (self._gathered_sequences if is_gathered else self.sequences)[kind]:
            call()
        if self._workers:
            self._workers.check()

    def draw(self) -> None:
        """Draw rows and noise of a minibatch as Stable-Baselines3 draws them."""
        buffer = self.buffer
        self._draw_rows.choices[:] = buffer.buffer_size if buffer.full else buffer.pos, buffer.n_envs
        self._draw_rows()
        generator = self.streams.torch("target noise")
        self.memory.drawn_noise.normal_(0, self.settings.target_policy_noise, generator=generator)

    def _gather_normalised(self, normalisation: VecNormalize) -> None:
        for gather in self._gather:
            gather()
        batch = self.memory.batch
        for part in (batch.observation, batch.next_observation):
            part[:] = normalisation.normalize_obs(part)
        batch.reward[:] = normalisation.normalize_reward(batch.reward)

    def _draw_activation_noises(self) -> None:
        """Draw the noise of the actor's activations as `Robustness` draws it in PyTorch's graph."""
        if (robustness := self.settings.robustness) is None:
            return
        size, generator = robustness.activation_noise, self.streams.torch("stochastic activations")
        for noise in self._activation_noises:
            noise.uniform_(-size, size, generator=generator)

    def steps(self, kind: Kind) -> list[Step]:
        """Return the main thread's steps of an update behind the drawn rows, in order."""
        return [step for name in self._names(kind) for step in self.shares[0].programs[name]]

    def _names(self, kind: Kind) -> list[str]:
        """Return the programs of an update, in order; the first one gathers the minibatch."""
        names = list(self.shares[0].programs)
        return names if kind == "all" else names[: names.index("actor")]


def _activation_noises(
    policy: TD3Policy, settings: EngineSettings, dtype: np.dtype[Any]
) -> list[torch.Tensor]:
    """Return memory for the noise of each hidden layer of the actor, [B, N]; none without noise."""
    if settings.robustness is None or not settings.robustness.activation_noise:
        return []
    (network,) = perceptrons(policy.actor)
    widths = [layer.out_features for layer in linear_layers(network)[:-1]]
    return [torch.from_numpy(np.empty((settings.batch_size, width), dtype)) for width in widths]


def _sum(losses: Iterable[np.ndarray]) -> float:
    return float(sum(sum(part.tolist()) for part in losses))


def _calls(share: Share, names: Iterable[str]) -> list[Call]:
    return [step.call for name in names for step in share.programs[name]]


def _merged(calls: list[Call], merge: bool) -> list[Call]:
    return merged(calls) if merge else calls
