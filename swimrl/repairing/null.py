"""The null: random changes of random weights that change the actions as much as the repair does.

Contact dynamics are chaotic, so any small change makes other starts fail. A repair must therefore be compared
with changes of equal size that nobody searched.

Letters in shapes: N observations, D places.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from swimrl.repairing.localisation import Costs
from swimrl.repairing.places import Place, SearchSpace, patched

_BISECTIONS = 30
_LARGEST = 64.0
"""The largest factor by which a drawn change is scaled."""


@torch.no_grad()
def action_change(
    actor: nn.Module, places: Sequence[Place], values: np.ndarray, inputs: torch.Tensor
) -> float:
    """Return the mean absolute change of the actor's actions in [-1, 1] at some inputs [N, I].

    Args:
        actor: The network, with its final tanh.
        places: The places that change, D.
        values: Their new values, [D].
        inputs: What the network receives.
    """
    before = actor(inputs)
    with patched(actor, places, values):
        after = actor(inputs)
    return float((after - before).abs().double().mean())


def random_patch(
    actor: nn.Module,
    costs: Costs,
    count: int,
    change: float,
    inputs: torch.Tensor,
    generator: np.random.Generator,
) -> tuple[tuple[Place, ...], np.ndarray]:
    """Return random places and values that change the actions by ``change`` on average.

    The direction is a normal draw with the deviations of the weight matrices; its length follows by
    bisection. Where even a very long step changes the actions less, that step is returned.

    Args:
        actor: The network, with its final tanh.
        costs: Costs of its weights, of which only the shapes are used.
        count: Number of places, D.
        change: The mean absolute change of an action in [-1, 1].
        inputs: What the network receives, [N, I].
        generator: Draws places and directions.
    """
    places = costs.random(count, generator)
    space = SearchSpace.of(actor, places)
    direction = generator.normal(0, space.deviation)
    low, high = 0.0, 1.0
    while high < _LARGEST and action_change(actor, places, space.values + high * direction, inputs) < change:
        low, high = high, 2 * high
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if action_change(actor, places, space.values + middle * direction, inputs) < change:
            low = middle
        else:
            high = middle
    return places, space.values + high * direction
