"""The fused engine: TD3's update by hand-written backpropagation on the policy's own parameters.

It computes what `stable_baselines3.TD3.train` computes, from the same draws of the same streams, to rounding.
What makes it fast: no graph is built; only the gradients that are used are computed; activation, its slope
and its parameters' slopes come from one loop; Adam and Polyak pass once over flat arrays; all memory is
allocated once.

Letters in shapes: B batch, O observation, A action.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import torch
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn

from swimrl.activations.cpu.kernel import CpuKernel, why_unavailable
from swimrl.activations.torch.activation import Activation
from swimrl.envs.seeding import Streams
from swimrl.td3.config import Precision
from swimrl.td3.engine import kernels
from swimrl.td3.engine.flat import FlatNetwork
from swimrl.td3.engine.perceptron import (
    Layer,
    Program,
    Scratch,
    Tape,
    backward,
    forward,
    has_kernel,
    tanh_in_place,
)
from swimrl.td3.engine.products.planner import ProductPlanner
from swimrl.td3.network import hidden_activations, linear_layers
from swimrl.td3.policy import TD3Policy, perceptrons
from swimrl.td3.replay import RowReplayBuffer

if TYPE_CHECKING:
    from swimrl.td3.agent import TD3


def why_not_fused(agent: TD3) -> str | None:
    """Return why the fused engine cannot compute this agent's update, or None if it can."""
    policy = agent.policy
    if reason := why_unavailable():
        return reason
    if type(policy) is not TD3Policy:
        return f"the policy is a {type(policy).__name__}, not swimrl's TD3Policy"
    if agent.device.type != "cpu":
        return f"the networks are on {agent.device.type}"
    if type(agent.replay_buffer) is not RowReplayBuffer:
        return f"the replay buffer is a {type(agent.replay_buffer).__name__}"
    if policy.layer_norm:
        return "layer norm is on"
    if not policy.has_plain_features:
        return f"the features extractor is a {policy.features_extractor_class.__name__}"
    for network in (policy.actor, policy.critic):
        optimizer = network.optimizer
        if type(optimizer) is not torch.optim.Adam:
            return f"the optimiser is {type(optimizer).__name__}, not Adam"
        for group in optimizer.param_groups:
            if group["amsgrad"] or group["maximize"]:
                return "the optimiser uses amsgrad or maximize"
            if group["weight_decay"] and not group["decoupled_weight_decay"]:
                return "the optimiser's weight decay is not decoupled"
    for network in (policy.actor, policy.critic):
        for module in chain.from_iterable(map(hidden_activations, perceptrons(network))):
            if not has_kernel(module):
                reason = module.spec.why_no_kernel if isinstance(module, Activation) else None
                return f"{module} has no kernel: {reason or 'it is no elementwise formula'}"
    return None


class FusedUpdate:
    """TD3's update on preallocated memory.

    Args:
        policy: Actor, critics, targets and their optimisers; their tensors become views into flat arrays.
        buffer: Where minibatches come from.
        streams: The run's random streams.
        batch_size: B.
        gamma: Discount factor.
        tau: Polyak coefficient.
        policy_delay: Critic updates for each update of the actor and the targets.
        target_noise: Standard deviation of the target policy's noise.
        noise_clip: Its bound.
        threads: With 2 or more, the critics are updated side by side.
        products: Backend of each product, pinned by an earlier run.
        precision: ``"float32"``, or ``"bf16"`` for large products in bfloat16.
    """

    def __init__(
        self,
        policy: TD3Policy,
        buffer: RowReplayBuffer,
        streams: Streams,
        *,
        batch_size: int,
        gamma: float,
        tau: float,
        policy_delay: int,
        target_noise: float,
        noise_clip: float,
        threads: int = 1,
        products: Mapping[str, str] | None = None,
        precision: Precision = "float32",
    ) -> None:
        self.policy = policy
        self.buffer = buffer
        self.batch_size = batch_size
        self.planner = ProductPlanner(products, bf16=precision == "bf16", side_by_side=threads > 1)
        self.tau = tau
        self.policy_delay = policy_delay
        self.actor = FlatNetwork(policy.actor, policy.actor_target, policy.actor.optimizer)
        self.critic = FlatNetwork(policy.critic, policy.critic_target, policy.critic.optimizer)
        self._indices = streams.numpy("minibatches")
        self._noise_generator = streams.torch("target noise")
        self._target_noise = target_noise
        n_critics = len(perceptrons(policy.critic))
        self._side_by_side = None
        if threads > 1 and n_critics > 1:
            self._side_by_side = ThreadPoolExecutor(n_critics - 1, initializer=_prepare_thread)
        self._losses = np.zeros((n_critics, 1))
        self._actor_loss = np.zeros(1)
        self._build(gamma, noise_clip)

    def _build(self, gamma: float, noise_clip: float) -> None:
        columns = self.buffer.columns
        size = self.batch_size
        dtype = self.actor.p.dtype
        self.batch = batch = np.zeros((size, columns.width), dtype)
        action_size = batch[:, columns.action].shape[1]
        self._noise = torch.zeros(size, action_size)
        noise = np.empty((size, action_size), dtype)
        product = self.planner.product

        (mu,), q_networks = perceptrons(self.policy.actor), perceptrons(self.policy.critic)
        actor = self._layers(mu, self.actor)
        critics = [self._layers(q, self.critic) for q in q_networks]
        actor_target = self._layers(mu, self.actor, target=True)
        critic_targets = [self._layers(q, self.critic, target=True) for q in q_networks]
        scratch = Scratch()
        # What runs at the same time needs memory of its own.
        scratches = [scratch, *(Scratch() if self._side_by_side else scratch for _ in critics[1:])]

        # The target: y = r + gamma (1 - d) min_i Q'_i(s', pi'(s') + noise).
        action_z = np.empty((size, action_size), dtype)
        squash = tanh_in_place(action_z)
        q_next = np.empty((len(critics), size), dtype)
        y = np.empty(size, dtype)
        self._target_actor: Program = [
            *forward(actor_target, batch[:, columns.next_observation], action_z, product, scratch),
            partial(np.copyto, noise, self._noise.numpy()),
            squash,
            partial(kernels.smooth, action_z, noise, noise_clip, batch[:, columns.next_action]),
        ]
        self._target_critics: list[Program] = [
            forward(layers, batch[:, columns.next_observation_action], q.reshape(size, 1), product, memory)
            for layers, q, memory in zip(critic_targets, q_next, scratches, strict=True)
        ]
        self._target: Program = [
            partial(
                kernels.td_target,
                q_next,
                batch[:, columns.reward],
                batch[:, columns.done],
                batch[:, columns.timeout],
                gamma,
                y,
            )
        ]

        # The critics' step.
        self._critics: list[Program] = []
        for layers, loss, memory in zip(critics, self._losses, scratches, strict=True):
            tape, q, g = Tape(), np.empty((size, 1), dtype), np.empty((size, 1), dtype)
            self._critics.append(
                [
                    *forward(layers, batch[:, columns.observation_action], q, product, memory, tape),
                    partial(kernels.value_error, q, y, g, loss),
                    *backward(layers, tape, g, product, memory),
                ]
            )

        # The actor's step: its action takes the place of the stored one in the batch, which is spent by then.
        actor_tape, critic_tape = Tape(), Tape(parameter_gradients=False)
        action = batch[:, columns.action]
        q = np.empty((size, 1), dtype)
        g_action = np.empty((size, action_size), dtype)
        ascend = np.full((size, 1), -1 / size, dtype)
        self._actor: Program = [
            *forward(actor, batch[:, columns.observation], action_z, product, scratch, actor_tape),
            squash,
            partial(np.copyto, action, action_z),
            *forward(critics[0], batch[:, columns.observation_action], q, product, scratch, critic_tape),
            partial(kernels.negative_mean, q, self._actor_loss),
            *backward(
                critics[0],
                critic_tape,
                ascend,
                product,
                scratch,
                input_gradient=g_action,
                input_columns=columns.action,
            ),
            partial(kernels.unsquash, g_action, action),
            *backward(actor, actor_tape, g_action, product, scratch),
        ]

    def _layers(self, perceptron: nn.Sequential, flat: FlatNetwork, *, target: bool = False) -> list[Layer]:
        activations = hidden_activations(perceptron)
        view = flat.target_array if target else flat.array
        layers = []
        for linear, activation in zip(linear_layers(perceptron), [*activations, None], strict=True):
            kernel = theta = theta_gradient = None
            if isinstance(activation, Activation):
                kernel = CpuKernel(activation.spec.settled, flat.p.dtype)
                parameters = list(activation.parameters())
                if parameters:
                    together = flat.span(parameters)
                    theta = (flat.target if target else flat.p)[together]
                    theta_gradient = flat.g[together]
            layers.append(
                Layer(
                    weight=view(linear.weight),
                    bias=view(linear.bias),
                    kernel=kernel,
                    theta=theta,
                    weight_gradient=None if target else flat.gradient(linear.weight),
                    bias_gradient=None if target else flat.gradient(linear.bias),
                    theta_gradient=None if target else theta_gradient,
                )
            )
        return layers

    def intact(self) -> bool:
        """Return whether the policy's tensors still are views into the flat arrays."""
        return self.actor.intact() and self.critic.intact()

    def run(
        self, updates_before: int, gradient_steps: int, normalisation: VecNormalize | None
    ) -> tuple[list[float], list[float]]:
        """Update ``gradient_steps`` times.

        Args:
            updates_before: Updates done before, which decides when the actor's turn is.
            gradient_steps: How many updates to do.
            normalisation: What normalises observations and rewards, if anything does.

        Returns:
            The actor's losses and the critics' losses, as Stable-Baselines3 logs them.
        """
        with self.planner.ready():
            return self._run(range(updates_before + 1, updates_before + gradient_steps + 1), normalisation)

    def _run(
        self, updates: Iterable[int], normalisation: VecNormalize | None
    ) -> tuple[list[float], list[float]]:
        actor_losses, critic_losses = [], []
        for update in updates:
            self._sample(normalisation)
            _call_all(self._target_actor)
            self._run_side_by_side(self._target_critics)
            _call_all(self._target)
            self._run_side_by_side(self._critics)
            self.critic.adam()
            critic_losses.append(float(self._losses.sum()))
            if update % self.policy_delay == 0:
                _call_all(self._actor)
                self.actor.adam()
                self.critic.polyak(self.tau)
                self.actor.polyak(self.tau)
                actor_losses.append(float(self._actor_loss[0]))
        return actor_losses, critic_losses

    def _sample(self, normalisation: VecNormalize | None) -> None:
        """Draw indices and noise as Stable-Baselines3 draws them, and gather the minibatch."""
        buffer = self.buffer
        upper = buffer.buffer_size if buffer.full else buffer.pos
        steps = self._indices.randint(0, upper, size=self.batch_size)
        if buffer.n_envs > 1:  # of one environment the draw takes nothing from the stream
            environments = self._indices.randint(0, high=buffer.n_envs, size=self.batch_size)
            steps = steps * buffer.n_envs + environments
        kernels.gather(buffer.rows, steps, self.batch)
        self._noise.normal_(0, self._target_noise, generator=self._noise_generator)
        if normalisation is not None:
            batch, columns = self.batch, buffer.columns
            for part in (columns.observation, columns.next_observation):
                batch[:, part] = normalisation.normalize_obs(batch[:, part])
            batch[:, columns.reward] = normalisation.normalize_reward(batch[:, columns.reward])

    def _run_side_by_side(self, programs: Sequence[Program]) -> None:
        if self._side_by_side is None:
            for program in programs:
                _call_all(program)
            return
        others = [self._side_by_side.submit(_call_all, program) for program in programs[1:]]
        _call_all(programs[0])
        for other in others:
            other.result()


def _prepare_thread() -> None:
    """Bring a new thread's own settings to the main thread's: products for itself, no word of overflow."""
    torch.set_num_threads(1)  # else each product there takes all cores, and the threads wait for each other
    np.seterr(all="ignore")


def _call_all(program: Program) -> None:
    for call in program:
        call()
