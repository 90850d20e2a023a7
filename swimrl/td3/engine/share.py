"""One thread's part of an update: the programs for some rows of the minibatch.

One thread alone has all rows. Of several threads each computes its rows from the minibatch to the gradients,
in memory of its own. At a step of Adam they wait for each other; then each adds the gradients of all for its
part of the parameters, always in the same order, and takes Adam's step and the averages there.

Letters in shapes: B the batch's rows of this share, C critics.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from torch import nn

from swimrl.td3.engine import kernels
from swimrl.td3.engine.flat import FlatNetwork, ShareArrays, TargetArrays
from swimrl.td3.engine.memory import UpdateMemory
from swimrl.td3.engine.nodes import nodes_of
from swimrl.td3.engine.perceptron import (
    Node,
    Program,
    Scratch,
    Step,
    Tape,
    backward,
    forward,
    tanh_in_place,
)
from swimrl.td3.engine.products.planner import BindProduct
from swimrl.td3.engine.robust_node import robust_nodes
from swimrl.td3.engine.settings import EngineSettings
from swimrl.td3.policy import TD3Policy, perceptrons
from swimrl.td3.replay import RowReplayBuffer


class Share:
    """The programs of one thread.

    Args:
        number: Which thread, from 0.
        policy: Actor and critics; their tensors are views into the flat arrays.
        actor: The actor's flat arrays.
        critic: The critics' flat arrays.
        buffer: The replay buffer.
        memory: The arrays of this thread's rows.
        settings: The engine's settings.
        product: Returns the call that computes a product.
        barrier: The call that waits for the other threads; None where there are none.
        activation_noises: Of each hidden layer of the actor the noise of this thread's rows, [B, N]; empty
            without noise.

    Attributes:
        programs: The parts of an update by name, in the order in which they run.
    """

    def __init__(
        self,
        number: int,
        policy: TD3Policy,
        actor: FlatNetwork,
        critic: FlatNetwork,
        buffer: RowReplayBuffer,
        memory: UpdateMemory,
        settings: EngineSettings,
        product: BindProduct,
        barrier: Callable[[], object] | None,
        activation_noises: Sequence[np.ndarray] = (),
    ) -> None:
        self._number = number
        self._policy = policy
        self._actor = actor
        self._critic = critic
        self._buffer = buffer
        self.memory = memory
        self._settings = settings
        self._product = product
        self._activation_noises = activation_noises
        self._wait = [Step(barrier)] if barrier else []
        self._q_networks = perceptrons(policy.critic)
        self.programs = self._programs()

    def _programs(self) -> dict[str, Program]:
        """Return the parts of an update by name, built in the order in which they run (see `Scratch`)."""
        scratch = Scratch()
        critics = [self._nodes(network, self._critic) for network in self._q_networks]
        numbers = range(1, len(critics) + 1)
        batch, tau = self.memory.batch, self._settings.tau
        gather = partial(kernels.gather, self._buffer.rows, self.memory.indices, batch.rows)
        averages = [*self._critic.polyak(tau, self._number), *self._actor.polyak(tau, self._number)]
        return {
            "minibatch": [Step(gather, "sampling")],
            "target actor": self._target_actor(scratch),
            **{f"target critic {n}": self._target_critic(n, scratch) for n in numbers},
            "target": self._target(),
            **{f"critic {n}": self._critic_gradient(n, critics[n - 1], scratch) for n in numbers},
            "critics' step": [*self._adam(self._critic), *self._wait],
            "actor": self._actor_gradient(critics[0], scratch),
            "actor's step": self._adam(self._actor),
            "averages": [*(Step(call, "optimiser") for call in averages), *self._wait],
        }

    def _adam(self, flat: FlatNetwork) -> Program:
        """Return the program of a step of Adam, for which all threads must have their gradients."""
        count = [Step(flat.count_step(), "optimiser")] if self._number == 0 else []
        return [*count, *self._wait, *(Step(call, "optimiser") for call in flat.adam(self._number))]

    def _target_actor(self, scratch: Scratch) -> Program:
        """Return the program of a' = clip(pi'(s') + clip(noise)), which goes into the minibatch's gap."""
        memory, batch = self.memory, self.memory.batch
        (network,) = perceptrons(self._policy.actor_target)
        layers = nodes_of(network, TargetArrays(self._actor))
        smooth = partial(
            kernels.smooth,
            memory.actor_output,
            memory.drawn_noise.numpy(),
            float(self._settings.target_noise_clip),
            batch.next_action,
        )
        return [
            *forward(layers, batch.next_observation, memory.actor_output, self._product, scratch),
            tanh_in_place(memory.actor_output),
            Step(smooth),
        ]

    def _target_critic(self, number: int, scratch: Scratch) -> Program:
        """Return the program of Q'_i(s', a')."""
        network = perceptrons(self._policy.critic_target)[number - 1]
        layers = nodes_of(network, TargetArrays(self._critic))
        inputs, q = self.memory.batch.next_observation_action, self.memory.target_q[number - 1]
        return forward(layers, inputs, q.reshape(len(q), 1), self._product, scratch)

    def _target(self) -> Program:
        """Return the program of y = r + gamma (1 - d) min_i Q'_i(s', a')."""
        memory, batch = self.memory, self.memory.batch
        ends, gamma = (batch.reward, batch.done, batch.timeout), float(self._settings.gamma)
        return [Step(partial(kernels.td_target, memory.target_q, *ends, gamma, memory.target))]

    def _critic_gradient(self, number: int, layers: list[Node], scratch: Scratch) -> Program:
        """Return the program of the gradient of mean (Q_i(s, a) - y)^2."""
        memory, tape, size = self.memory, Tape(), self._settings.batch_size
        q, q_gradient = memory.q[number - 1], memory.q_gradient[number - 1]
        loss, inputs = memory.critic_losses[number - 1], memory.batch.observation_action
        return [
            *forward(layers, inputs, q, self._product, scratch, tape),
            Step(partial(kernels.value_error, q, memory.target, q_gradient, loss, size)),
            *backward(layers, tape, q_gradient, self._product, scratch),
        ]

    def _actor_gradient(self, critic: list[Node], scratch: Scratch) -> Program:
        """Return the program of the gradient of -mean Q_1(s, pi(s)).

        Args:
            critic: The layers of the first critic.
            scratch: Memory of the passes.
        """
        memory, batch, product = self.memory, self.memory.batch, self._product
        (network,) = perceptrons(self._policy.actor)
        actor = self._nodes(network, self._actor)
        if (robustness := self._settings.robustness) is not None:
            actor = robust_nodes(actor, robustness, self._activation_noises, self._settings.batch_size)
        actor_tape, critic_tape = Tape(), Tape(parameter_gradients=False)
        loss = partial(kernels.negative_mean, memory.actor_q, memory.actor_loss, self._settings.batch_size)
        return [
            *forward(actor, batch.observation, memory.actor_output, product, scratch, actor_tape),
            tanh_in_place(memory.actor_output),
            Step(partial(kernels.copy, memory.actor_output, batch.action)),
            *forward(critic, batch.observation_action, memory.actor_q, product, scratch, critic_tape),
            Step(loss),
            *backward(
                critic,
                critic_tape,
                memory.actor_q_gradient,
                product,
                scratch,
                input_gradient=memory.action_gradient,
                input_columns=self._buffer.columns.action,
            ),
            Step(partial(kernels.unsquash, memory.action_gradient, batch.action)),
            *backward(actor, actor_tape, memory.action_gradient, product, scratch),
        ]

    def _nodes(self, network: nn.Sequential, flat: FlatNetwork) -> list[Node]:
        """Return the nodes of a network on the flat arrays, with gradients."""
        return nodes_of(network, ShareArrays(flat, self._number))


def rows_of_shares(batch_size: int, shares: int) -> list[slice]:
    """Return the rows of each thread: whole numbers, as equal as they can be."""
    edges = np.linspace(0, batch_size, shares + 1).astype(int).tolist()
    return [slice(first, last) for first, last in itertools.pairwise(edges)]
