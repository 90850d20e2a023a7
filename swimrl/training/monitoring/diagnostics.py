"""What actor and critics do inside, measured on a sample of transitions as a run goes.

Looking changes nothing: what is drawn comes from the stream "diagnostics", and networks, optimisers and
buffer are only read. A run with and without it is the same run, bit for bit.

A number that the data at hand do not give is None, "undetermined". Each series is described in
docs/monitoring.md.

Letters in shapes: N transitions of the sample, O observation, A action, H units of a layer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from gymnasium.spaces import Box
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from swimrl.activations.properties import sharpness_asymmetry
from swimrl.activations.torch.activation import Activation
from swimrl.envs.make import Env
from swimrl.envs.seeding import Streams
from swimrl.td3.agent import TD3
from swimrl.td3.network import hidden_activations, linear_layers
from swimrl.td3.policy import perceptrons
from swimrl.training.monitoring import units
from swimrl.training.monitoring.gait import GaitRecorder

SAMPLE_SIZE = 1024
"""N. Ranks cannot exceed it."""

TAUS = (0.1, 0.025)
"""Thresholds of dormancy that the authors use."""

_FEW = 8  # learned numbers of one activation that are shown one by one

Values = dict[str, float | None]
"""Numbers by the name of their series; None is undetermined."""


@dataclass(frozen=True)
class Findings:
    """What one look found."""

    values: Values = field(default_factory=dict)

    pre_activations: dict[str, np.ndarray] = field(default_factory=dict)
    """Of each hidden layer, such as ``actor.layer1``: [N, H]."""


@dataclass(frozen=True)
class _Sample:
    """Transitions to look at, as the networks see them."""

    observations: Tensor
    """[N, O]."""

    actions: Tensor
    """[N, A], in [-1, 1]."""

    replay: ReplayBufferSamples | None = None
    """The same with rewards and what followed; None for random transitions, which the agent did not live."""

    @property
    def observations_actions(self) -> Tensor:
        """What the critics see, [N, O + A]."""
        return torch.cat([self.observations, self.actions], dim=1)


class Diagnostics:
    """Looks into an agent.

    Args:
        agent: Whom to look into.
        make_env: Makes an environment like those it is trained in. Random actions there give the sample until
            the replay buffer holds `SAMPLE_SIZE` transitions, or is full.
        bound: Pre-activations beyond +-bound are counted.
        flat: Slopes of activations, and of the actor's tanh, below it count as saturated.
    """

    def __init__(self, agent: TD3, make_env: Callable[[], Env], *, bound: float, flat: float) -> None:
        self._agent = agent
        self._make_env = make_env
        self._bound = bound
        self._flat = flat
        self._random: tuple[np.ndarray, np.ndarray] | None = None

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Put the networks in evaluation mode; whatever draws random numbers gets those of "diagnostics".

        A network that diverges overflows here without a word: training is what tells.
        """
        self._agent.policy.set_training_mode(False)
        borrowed = self._agent.streams.borrow(numpy="diagnostics", torch="diagnostics")
        with borrowed, np.errstate(all="ignore"):
            yield

    def networks(self) -> Findings:
        """Return what actor and critics do on a sample."""
        agent, found = self._agent, Findings()
        with self.looking():
            sample = self._sample()
            found.values.update(self._parameters())
            if sample is not None:
                for name, perceptron in named_perceptrons(agent):
                    x = sample.observations if name == "actor" else sample.observations_actions
                    self._look_at_layers(name, perceptron, x, found)
                    found.values[f"step_size/{name}"] = self._step_size(name, perceptron, x)
                found.values.update(self._gradients(sample))
        return found

    def evaluation(self, gait: GaitRecorder) -> Values:
        """Return what an evaluation tells besides its score: the critics' bias and what moving cost.

        The bias is critic 1's value of the policy's own action in the start states, which is what the actor
        climbs, minus the mean discounted return from there.
        """
        agent = self._agent
        with self.looking(), torch.no_grad():
            states = self._seen(gait.starts())
            (mu,), critic = perceptrons(agent.actor), perceptrons(agent.critic)[0]
            estimate = float(critic(torch.cat([states, mu(states)], dim=1)).mean())
        measured = gait.discounted_return(agent.gamma)
        return {
            "value/estimate": estimate,
            "value/return": measured,
            "value/bias": None if measured is None else estimate - measured,
            **{f"gait/{name}": value for name, value in gait.effort().items()},
        }

    def _sample(self) -> _Sample | None:
        agent = self._agent
        buffer = agent.replay_buffer
        assert buffer is not None
        size = buffer.size()
        if size < buffer.buffer_size and size * buffer.n_envs < SAMPLE_SIZE:
            return self._random_sample()
        # One from each of N equal parts of the buffer: old and new experience alike.
        parts = np.arange(SAMPLE_SIZE) + agent.streams.numpy("diagnostics").random_sample(SAMPLE_SIZE)
        replay = agent.stored_transitions((parts * size / SAMPLE_SIZE).astype(int))
        assert isinstance(replay.observations, Tensor)
        # Stable-Baselines3's buffer keeps float64 where the environment has it.
        return _Sample(replay.observations.float(), replay.actions, replay)

    def _random_sample(self) -> _Sample | None:
        """Return transitions of uniformly random actions, the same at every step of a run."""
        if self._random is None:
            # Streams of its own: the same transitions whenever they are asked for.
            dice = Streams(self._agent.streams.seed).numpy("diagnostics")
            try:
                self._random = _random_transitions(self._make_env, dice)
            # An environment is anybody's code and may raise anything; it shall not do so for being watched.
            except Exception as error:
                logging.getLogger("swimrl.training").warning(
                    "no diagnostics before the replay buffer holds %d transitions: random actions in an "
                    "environment of their own ended in %s: %s",
                    SAMPLE_SIZE,
                    type(error).__name__,
                    error,
                )
                self._random = np.zeros((0, 0)), np.zeros((0, 0))
        observations, actions = self._random
        if not len(observations):
            return None
        return _Sample(self._seen(observations), self._tensor(actions))

    def _seen(self, observations: np.ndarray) -> Tensor:
        """Return observations [N, O] as the networks see them."""
        normalisation = self._agent.get_vec_normalize_env()
        if normalisation is not None:
            seen = normalisation.normalize_obs(observations)
            assert isinstance(seen, np.ndarray)
            observations = seen
        return self._tensor(observations)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.as_tensor(array, dtype=torch.float32, device=self._agent.device)

    def _look_at_layers(self, name: str, perceptron: nn.Sequential, x: Tensor, found: Findings) -> None:
        values = found.values
        output = max(number for number, module in enumerate(perceptron) if isinstance(module, nn.Linear))
        layer, features = "", np.zeros((0, 0))
        for number, (z, activation, h) in enumerate(_hidden_layers(list(perceptron)[:output], x), start=1):
            layer, pre, features = f"{name}.layer{number}", z.cpu().numpy(), h.cpu().numpy()
            slope = elementwise_slope(activation, z)
            found.pre_activations[layer] = pre
            values[f"units/dead/{layer}"] = units.dead_share(features)
            for tau in TAUS:
                values[f"units/dormant_{tau}/{layer}"] = units.dormant_share(features, tau)
                values[f"units/idle_{tau}/{layer}"] = units.dormant_share(features, tau, centred=True)
            values[f"units/saturated/{layer}"] = (
                None if slope is None else units.saturated_share(slope.cpu().numpy(), self._flat)
            )
            values[f"preactivation/mean/{layer}"] = float(pre.mean(dtype=np.float64))
            values[f"preactivation/spread/{layer}"] = float(pre.std(dtype=np.float64))
            values[f"preactivation/largest/{layer}"] = float(np.abs(pre).max())
            values[f"preactivation/outside/{layer}"] = units.outside_share(pre, self._bound)
        values.update(_ranks(name, features))
        if name == "actor":
            with torch.no_grad():
                actions = perceptron(x).cpu().numpy()
            values["units/saturated/actor.output"] = units.saturated_share(1 - actions**2, self._flat)

    @torch.no_grad()
    def _step_size(self, name: str, perceptron: nn.Sequential, x: Tensor) -> float | None:
        """Return by how much the latest update changed the outputs, root mean square over the sample."""
        agent = self._agent
        optimizer = (agent.actor if name == "actor" else agent.critic).optimizer
        before = before_last_update(perceptron, optimizer, agent.current_learning_rate)
        if before is None:
            return None
        # tie_weights would lose the parameters of a module that stands in two layers (granularity=network).
        change = perceptron(x) - functional_call(perceptron, before, x, tie_weights=False)
        return float(change.pow(2).mean().sqrt())

    def _gradients(self, sample: _Sample) -> Values:
        """Return the norms of weights and gradients, and the TD errors."""
        agent = self._agent
        observations, replay = sample.observations, sample.replay
        (mu,), critics = perceptrons(agent.actor), perceptrons(agent.critic)
        losses: list[Tensor | None] = [-critics[0](torch.cat([observations, mu(observations)], dim=1)).mean()]
        values: Values = {}
        target = None if replay is None else self._target(replay)
        for number, critic in enumerate(critics, start=1):
            values[f"td_error/critic{number}"] = None
            losses.append(None)
            if target is not None:
                q = critic(sample.observations_actions)
                losses[-1] = functional.mse_loss(q, target)
                values[f"td_error/critic{number}"] = float((q.detach() - target).abs().mean())
        for (name, perceptron), loss in zip(named_perceptrons(agent), losses, strict=True):
            parameters = list(perceptron.parameters())
            gradients: list[Tensor | None] = [None] * len(parameters)
            if loss is not None:
                # materialize_grads: a module may hold a parameter that its output does not depend on
                gradients = list(torch.autograd.grad(loss, parameters, materialize_grads=True))
            of: dict[Tensor, Tensor | None] = dict(zip(parameters, gradients, strict=True))
            values[f"norm/weights/{name}"] = _norm(parameters)
            values[f"norm/gradient/{name}"] = _norm(gradients)
            for number, linear in enumerate(linear_layers(perceptron)[:-1], start=1):
                values[f"norm/weights/{name}.layer{number}"] = _norm([linear.weight])
                values[f"norm/gradient/{name}.layer{number}"] = _norm([of[linear.weight]])
        return values

    @torch.no_grad()
    def _target(self, replay: ReplayBufferSamples) -> Tensor:
        """Return TD3's target [N, 1], without the noise on the target's action."""
        agent, following = self._agent, replay.next_observations
        assert isinstance(following, Tensor)
        following = following.float()
        (mu,) = perceptrons(agent.actor_target)
        inputs = torch.cat([following, mu(following)], dim=1)
        smallest = torch.cat([critic(inputs) for critic in perceptrons(agent.critic_target)], dim=1).amin(
            1, True
        )
        return replay.rewards + (1 - replay.dones) * agent.gamma * smallest

    def _parameters(self) -> Values:
        """Return the learned numbers of each activation, as its formula uses them."""
        values: Values = {}
        for name, perceptron in named_perceptrons(self._agent):
            for number, activation in enumerate(hidden_activations(perceptron), start=1):
                for parameter, numbers in shown_parameters(activation).items():
                    for label, value in _summary(parameter, numbers):
                        values[f"parameter/{label}/{name}.layer{number}"] = value
        return values


def named_perceptrons(agent: TD3) -> list[tuple[str, nn.Sequential]]:
    """Return ``actor``, ``critic1``, ``critic2`` ... and the perceptron of each."""
    critics = enumerate(perceptrons(agent.critic), start=1)
    return [("actor", perceptrons(agent.actor)[0]), *((f"critic{number}", one) for number, one in critics)]


def shown_parameters(activation: nn.Module) -> Mapping[str, np.ndarray]:
    """Return what an activation learns, by name, each [N] for N neurons or [1] for the whole layer, float64.

    Of a formula these are the values that it computes with. AULU's come with the sharpness of its two sides,
    alpha1 = beta1^2 and alpha2 = beta2^2, and their asymmetry.
    """
    if not isinstance(activation, Activation):
        return {name: _numbers(parameter) for name, parameter in activation.named_parameters()}
    learned = {name: _numbers(value) for name, value in activation.effective().items()}
    if activation.spec.definition.name != "aulu" or not learned:
        return learned
    fixed = {value.name: np.array([value.value]) for value in activation.spec.values}
    beta1, beta2 = np.broadcast_arrays(*({**fixed, **learned}[name] for name in ("beta1", "beta2")))
    asymmetry = np.array([sharpness_asymmetry(*pair) for pair in zip(beta1, beta2, strict=True)])
    return {**learned, "alpha1": beta1**2, "alpha2": beta2**2, "asymmetry": asymmetry}


def _numbers(tensor: Tensor) -> np.ndarray:
    flat: np.ndarray = tensor.detach().cpu().double().flatten().numpy()
    return flat


def elementwise_slope(activation: nn.Module, z: Tensor) -> Tensor | None:
    """Return f'(z) [N, H]; None for an activation whose outputs depend on other units of the layer.

    Args:
        activation: A module, in evaluation mode.
        z: Pre-activations, [N, H].
    """
    z = z.detach().requires_grad_()
    h = _output(activation, z)
    if h.shape != z.shape:
        return None
    if not h.requires_grad:
        return torch.zeros_like(z)
    (slope,) = torch.autograd.grad(h.sum(), z, retain_graph=True)
    if isinstance(activation, Activation):
        return slope
    # v J = v diag(J) for a v of many different numbers only if the Jacobian J of the layer is diagonal.
    v = torch.arange(z.numel(), dtype=z.dtype, device=z.device).cos().view_as(z)
    (product,) = torch.autograd.grad(h, z, v)
    return slope if torch.allclose(product, v * slope, rtol=1e-4, atol=1e-6) else None


def before_last_update(
    perceptron: nn.Module, optimizer: torch.optim.Optimizer, learning_rate: float
) -> dict[str, Tensor] | None:
    """Return the parameters before the latest step of Adam, which its moments tell.

    Args:
        perceptron: Some of the optimiser's parameters.
        optimizer: What updates them.
        learning_rate: Of the latest step; a group's ``lr_scale`` multiplies it.

    Returns:
        Tensors by name, exact to rounding; None before the first step, or for another optimiser than Adam.
    """
    if type(optimizer) is not torch.optim.Adam:
        return None
    before = {}
    names = {parameter: name for name, parameter in perceptron.named_parameters()}
    for group in optimizer.param_groups:
        rate = learning_rate * group.get("lr_scale", 1.0)
        beta1, beta2 = group["betas"]
        for parameter in names.keys() & set(group["params"]):
            state = optimizer.state.get(parameter, {})
            count = int(state.get("step", 0))
            if count == 0:
                return None
            root = state["exp_avg_sq"].sqrt() / (1 - beta2**count) ** 0.5 + group["eps"]
            step = rate / (1 - beta1**count) * state["exp_avg"] / root
            before[names[parameter]] = (parameter.detach() + step) / (1 - rate * group["weight_decay"])
    return before


@torch.no_grad()
def _hidden_layers(modules: Sequence[nn.Module], x: Tensor) -> list[tuple[Tensor, nn.Module, Tensor]]:
    """Return pre-activations, activation and its outputs of each hidden layer."""
    layers = []
    for module in modules:
        before, x = x, _output(module, x)
        if not isinstance(module, nn.Linear | nn.LayerNorm):
            layers.append((before, module, x))
    return layers


def _output(module: nn.Module, x: Tensor) -> Tensor:
    """Return a module's output; one of other people's may overwrite its input, and so is given a copy."""
    output: Tensor = module(x if isinstance(module, Activation | nn.Linear | nn.LayerNorm) else x.clone())
    return output


def _ranks(network: str, features: np.ndarray) -> Values:
    """Return the ranks of the features that the output layer sees, [N, H]; undetermined if not finite."""
    try:
        sigma = units.singular_values(features)
    except np.linalg.LinAlgError:
        return {f"rank/{kind}/{network}": None for kind in ("effective", "srank", "stable", "feature")}
    return {
        f"rank/effective/{network}": units.effective_rank(sigma),
        f"rank/srank/{network}": units.srank(sigma),
        f"rank/stable/{network}": units.stable_rank(sigma),
        f"rank/feature/{network}": units.feature_rank(sigma, len(features)),
    }


def _norm(tensors: Sequence[Tensor | None]) -> float | None:
    """Return the Euclidean norm of all numbers together; None if a tensor is missing."""
    present = [tensor.detach() for tensor in tensors if tensor is not None]
    if len(present) < len(tensors):
        return None
    return float(torch.stack([tensor.norm() for tensor in present]).norm())


def _summary(parameter: str, numbers: np.ndarray) -> list[tuple[str, float]]:
    """Return label and value of a few numbers each, or of the mean and spread of many."""
    if len(numbers) == 1:
        return [(parameter, float(numbers[0]))]
    if len(numbers) <= _FEW:
        return [(f"{parameter}.{position}", float(n)) for position, n in enumerate(numbers, start=1)]
    return [(f"{parameter}.mean", float(numbers.mean())), (f"{parameter}.spread", float(numbers.std()))]


def _random_transitions(
    make_env: Callable[[], Env], dice: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Return observations [N, O] and random actions [N, A] in [-1, 1] of a new environment."""
    env = make_env()
    space = env.action_space
    assert isinstance(space, Box)
    actions = dice.uniform(-1, 1, (SAMPLE_SIZE, *space.shape)).astype(np.float32)
    scaled = space.low + (actions + 1) / 2 * (space.high - space.low)
    observations = []
    try:
        observation, _ = env.reset(seed=int(dice.randint(2**30)))
        for action in scaled:
            observations.append(observation)
            observation, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                observation, _ = env.reset()
    finally:
        env.close()
    return np.array(observations), actions
