"""Hidden widths at which networks with one activation have as many parameters as networks with another.

Activations that change the width of a layer (CReLU, Maxout, the GLU family) or learn many numbers make
networks of another size at the same `--net`. A comparison at equal numbers of parameters needs other widths.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from gymnasium import spaces

from swimrl.activations import ActivationFactory
from swimrl.activations.language.spec import ActivationSpec
from swimrl.activations.torch.factory import output_width
from swimrl.errors import FormulaError
from swimrl.td3.architecture import Architecture
from swimrl.td3.network import mlp
from swimrl.training import build
from swimrl.training.config import TrainConfig

Specs = tuple[ActivationSpec, ...]

_CRITICS = 2
_MOST_PARTS = 64  # no activation of the catalogue divides a layer by more


@dataclass(frozen=True)
class Networks:
    """Actor and critics of a run, without their widths.

    Args:
        observation_size: O.
        action_size: A.
        actor: Factory of the activation of each hidden layer of the actor.
        critic: The same for the critics.
        layer_norm: Whether each pre-activation is normalised.
    """

    observation_size: int
    action_size: int
    actor: tuple[ActivationFactory, ...]
    critic: tuple[ActivationFactory, ...]
    layer_norm: bool

    def count_parameters(self, net: Architecture) -> int:
        """Return how many numbers actor and critics learn with these hidden layers, without targets."""
        with torch.device("meta"):  # shapes without numbers
            actor = mlp(self.observation_size, self.action_size, net, self.actor, layer_norm=self.layer_norm)
            critic = mlp(
                self.observation_size + self.action_size, 1, net, self.critic, layer_norm=self.layer_norm
            )
        sizes = [sum(p.numel() for p in network.parameters()) for network in (actor, critic)]
        return sizes[0] + _CRITICS * sizes[1]

    def accepted(self, layer: int, width: int, expansion: int) -> int:
        """Return the first width from ``width`` on that this layer's activations can take.

        They stand behind ``expansion`` times as many units.
        """
        for larger in range(width, width + _MOST_PARTS):
            try:
                with torch.device("meta"):
                    for factories in (self.actor, self.critic):
                        inner = expansion * larger
                        output_width(factories[layer](inner), inner)
            except FormulaError:
                continue
            return larger
        return width  # building the network raises an error that explains it


def matched_architecture(
    config: TrainConfig, actor: Specs, critic: Specs, reference_activations: Specs
) -> Architecture:
    """Return the hidden layers that `match_parameters` asks for.

    All hidden layers are scaled by one factor, so that actor and critics together have as nearly as possible
    as many parameters as with the reference activations at the widths `net`. A width that an activation
    cannot divide is rounded up to the next that it can.

    Args:
        config: The settings, with their widths before.
        actor: Activations of the actor, one for each hidden layer.
        critic: Activations of the critics.
        reference_activations: Activations of the networks whose parameters are counted.

    Raises:
        SwimrlError: If an activation cannot be used, or the environment cannot be made.
    """
    environment = build.build_environment(config)
    observation_size = spaces.flatdim(environment.observation_space)
    action_size = spaces.flatdim(environment.action_space)
    environment.close()
    networks, reference = (
        Networks(observation_size, action_size, _factories(pi), _factories(qf), config.td3.layer_norm)
        for pi, qf in ((actor, critic), (reference_activations, reference_activations))
    )
    net = config.architecture
    widths = net.widths
    expansion = net.inner_widths[0] // widths[0]
    wanted = reference.count_parameters(net)

    def scaled(first: int) -> Architecture:
        """Return all widths, scaled so that the first becomes about ``first``."""
        wished = (max(1, round(width * first / widths[0])) for width in widths)
        return net.with_widths(
            [networks.accepted(layer, width, expansion) for layer, width in enumerate(wished)]
        )

    def is_large_enough(first: int) -> bool:
        return networks.count_parameters(scaled(first)) >= wanted

    # The count grows with the widths: double them until they suffice, then halve the interval.
    low, high = 1, widths[0]
    while not is_large_enough(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_large_enough(middle) else (middle, high)
    return min(scaled(low), scaled(high), key=lambda w: abs(networks.count_parameters(w) - wanted))


def _factories(specs: Specs) -> tuple[ActivationFactory, ...]:
    return tuple(map(ActivationFactory, specs))
