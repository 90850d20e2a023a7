"""The networks of actor and critic, and their initial weights.

Letters in shapes: B batch, I inputs, O outputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import nn

from swimrl.activations import variance_gain
from swimrl.activations.torch.factory import output_width
from swimrl.errors import ConfigError, FormulaError
from swimrl.td3.architecture import Architecture, Net
from swimrl.td3.config import Initialisation


class MakesActivation(Protocol):
    """Makes the activation of a hidden layer, as `swimrl.activations.ActivationFactory` does."""

    @property
    def is_shared(self) -> bool:
        """Whether all layers of a network use one and the same module."""

    def __call__(self, width: int) -> nn.Module:
        """Return a new module for a layer of ``width`` units."""


@dataclass(frozen=True)
class AnyWidth:
    """Makes an activation with a callable that takes no arguments, such as a module's class.

    Args:
        make: Returns a new module on each call.
    """

    make: Callable[[], nn.Module]
    is_shared = False

    def __call__(self, width: int) -> nn.Module:
        """Return a new module; the width is not passed on."""
        return self.make()


class Residual(nn.Sequential):
    """A residual block: x + branch(x) for a branch of modules one after the other."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x + branch(x); [B, N] -> [B, N]."""
        branch: torch.Tensor = super().forward(x)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return x + branch


def mlp(
    inputs: int,
    outputs: int,
    hidden: Net | Architecture,
    activations: Sequence[MakesActivation],
    *,
    layer_norm: bool = False,
    squash: bool = False,
) -> nn.Sequential:
    """Return a network [B, inputs] -> [B, outputs].

    Without layer norm and residual blocks its modules are numbered as Stable-Baselines3's ``create_mlp``
    numbers them, so that weights pass from one to the other.

    Args:
        inputs: Width of the input.
        outputs: Width of the output.
        hidden: Its hidden layers or residual blocks.
        activations: One maker for each hidden layer or block; each call makes a new module, so that layers
            share nothing by accident.
        layer_norm: Whether to normalise each pre-activation.
        squash: Whether to end in tanh.
    """
    architecture = hidden if isinstance(hidden, Architecture) else Architecture.of(hidden)
    block = architecture.block
    shared: dict[MakesActivation, nn.Module] = {}
    layers: list[nn.Module] = []
    width = inputs
    if block is not None:
        width = architecture.widths[0]
        layers.append(nn.Linear(inputs, width))
    for size, factory in zip(architecture.inner_widths, activations, strict=True):
        layer, outer = _hidden_layer(width, size, factory, layer_norm, shared)
        if block is None:
            layers += layer
            width = outer
        else:
            norm = [nn.LayerNorm(width)] if block.norm else []
            layers.append(Residual(*norm, *layer, nn.Linear(outer, width)))
    if block is not None and block.norm:
        layers.append(nn.LayerNorm(width))
    layers.append(nn.Linear(width, outputs))
    if squash:
        layers.append(nn.Tanh())
    return nn.Sequential(*layers)


def _hidden_layer(
    inputs: int,
    width: int,
    factory: MakesActivation,
    layer_norm: bool,
    shared: dict[MakesActivation, nn.Module],
) -> tuple[list[nn.Module], int]:
    """Return the modules of a hidden layer, and the width of its output.

    Args:
        inputs: Width of its input.
        width: Its number of units.
        factory: Makes the activation.
        layer_norm: Whether to normalise the pre-activations.
        shared: The activations that layers share (granularity=network), filled here.
    """
    modules: list[nn.Module] = [nn.Linear(inputs, width)]
    if layer_norm:
        modules.append(nn.LayerNorm(width))
    activation = factory(width)
    if factory.is_shared:
        activation = shared.setdefault(factory, activation)
    # CReLU doubles the width, Maxout and GLUs divide it.
    return [*modules, activation], output_width(activation, width)


@torch.no_grad()
def initialise(network: nn.Sequential, scheme: Initialisation, *, output_gain: float) -> None:
    """Draw the initial weights of a perceptron from PyTorch's global generator.

    The draws depend on the layers' sizes alone, never on their activations. They are made on the
    processor in float32, so that every device starts from the same numbers.

    - ``torch``: weights and biases uniform in +-1/sqrt(I), which is ``nn.Linear``'s own default.
    - ``variance``: the same draws; the weights of a layer that follows a hidden activation f, the output
      layer excepted, are rescaled to the variance gain / I with gain = 1 / E[f(z)^2], z ~ N(0, 1)
      (He et al. 2015, eq. 10, for any f); a layer that follows none, such as the first, gets gain 1.
    - ``orthogonal``: orthogonal weights with gain sqrt(2) and zero biases (Saxe et al. 2013; the gains
      that PPO implementations use); the output layer has ``output_gain``.

    Args:
        network: The perceptron, as `mlp` makes it.
        scheme: How to draw.
        output_gain: Gain of the output layer under ``orthogonal``.
    """
    linears = linear_layers(network)
    gains = layer_gains(network) if scheme == "variance" else []
    for position, linear in enumerate(linears):
        is_output = position == len(linears) - 1
        weight, bias = torch.empty(linear.weight.shape), torch.empty(linear.bias.shape)
        if scheme == "orthogonal":
            nn.init.orthogonal_(weight, gain=output_gain if is_output else math.sqrt(2))
            bias.zero_()
        else:
            bound = 1 / math.sqrt(linear.in_features)
            weight.uniform_(-bound, bound)
            bias.uniform_(-bound, bound)
            if scheme == "variance" and not is_output:
                gain = gains[position]
                if gain is None:
                    feeding = _feeding(network)[position]
                    raise ConfigError(
                        f"initial weights 'variance' need an activation that works on single numbers and "
                        f"has a gain; {feeding} has none; use 'torch' or 'orthogonal'"
                    )
                # A uniform draw in +-bound has the variance bound^2 / 3 = 1 / (3 I).
                weight.mul_(math.sqrt(3 * gain))
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)


def leaves(modules: Iterable[nn.Module]) -> Iterator[nn.Module]:
    """Yield the modules of a network in order, those inside of residual blocks in their place."""
    for module in modules:
        if isinstance(module, Residual):
            yield from leaves(module)
        else:
            yield module


def hidden_activations(network: nn.Sequential) -> list[nn.Module]:
    """Return the activation of each hidden layer, without the tanh at an actor's output."""
    return [activation for _, activation in hidden_pairs(network)]


def linear_layers(network: nn.Sequential) -> list[nn.Linear]:
    """Return the linear layers, the one at the input first."""
    return [module for module in leaves(network) if isinstance(module, nn.Linear)]


def hidden_pairs(network: nn.Sequential) -> list[tuple[nn.Linear, nn.Module]]:
    """Return the linear layer and the activation of each hidden layer."""
    modules = list(leaves(network))
    output = max(number for number, module in enumerate(modules) if isinstance(module, nn.Linear))
    pairs = []
    for module in modules[:output]:
        if isinstance(module, nn.Linear):
            linear = module
        elif not isinstance(module, nn.LayerNorm):
            pairs.append((linear, module))
    return pairs


def layer_gains(network: nn.Sequential) -> list[float | None]:
    """Return 1 / E[f(z)^2] of the activation that feeds each linear layer; 1 where none does.

    An activation without a gain, such as one that mixes the units of a layer, gives None.
    """
    return [1.0 if feeding is None else _gain(feeding) for feeding in _feeding(network)]


def _feeding(network: nn.Sequential) -> list[nn.Module | None]:
    """Return the activation in front of each linear layer; None at the input and behind a residual block."""
    feeding: list[nn.Module | None] = []
    activation: nn.Module | None = None
    for module in leaves(network):
        if isinstance(module, nn.Linear):
            feeding.append(activation)
            activation = None
        elif not isinstance(module, nn.LayerNorm):
            activation = module
    return feeding


def _gain(activation: nn.Module) -> float | None:
    try:
        return variance_gain(activation)
    # A module that needs a whole layer refuses single numbers, each with an error of its own.
    except (FormulaError, RuntimeError, ValueError, IndexError):
        return None
