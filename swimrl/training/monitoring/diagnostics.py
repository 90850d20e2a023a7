"""Measurements inside actor and critics, on a sample of transitions during a run.

A diagnosis changes nothing: random numbers come from the stream "diagnostics", and networks, optimisers and
buffer are only read. A run with diagnostics and one without give the same bytes.

A number that the data cannot give is None ("undetermined"). `swimrl.runs.series` defines each series.

Letters in shapes: N transitions of the sample, O observation, A action, H units of a layer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from swimrl.envs.make import Env
from swimrl.runs import series
from swimrl.td3.agent import TD3
from swimrl.td3.network import hidden_activations, hidden_pairs
from swimrl.td3.policy import perceptrons
from swimrl.training.monitoring import units
from swimrl.training.monitoring.gait import Gait
from swimrl.training.monitoring.layers import (
    elementwise_slope,
    hidden_layers,
    named_perceptrons,
    shown_parameters,
)
from swimrl.training.monitoring.sample import Sample, Sampler

# Thresholds of dormancy that the authors use.
_TAUS = ((0.1, series.DORMANT, series.IDLE), (0.025, series.DORMANT_SMALL_TAU, series.IDLE_SMALL_TAU))

_FEW = 8  # an activation with more learned parameters in a layer shows their mean and spread

Values = dict[str, float | None]
"""Numbers by the name of their series; None is undetermined."""


@dataclass(frozen=True)
class Findings:
    """The results of one diagnosis."""

    values: Values = field(default_factory=dict)

    pre_activations: dict[str, np.ndarray] = field(default_factory=dict)
    """Pre-activations [N, H] of each hidden layer, such as ``actor.layer1``."""


class Diagnostics:
    """Measures what the networks of an agent do.

    Args:
        agent: The agent in training.
        make_env: Makes an environment like those it is trained in, for a sample before the buffer is full.
        bound: Pre-activations outside [-bound, bound] are counted.
        flat: Slopes of activations, and of the actor's tanh, below it count as saturated.
    """

    def __init__(self, agent: TD3, make_env: Callable[[], Env], *, bound: float, flat: float) -> None:
        self._agent = agent
        self._sampler = Sampler(agent, make_env)
        self._bound = bound
        self._flat = flat

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Put the networks in evaluation mode, and let random numbers come from the stream "diagnostics".

        Overflow is silenced here; training reports a network that diverges.
        """
        self._agent.policy.set_training_mode(False)
        borrowed = self._agent.streams.borrow(numpy="diagnostics", torch="diagnostics")
        with borrowed, np.errstate(all="ignore"):
            yield

    def networks(self) -> Findings:
        """Return the measurements of actor and critics on a sample."""
        agent, findings = self._agent, Findings()
        with self.looking():
            sample = self._sampler.draw()
            findings.values.update(self._parameters())
            if sample is not None:
                for name, perceptron in named_perceptrons(agent):
                    x = sample.observations if name == "actor" else sample.observations_actions
                    self._look_at_layers(name, perceptron, x, findings)
                    findings.values[series.STEP_SIZE.at(name)] = self._step_size(name, perceptron, x)
                findings.values.update(self._gradients(sample))
        return findings

    def evaluation(self, gait: Gait) -> Values:
        """Return measurements of an evaluation beside its score: the critics' bias, and effort of the motion.

        The bias is the value that critic 1 gives to the policy's own action in the start states, which the
        actor maximises, minus the mean discounted return from there.
        """
        agent = self._agent
        with self.looking(), torch.no_grad():
            states = self._sampler.seen(gait.starts())
            (mu,), critic = perceptrons(agent.actor), perceptrons(agent.critic)[0]
            estimate = float(critic(torch.cat([states, mu(states)], dim=1)).mean())
        measured = gait.discounted_return(agent.gamma)
        return {
            series.VALUE_ESTIMATE.at(): estimate,
            series.VALUE_RETURN.at(): measured,
            series.VALUE_BIAS.at(): None if measured is None else estimate - measured,
            **gait.effort(),
        }

    def _look_at_layers(self, name: str, perceptron: nn.Sequential, x: Tensor, findings: Findings) -> None:
        values = findings.values
        output = max(number for number, module in enumerate(perceptron) if isinstance(module, nn.Linear))
        layers, last = hidden_layers(list(perceptron)[:output], x)
        for number, (z, activation, h) in enumerate(layers, start=1):
            layer, pre, features = f"{name}.layer{number}", z.cpu().numpy(), h.cpu().numpy()
            slope = elementwise_slope(activation, z)
            findings.pre_activations[layer] = pre
            values[series.DEAD.at(layer)] = units.dead_share(features)
            for tau, dormant, idle in _TAUS:
                values[dormant.at(layer)] = units.dormant_share(features, tau)
                values[idle.at(layer)] = units.dormant_share(features, tau, centred=True)
            values[series.SATURATED.at(layer)] = (
                None if slope is None else units.saturated_share(slope.cpu().numpy(), self._flat)
            )
            values[series.PREACTIVATION_MEAN.at(layer)] = float(pre.mean(dtype=np.float64))
            values[series.PREACTIVATION_SPREAD.at(layer)] = float(pre.std(dtype=np.float64))
            values[series.PREACTIVATION_LARGEST.at(layer)] = float(np.abs(pre).max())
            values[series.PREACTIVATION_OUTSIDE.at(layer)] = units.outside_share(pre, self._bound)
        values.update(_ranks(name, last.cpu().numpy()))
        if name == "actor":
            with torch.no_grad():
                actions = perceptron(x).cpu().numpy()
            values[series.SATURATED_OUTPUT.at()] = units.saturated_share(1 - actions**2, self._flat)

    @torch.no_grad()
    def _step_size(self, name: str, perceptron: nn.Sequential, x: Tensor) -> float | None:
        """Return the root mean square change of the outputs by the latest update, over the sample."""
        agent = self._agent
        optimizer = (agent.actor if name == "actor" else agent.critic).optimizer
        before = before_last_update(perceptron, optimizer, agent.current_learning_rate)
        if before is None:
            return None
        # tie_weights would lose the parameters of a module that stands in two layers (granularity=network).
        change = perceptron(x) - functional_call(perceptron, before, x, tie_weights=False)
        return float(change.pow(2).mean().sqrt())

    def _gradients(self, sample: Sample) -> Values:
        """Return the norms of weights and gradients, and the TD errors."""
        agent = self._agent
        observations, replay = sample.observations, sample.replay
        (mu,), critics = perceptrons(agent.actor), perceptrons(agent.critic)
        losses: list[Tensor | None] = [-critics[0](torch.cat([observations, mu(observations)], dim=1)).mean()]
        values: Values = {}
        target = None if replay is None else self._target(replay)
        for number, critic in enumerate(critics, start=1):
            values[series.TD_ERROR.at(f"critic{number}")] = None
            losses.append(None)
            if target is not None:
                q = critic(sample.observations_actions)
                losses[-1] = functional.mse_loss(q, target)
                values[series.TD_ERROR.at(f"critic{number}")] = float((q.detach() - target).abs().mean())
        for (name, perceptron), loss in zip(named_perceptrons(agent), losses, strict=True):
            parameters = list(perceptron.parameters())
            gradients: list[Tensor | None] = [None] * len(parameters)
            if loss is not None:
                # materialize_grads: a module may hold a parameter that its output does not depend on
                gradients = list(torch.autograd.grad(loss, parameters, materialize_grads=True))
            of: dict[Tensor, Tensor | None] = dict(zip(parameters, gradients, strict=True))
            values[series.WEIGHTS_OF_NET.at(name)] = _norm(parameters)
            values[series.GRADIENT_OF_NET.at(name)] = _norm(gradients)
            for number, (linear, _) in enumerate(hidden_pairs(perceptron), start=1):
                values[series.WEIGHTS_OF_LAYER.at(f"{name}.layer{number}")] = _norm([linear.weight])
                values[series.GRADIENT_OF_LAYER.at(f"{name}.layer{number}")] = _norm([of[linear.weight]])
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
        """Return the learned parameters of each activation, as its formula uses them."""
        values: Values = {}
        for name, perceptron in named_perceptrons(self._agent):
            for number, activation in enumerate(hidden_activations(perceptron), start=1):
                for parameter, numbers in shown_parameters(activation).items():
                    for label, value in _summary(parameter, numbers):
                        values[series.PARAMETER.at(label, f"{name}.layer{number}")] = value
        return values


def before_last_update(
    perceptron: nn.Module, optimizer: torch.optim.Optimizer, learning_rate: float
) -> dict[str, Tensor] | None:
    """Return the parameters before the latest step of Adam, computed from its moments.

    Args:
        perceptron: A network whose parameters the optimiser updates.
        optimizer: The optimiser.
        learning_rate: Learning rate of the latest step; a group's ``lr_scale`` multiplies it.

    Returns:
        Tensors by name, exact up to rounding; None before the first step, or for another optimiser than Adam.
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


def _ranks(network: str, features: np.ndarray) -> Values:
    """Return the ranks of the features that the output layer sees, [N, H]; undetermined if not finite."""
    try:
        sigma = units.singular_values(features)
    except np.linalg.LinAlgError:
        return {one.at(network): None for one in series.DIAGNOSTICS["Ranks of the last hidden layer"]}
    return {
        series.EFFECTIVE_RANK.at(network): units.effective_rank(sigma),
        series.SRANK.at(network): units.srank(sigma),
        series.STABLE_RANK.at(network): units.stable_rank(sigma),
        series.FEATURE_RANK.at(network): units.feature_rank(sigma, len(features)),
    }


def _norm(tensors: Sequence[Tensor | None]) -> float | None:
    """Return the Euclidean norm of all numbers together; None if a tensor is missing."""
    present = [tensor.detach() for tensor in tensors if tensor is not None]
    if len(present) < len(tensors):
        return None
    return float(torch.stack([tensor.norm() for tensor in present]).norm())


def _summary(parameter: str, numbers: np.ndarray) -> list[tuple[str, float]]:
    """Return label and value of each of a few numbers, or of the mean and the spread of many."""
    if len(numbers) == 1:
        return [(parameter, float(numbers[0]))]
    if len(numbers) <= _FEW:
        return [(f"{parameter}.{position}", float(n)) for position, n in enumerate(numbers, start=1)]
    return [(f"{parameter}.mean", float(numbers.mean())), (f"{parameter}.spread", float(numbers.std()))]
