"""One network's parameters, their gradients, Adam's moments and the target's parameters as flat arrays.

The network's own `torch.nn.Parameter` objects, the target's, and the optimiser's state are views into these
arrays. So PyTorch code that reads or writes them (saving, loading, evaluating, Stable-Baselines3's own
update) uses the same numbers.

N stands for the number of parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np
import torch
from torch import nn

from swimrl.td3.engine import kernels
from swimrl.td3.engine.watch import are_the_same, why_not_optimizer

Call = Callable[[], object]

_requires_grad = attrgetter("requires_grad")


class FlatNetwork:
    """A network and its target, laid out flat in the order of the optimiser's parameter groups.

    Args:
        network: The network to train.
        target: Its Polyak average.
        optimizer: Adam over the network's parameters.
        shares: T, how many threads compute the gradient of their part of a minibatch.

    Attributes:
        p: Parameters, [N].
        gradients: The gradient of each thread's part, [T, N]. Their sum replaces the first one.
        target: The target's parameters, [N].
    """

    def __init__(
        self, network: nn.Module, target: nn.Module, optimizer: torch.optim.Optimizer, shares: int = 1
    ) -> None:
        self.shares = shares
        self.optimizer = optimizer
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        counterpart = dict(zip(network.parameters(), target.parameters(), strict=True))
        self.target_parameters = [counterpart[p] for p in self.parameters]
        self.offsets = np.cumsum([0, *(p.numel() for p in self.parameters)]).tolist()
        self.adopt()

    @torch.no_grad()
    def adopt(self) -> None:
        """Copy all numbers into new flat arrays and make PyTorch's tensors views into them."""
        self._p = torch.cat([p.flatten() for p in self.parameters])
        self._target = torch.cat([p.flatten() for p in self.target_parameters])
        self._m, self._v = (torch.zeros_like(self._p) for _ in range(2))
        self._gradients = self._p.new_zeros(self.shares, len(self._p))
        self._steps = torch.zeros(len(self.parameters))
        for position, (p, t) in enumerate(zip(self.parameters, self.target_parameters, strict=True)):
            state = self.optimizer.state[p]
            if state:
                self._view(self._m, position).copy_(state["exp_avg"])
                self._view(self._v, position).copy_(state["exp_avg_sq"])
                self._steps[position] = state["step"]
            p.data = self._view(self._p, position)
            t.data = self._view(self._target, position)
            state["step"] = self._steps[position]
            state["exp_avg"] = self._view(self._m, position)
            state["exp_avg_sq"] = self._view(self._v, position)
        self.p, self.target = self._p.numpy(), self._target.numpy()
        self.gradients = self._gradients.numpy()
        self._m_flat, self._v_flat, self._steps_flat = self._m.numpy(), self._v.numpy(), self._steps.numpy()
        self._counted_steps = self._steps_flat.copy()
        self._group_sizes = self._current_group_sizes()
        self._settings = np.zeros((len(self._group_sizes), 6))
        self._settings[:, 0] = self._steps_flat[0]
        self._settings_read: list[tuple[Any, ...]] = []
        self._state = self.optimizer.state
        self._addresses = self._current_addresses()
        self._objects = list(self._current_objects())

    def _view(self, flat: torch.Tensor, position: int) -> torch.Tensor:
        parameter = self.parameters[position]
        return flat[self.offsets[position] : self.offsets[position + 1]].view(parameter.shape)

    def _current_addresses(self) -> list[int]:
        return [*map(torch.Tensor.data_ptr, chain(self.parameters, self.target_parameters))]

    def _current_objects(self) -> Iterable[object]:
        """Return the parameters in the optimiser's groups, and their moments and steps."""
        groups = (group["params"] for group in self.optimizer.param_groups)
        return chain(*groups, chain.from_iterable(map(dict.values, self._state.values())))

    def _current_group_sizes(self) -> list[int]:
        return [len(group["params"]) for group in self.optimizer.param_groups]

    def intact(self) -> bool:
        """Return whether PyTorch's tensors are still views into the flat arrays, and trained as before.

        Loading can replace them; a user can freeze some, regroup them or replace their moments.
        """
        return (
            self.optimizer.state is self._state  # loading an optimiser replaces it, moments and all
            and are_the_same(self._current_objects(), self._objects)
            and self._current_group_sizes() == self._group_sizes
            and self._steps_flat.tobytes() == self._counted_steps.tobytes()
            and self._addresses == self._current_addresses()
            and all(map(_requires_grad, self.parameters))
            and why_not_optimizer(self.optimizer) is None
        )

    def value(self, parameter: torch.Tensor) -> np.ndarray:
        """Return the view of ``parameter`` as an array of its shape."""
        return self._at(self._p, parameter)

    def gradient(self, parameter: torch.Tensor, share: int = 0) -> np.ndarray:
        """Return the view of a thread's gradient by ``parameter`` as an array of its shape."""
        return self._at(self._gradients[share], parameter)

    def span(self, parameters: Sequence[torch.Tensor]) -> slice:
        """Return the slice of the flat arrays that holds these parameters, which must follow each other."""
        first, last = (self._position(parameters[end]) for end in (0, -1))
        assert [self.parameters[i] is p for i, p in enumerate(parameters, first)] == [True] * len(parameters)
        return slice(self.offsets[first], self.offsets[last + 1])

    def _position(self, parameter: torch.Tensor) -> int:
        (position,) = (i for i, p in enumerate(self.parameters) if p is parameter)
        return position

    def _at(self, flat: torch.Tensor, parameter: torch.Tensor) -> np.ndarray:
        return self._view(flat, self._position(parameter)).numpy()

    def read_settings(self) -> None:
        """Read the optimiser's present settings; a step of Adam uses those that were read last."""
        groups = self.optimizer.param_groups
        present = [(group["lr"], *group["betas"], group["eps"], group["weight_decay"]) for group in groups]
        if present != self._settings_read:
            self._settings[:, 1:] = present
            self._settings_read = present

    def count_step(self) -> Call:
        """Return the call that counts one more step of Adam, which one thread makes before the step."""
        return partial(kernels.count_step, self._steps_flat, self._counted_steps, self._settings)

    def adam(self, share: int = 0) -> list[Call]:
        """Return the calls that take a thread's part of a step of Adam, each group with its own settings.

        `read_settings` and `count_step` must come before them.
        """
        calls: list[Call] = []
        for part, settings in zip(self._parts(share), self._settings, strict=True):
            if self.shares > 1:
                calls.append(partial(kernels.sum_shares, self.gradients[:, part]))
            flat = self.p, self.gradients[0], self._m_flat, self._v_flat
            calls.append(partial(kernels.adam, *(x[part] for x in flat), settings))
        return calls

    def polyak(self, tau: float, share: int = 0) -> list[Call]:
        """Return the calls that move a thread's part of the target towards the network.

        The target becomes target (1 - tau) + tau network.
        """
        return [partial(kernels.polyak, self.target[part], self.p[part], tau) for part in self._parts(share)]

    def _parts(self, share: int) -> list[slice]:
        """Return a thread's own part of each group of parameters."""
        parts = []
        first = 0
        for size in self._group_sizes:
            start, stop = self.offsets[first], self.offsets[first + size]
            edges = np.linspace(start, stop, self.shares + 1).astype(int).tolist()
            parts.append(slice(edges[share], edges[share + 1]))
            first += size
        return parts


class ShareArrays:
    """The parameters of a network, with the gradients of one thread's part of the minibatch.

    Args:
        flat: The network.
        number: Which thread.
    """

    def __init__(self, flat: FlatNetwork, number: int) -> None:
        self._flat = flat
        self._number = number

    def value(self, parameter: torch.Tensor) -> np.ndarray:
        """Return the view of ``parameter`` as an array of its shape."""
        return self._flat.value(parameter)

    def gradient(self, parameter: torch.Tensor) -> np.ndarray:
        """Return the view of the thread's gradient by ``parameter`` as an array of its shape."""
        return self._flat.gradient(parameter, self._number)

    def together(self, parameters: Sequence[torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
        """Return views of parameters, which must follow each other, and of their gradients, each flat."""
        span = self._flat.span(parameters)
        return self._flat.p[span], self._flat.gradients[self._number, span]


class TargetArrays:
    """The parameters of a target network, where no gradient is written.

    Args:
        flat: The network that the target follows.
    """

    def __init__(self, flat: FlatNetwork) -> None:
        self._flat = flat
        self._followed = {id(t): p for p, t in zip(flat.parameters, flat.target_parameters, strict=True)}

    def value(self, parameter: torch.Tensor) -> np.ndarray:
        """Return the view of the target's ``parameter`` as an array of its shape."""
        array: np.ndarray = parameter.detach().numpy()
        return array

    def gradient(self, parameter: torch.Tensor) -> None:
        """Return None."""

    def together(self, parameters: Sequence[torch.Tensor]) -> tuple[np.ndarray, None]:
        """Return the view of the target's parameters, which must follow each other, flat."""
        span = self._flat.span([self._followed[id(parameter)] for parameter in parameters])
        return self._flat.target[span], None
