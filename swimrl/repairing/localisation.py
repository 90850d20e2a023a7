"""Which few weights matter for the inputs that fail and not for those that pass (Arachne, arXiv 1912.12463).

Each weight gets two costs on each set of inputs. The gradient loss is |sum over inputs of dloss/dw|. The
forward impact is ``front * behind``: the weight's mean share of the input to its unit, times the unit's mean
share of the gradient of the network's outputs. A weight's cost is ``failing / (1 + passing)``, and the places
to repair are the Pareto front that maximises both costs.

Letters in shapes: N inputs, I inputs and U units of a layer, O outputs of the network, L layers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from swimrl.errors import InputError, NonFiniteError
from swimrl.repairing.places import Place, linear_layers

Batch = tuple[torch.Tensor, torch.Tensor]
"""Inputs of a network [N, ...], and what its loss needs beside the outputs, [N, ...], such as labels."""

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Outputs [N, O] and the second part of a batch -> the sum of the losses of all inputs, a scalar."""


def cross_entropy(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Return the sum of the cross-entropies of logits [N, O] and labels, int64 [N]."""
    return nn.functional.cross_entropy(outputs, labels, reduction="sum")


@dataclass(frozen=True)
class Costs:
    """The two costs of every weight; one array [U, I] for each layer."""

    gradient_loss: tuple[np.ndarray, ...]
    forward_impact: tuple[np.ndarray, ...]

    def flat(self) -> tuple[np.ndarray, np.ndarray]:
        """Return both costs with the weights of all layers in one array, [W] each."""
        return _flat(self.gradient_loss), _flat(self.forward_impact)

    def place(self, number: int) -> Place:
        """Return the place of a weight by its number in `flat`."""
        for layer, cost in enumerate(self.gradient_loss):
            if number < cost.size:
                return Place(layer, *divmod(number, int(cost.shape[1])))
            number -= cost.size
        raise IndexError(number)

    def number(self, place: Place) -> int:
        """Return the number of a place in `flat`."""
        before = sum(cost.size for cost in self.gradient_loss[: place.layer])
        width = int(self.gradient_loss[place.layer].shape[1])
        return before + place.row * width + place.column

    def front(self) -> tuple[Place, ...]:
        """Return the weights that no other weight exceeds in both costs, the largest gradient loss first.

        Of weights that are equal in both costs only the first is kept.
        """
        return self._places(pareto_front(*self.flat()))

    def best(self, count: int) -> tuple[Place, ...]:
        """Return ``count`` weights: the Pareto front, then the front of the others, and so on."""
        levels = pareto_levels(*self.flat())
        order = np.lexsort((-self.flat()[0], levels))
        return self._places(order[:count])

    def best_by_gradient(self, count: int) -> tuple[Place, ...]:
        """Return the ``count`` weights with the largest gradient loss."""
        return self._places(np.argsort(-self.flat()[0], kind="stable")[:count])

    def random(self, count: int, generator: np.random.Generator) -> tuple[Place, ...]:
        """Return ``count`` different weights, each equally likely."""
        return self._places(generator.choice(self.flat()[0].size, count, replace=False))

    def layer(self, number: int) -> tuple[Place, ...]:
        """Return all weights of a layer; -1 is the last one."""
        number %= len(self.gradient_loss)
        rows, columns = self.gradient_loss[number].shape
        return tuple(Place(number, row, column) for row in range(rows) for column in range(columns))

    def _places(self, numbers: Sequence[int] | np.ndarray) -> tuple[Place, ...]:
        return tuple(self.place(int(number)) for number in numbers)


def localise(model: nn.Module, failing: Batch, passing: Batch, *, loss: Loss = cross_entropy) -> Costs:
    """Return how much each weight matters for the failing inputs and not for the passing ones.

    Args:
        model: A network whose `torch.nn.Linear` layers run once each in a forward pass. Its outputs should be
            unsquashed (logits, actions before the tanh), because a saturated output hides every gradient.
        failing: The inputs that fail.
        passing: Inputs that pass; Arachne takes as many as there are failing ones.
        loss: The loss whose gradient counts; the cross-entropy of a classifier when not given.

    Raises:
        InputError: If a set is empty, a layer runs never or twice, or a weight has no gradient.
        NonFiniteError: If a cost is NaN or infinite.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> _ = torch.manual_seed(0)
        >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> x, labels = torch.randn(8, 4), torch.zeros(8, dtype=torch.long)
        >>> len(localise(model, (x[:4], labels[:4]), (x[4:], labels[4:])).front()) >= 1
        True
    """
    of_failing, of_passing = _costs(model, failing, loss), _costs(model, passing, loss)
    return Costs(
        _bidirectional(of_failing.gradient_loss, of_passing.gradient_loss),
        _bidirectional(of_failing.forward_impact, of_passing.forward_impact),
    )


def _bidirectional(failing: Sequence[np.ndarray], passing: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    return tuple(f / (1 + p) for f, p in zip(failing, passing, strict=True))


def _costs(model: nn.Module, batch: Batch, loss: Loss) -> Costs:
    """Return the costs on one set of inputs."""
    inputs, targets = batch
    if not len(inputs):
        raise InputError("a set of inputs is empty; expected at least one failing and one passing input")
    layers = linear_layers(model)
    weights = [layer.weight for layer in layers]
    if not all(weight.requires_grad for weight in weights):
        raise InputError("a weight of the network has requires_grad=False; set it to True to localise faults")
    with torch.enable_grad(), _watched(layers) as passes:
        outputs = model(inputs)
        _check_passes(passes, layers)
        values = _values_of_units(passes, layers)
        sensitivities = torch.autograd.grad(outputs.sum(), values[:-1], retain_graph=True)
        gradients = torch.autograd.grad(loss(outputs, targets), weights)
    last = torch.ones_like(values[-1])  # each output is its own unit
    by_layer = dict(zip([p.layer for p in passes], [*sensitivities, last], strict=True))
    seen = {p.layer: p.inputs.detach() for p in passes}
    impacts = tuple(
        _forward_impact(seen[number], layer.weight.detach(), by_layer[number])
        for number, layer in enumerate(layers)
    )
    losses = tuple(gradient.abs().double().cpu().numpy() for gradient in gradients)
    if not all(np.isfinite(cost).all() for cost in (*impacts, *losses)):
        raise NonFiniteError(
            "a gradient of the network is NaN or infinite on these inputs, so its weights cannot be ranked; "
            "check the inputs and the weights"
        )
    return Costs(losses, impacts)


def _forward_impact(inputs: torch.Tensor, weight: torch.Tensor, sensitivity: torch.Tensor) -> np.ndarray:
    """Return front * behind of a layer, float64 [U, I].

    With S[n, j] = sum_k |o[n, k] w[j, k]| the mean over n of |o[n, i] w[j, i]| / S[n, j] is
    |w[j, i]| * (1 / S)^T |o| / N, so that no array [N, U, I] is needed.

    Args:
        inputs: The layer's input o, [N, I].
        weight: The layer's weights w, [U, I].
        sensitivity: Gradient of the sum of the network's outputs at the layer's units, [N, U].
    """
    o, w, g = inputs.double().abs(), weight.double().abs(), sensitivity.double().abs()
    front = w * (_reciprocal(o @ w.T).T @ o) / len(o)
    behind = (g * _reciprocal(g.sum(dim=1, keepdim=True))).mean(dim=0)
    impact: np.ndarray = (front * behind[:, None]).cpu().numpy()
    return impact


def _reciprocal(x: torch.Tensor) -> torch.Tensor:
    """Return 1 / x, and 0 where x is 0: a sum of zeros has no shares."""
    return torch.where(x > 0, 1 / x, 0.0)


@dataclass(frozen=True)
class _Pass:
    """What went through one layer."""

    layer: int
    inputs: torch.Tensor
    outputs: torch.Tensor


@contextmanager
def _watched(layers: Sequence[nn.Linear]) -> Iterator[list[_Pass]]:
    """Yield a list that receives the passes through the layers, in the order in which they happen."""
    passes: list[_Pass] = []

    def keep(layer: nn.Module, inputs: tuple[torch.Tensor], outputs: torch.Tensor) -> None:
        passes.append(_Pass(numbers[layer], inputs[0], outputs))

    numbers: dict[nn.Module, int] = {layer: number for number, layer in enumerate(layers)}
    handles = [layer.register_forward_hook(keep) for layer in layers]
    try:
        yield passes
    finally:
        for handle in handles:
            handle.remove()


def _check_passes(passes: Sequence[_Pass], layers: Sequence[nn.Linear]) -> None:
    if sorted(p.layer for p in passes) != list(range(len(layers))):
        raise InputError(
            f"the network's {len(layers)} linear layers ran {len(passes)} times in one forward pass; "
            "expected each of them once"
        )
    if any(p.inputs.ndim != 2 for p in passes):
        shape = list(next(p.inputs.shape for p in passes if p.inputs.ndim != 2))
        raise InputError(f"a linear layer received an input of shape {shape}; expected [inputs, width]")


def _values_of_units(passes: Sequence[_Pass], layers: Sequence[nn.Linear]) -> list[torch.Tensor]:
    """Return the value of each layer's units after the activation, [N, U].

    It is the input of the layer that runs next, so that it is behind a normalisation or a skip connection
    too. An activation that changes the width, such as CReLU, mixes units; then it is the value before the
    activation.
    """
    following: list[torch.Tensor | None] = [*(p.inputs for p in passes[1:]), None]
    return [
        p.outputs if after is None or after.shape != p.outputs.shape else after
        for p, after in zip(passes, following, strict=True)
    ]


def pareto_front(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the numbers of the points [W] that no other point reaches in both coordinates, int [D].

    The largest first coordinate comes first. Of equal points only the first is kept.

    Example:
        >>> pareto_front(np.array([3.0, 1.0, 2.0, 1.0]), np.array([1.0, 3.0, 2.0, 2.0]))
        array([0, 2, 1])
    """
    order = np.lexsort((-second, -first))
    highest_before = np.concatenate([[-np.inf], np.maximum.accumulate(second[order])[:-1]])
    front: np.ndarray = order[second[order] > highest_before]
    return front


def pareto_levels(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the level of each point, int [W]: 0 on the Pareto front, 1 on the front of the others, ...

    Equal points lie on consecutive levels.
    """
    levels = np.empty(len(first), int)
    # The negative of the largest second coordinate on each level so far; it grows from level to level.
    lowest: list[float] = []
    for number in np.lexsort((-second, -first)):
        value = -float(second[number])
        level = bisect_right(lowest, value)  # the first that holds a smaller coordinate
        if level == len(lowest):
            lowest.append(value)
        else:
            lowest[level] = value
        levels[number] = level
    return levels


def _flat(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([array.ravel() for array in arrays])
