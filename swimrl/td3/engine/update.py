"""The fused engine: TD3's update by hand-written backpropagation on the policy's own parameters.

It computes what `stable_baselines3.TD3.train` computes, from the same draws of the same streams, to rounding.
What makes it fast: no graph is built; only the gradients that are used are computed; activation, its slope
and its parameters' slopes come from one loop; Adam and Polyak pass once over flat arrays; all memory is
allocated once. The README beside this file shows the update in 25 lines of NumPy.

Letters in shapes: B batch, O observation, A action.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import torch
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn

from swimrl.envs.seeding import Streams
from swimrl.td3.engine import kernels
from swimrl.td3.engine.flat import FlatNetwork, TargetArrays
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
from swimrl.td3.engine.products.planner import ProductPlanner
from swimrl.td3.engine.settings import EngineSettings
from swimrl.td3.engine.watch import ModuleWatch, are_the_same
from swimrl.td3.policy import TD3Policy, perceptrons
from swimrl.td3.replay import RowReplayBuffer


class FusedUpdate:
    """TD3's update on preallocated memory.

    Args:
        policy: Actor, critics, targets and their optimisers; their tensors become views into flat arrays. It
            must be one for which `why_not_fused` returns None.
        buffer: The replay buffer that minibatches come from.
        streams: The run's random streams.
        settings: The other settings.

    Attributes:
        programs: The parts of an update by name, in the order in which they run.
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
        self.planner = ProductPlanner(
            settings.products, bf16=settings.precision == "bf16", side_by_side=settings.threads > 1
        )
        self.actor = FlatNetwork(policy.actor, policy.actor_target, policy.actor.optimizer)
        self.critic = FlatNetwork(policy.critic, policy.critic_target, policy.critic.optimizer)
        self._watch = ModuleWatch(policy)
        self._q_networks = perceptrons(policy.critic)
        self._numbers = range(1, len(self._q_networks) + 1)
        self._pool = None
        if settings.threads > 1 and len(self._q_networks) > 1:
            self._pool = ThreadPoolExecutor(len(self._q_networks) - 1, initializer=_prepare_thread)
        self._normalisation: VecNormalize | None = None
        self.memory = UpdateMemory.allocate(
            settings.batch_size, buffer.columns, len(self._q_networks), self.actor.p.dtype
        )
        self.programs = self._programs()

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
        self._normalisation = normalisation
        actor_losses, critic_losses = [], []
        with self.planner.ready():
            for number in range(updates_before + 1, updates_before + gradient_steps + 1):
                self._run("minibatch")
                self._run("target actor")
                self._run_side_by_side("target critic")
                self._run("target")
                self._run_side_by_side("critic")
                self._run("critics' step")
                critic_losses.append(float(self.memory.critic_losses.sum()))
                if number % self.settings.policy_delay == 0:
                    self._run("actor")
                    self._run("actor's step")
                    self._run("averages")
                    actor_losses.append(float(self.memory.actor_loss[0]))
        return actor_losses, critic_losses

    def _run(self, name: str) -> None:
        for call, _ in self.programs[name]:
            call()

    def _run_side_by_side(self, kind: str) -> None:
        """Run the programs of this kind, one for each critic, in threads of their own if there are any."""
        first, *others = (f"{kind} {number}" for number in self._numbers)
        if self._pool is None:
            for name in (first, *others):
                self._run(name)
            return
        running = [self._pool.submit(self._run, name) for name in others]
        self._run(first)
        for one in running:
            one.result()

    def _programs(self) -> dict[str, Program]:
        """Return the parts of an update by name, built in the order in which they run (see `Scratch`)."""
        scratch = Scratch()
        # Programs that run at the same time need memory of their own.
        scratches = [scratch if number == 1 or self._pool is None else Scratch() for number in self._numbers]
        actor_step, critics_step = ([Step(flat.adam, "optimiser")] for flat in (self.actor, self.critic))
        averages = [
            Step(partial(flat.polyak, self.settings.tau), "optimiser") for flat in (self.critic, self.actor)
        ]
        critics = [self._nodes(network, self.critic) for network in self._q_networks]
        return {
            "minibatch": [Step(self._draw_minibatch, "sampling")],
            "target actor": self._target_actor(scratch),
            **{
                f"target critic {number}": self._target_critic(number, scratches[number - 1])
                for number in self._numbers
            },
            "target": self._target(),
            **{
                f"critic {number}": self._critic(number, critics[number - 1], scratches[number - 1])
                for number in self._numbers
            },
            "critics' step": critics_step,
            "actor": self._actor(critics[0], scratch),
            "actor's step": actor_step,
            "averages": averages,
        }

    def _draw_minibatch(self) -> None:
        """Draw indices and noise as Stable-Baselines3 draws them, and gather the minibatch."""
        buffer, batch, size = self.buffer, self.memory.batch, self.settings.batch_size
        indices = self.streams.numpy("minibatches")
        steps = indices.randint(0, buffer.buffer_size if buffer.full else buffer.pos, size=size)
        if buffer.n_envs > 1:  # of one environment the draw takes nothing from the stream
            steps = steps * buffer.n_envs + indices.randint(0, high=buffer.n_envs, size=size)
        kernels.gather(buffer.rows, steps, batch.rows)
        generator = self.streams.torch("target noise")
        self.memory.drawn_noise.normal_(0, self.settings.target_policy_noise, generator=generator)
        if self._normalisation is not None:
            for part in (batch.observation, batch.next_observation):
                part[:] = self._normalisation.normalize_obs(part)
            batch.reward[:] = self._normalisation.normalize_reward(batch.reward)

    def _target_actor(self, scratch: Scratch) -> Program:
        """Return the program of a' = clip(pi'(s') + clip(noise)), which goes into the minibatch's gap."""
        memory, batch = self.memory, self.memory.batch
        (network,) = perceptrons(self.policy.actor)
        layers = self._nodes(network, self.actor, target=True)
        smooth = partial(
            kernels.smooth,
            memory.actor_output,
            memory.noise,
            self.settings.target_noise_clip,
            batch.next_action,
        )
        return [
            *forward(layers, batch.next_observation, memory.actor_output, self.planner.product, scratch),
            Step(partial(np.copyto, memory.noise, memory.drawn_noise.numpy())),
            tanh_in_place(memory.actor_output),
            Step(smooth),
        ]

    def _target_critic(self, number: int, scratch: Scratch) -> Program:
        """Return the program of Q'_i(s', a')."""
        layers = self._nodes(self._q_networks[number - 1], self.critic, target=True)
        inputs, q = self.memory.batch.next_observation_action, self.memory.target_q[number - 1]
        return forward(layers, inputs, q.reshape(len(q), 1), self.planner.product, scratch)

    def _target(self) -> Program:
        """Return the program of y = r + gamma (1 - d) min_i Q'_i(s', a')."""
        memory, batch = self.memory, self.memory.batch
        ends = batch.reward, batch.done, batch.timeout
        return [Step(partial(kernels.td_target, memory.target_q, *ends, self.settings.gamma, memory.target))]

    def _critic(self, number: int, layers: list[Node], scratch: Scratch) -> Program:
        """Return the program of the gradient of mean (Q_i(s, a) - y)^2."""
        memory, tape = self.memory, Tape()
        q, q_gradient = memory.q[number - 1], memory.q_gradient[number - 1]
        loss, inputs, product = (
            memory.critic_losses[number - 1],
            memory.batch.observation_action,
            self.planner.product,
        )
        return [
            *forward(layers, inputs, q, product, scratch, tape),
            Step(partial(kernels.value_error, q, memory.target, q_gradient, loss)),
            *backward(layers, tape, q_gradient, product, scratch),
        ]

    def _actor(self, critic: list[Node], scratch: Scratch) -> Program:
        """Return the program of the gradient of -mean Q_1(s, pi(s)).

        Args:
            critic: The layers of the first critic.
            scratch: Memory of the passes.
        """
        memory, batch, product = self.memory, self.memory.batch, self.planner.product
        (network,) = perceptrons(self.policy.actor)
        actor = self._nodes(network, self.actor)
        actor_tape, critic_tape = Tape(), Tape(parameter_gradients=False)
        return [
            *forward(actor, batch.observation, memory.actor_output, product, scratch, actor_tape),
            tanh_in_place(memory.actor_output),
            Step(partial(np.copyto, batch.action, memory.actor_output)),
            *forward(critic, batch.observation_action, memory.actor_q, product, scratch, critic_tape),
            Step(partial(kernels.negative_mean, memory.actor_q, memory.actor_loss)),
            *backward(
                critic,
                critic_tape,
                memory.actor_q_gradient,
                product,
                scratch,
                input_gradient=memory.action_gradient,
                input_columns=self.buffer.columns.action,
            ),
            Step(partial(kernels.unsquash, memory.action_gradient, batch.action)),
            *backward(actor, actor_tape, memory.action_gradient, product, scratch),
        ]

    def _nodes(self, network: nn.Sequential, flat: FlatNetwork, *, target: bool = False) -> list[Node]:
        """Return the nodes of a network on the flat arrays: with gradients, or those of its target."""
        return nodes_of(network, TargetArrays(flat) if target else flat)


def _prepare_thread() -> None:
    """Configure a new thread like the main one: one thread for each product, no overflow warnings."""
    torch.set_num_threads(1)  # else each product there takes all cores, and the threads wait for each other
    np.seterr(all="ignore")
