"""Notices what users change on modules and optimisers that a compiled update would otherwise not see.

The fused engine and the fast actor bind arrays once. Hooks, frozen parameters, replaced modules or methods
would have no effect on them. So both check, before each use, whether all of this is as it was when they were
built. The checks compare identities, which takes a few microseconds for a whole policy. The reasons in words
are in `requirements`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import attrgetter, is_
from typing import Any

import torch
from stable_baselines3.common.policies import BaseModel
from torch import nn
from torch.nn.modules import module as torch_module
from torch.optim import optimizer as torch_optimizer

_MODULE_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
_GLOBAL_HOOKS: list[Mapping[int, Any]] = [
    *(getattr(torch_module, f"_global{name}") for name in _MODULE_HOOKS),
    torch_optimizer._global_optimizer_pre_hooks,
    torch_optimizer._global_optimizer_post_hooks,
]
_TENSOR_HOOKS: list[Callable[[torch.Tensor], object]] = [
    attrgetter("_backward_hooks"),
    attrgetter("_post_accumulate_grad_hooks"),
]


class ModuleWatch:
    """The structure of modules at one time.

    Args:
        root: A module; its submodules are included.
    """

    def __init__(self, root: nn.Module) -> None:
        modules = list(root.modules())
        self._modules = modules
        self._types = [type(module) for module in modules]
        self._attributes = [vars(module) for module in modules]
        # Stable-Baselines3's classes have methods of other names; each replaced one is one attribute more.
        self._named = [vars(module) for module in modules if isinstance(module, BaseModel)]
        self._numbers_of_names = [len(attributes) for attributes in self._named]
        self._hooks = list(chain.from_iterable(map(hooks, modules)))
        # The dictionaries of submodules and parameters; torch keeps the same ones for a module's whole life.
        self._contents: list[dict[str, Any]] = [
            content for module in modules for content in (module._modules, module._parameters) if content
        ]
        self._objects = list(self._current_objects())
        # Autograd calls no hooks of the others.
        self._parameters = [parameter for parameter in root.parameters() if parameter.requires_grad]

    def _current_objects(self) -> Iterable[object]:
        return chain.from_iterable(map(dict.values, self._contents))

    def is_unchanged(self) -> bool:
        """Return whether submodules, parameters and classes are the same, without hooks and new methods."""
        return (
            not any(self._hooks)
            and not any(_GLOBAL_HOOKS)
            and not any("forward" in attributes for attributes in self._attributes)
            and [len(attributes) for attributes in self._named] == self._numbers_of_names
            and all(map(is_, map(type, self._modules), self._types))
            and are_the_same(self._current_objects(), self._objects)
            and not have_hooks(self._parameters)
        )


def are_the_same(some: Iterable[object], others: Sequence[object]) -> bool:
    """Return whether the iterable yields the objects of the sequence, by identity."""
    some = list(some)
    return len(some) == len(others) and all(map(is_, some, others))


def hooks(module: nn.Module) -> Iterator[Mapping[int, Any]]:
    """Yield the dictionaries of a module's hooks, those of its submodules apart."""
    for name in _MODULE_HOOKS:
        yield getattr(module, name)


def have_hooks(tensors: Sequence[torch.Tensor]) -> bool:
    """Return whether autograd calls hooks of a user for one of these tensors."""
    return any(any(map(kind, tensors)) for kind in _TENSOR_HOOKS)


def has_global_hooks() -> bool:
    """Return whether there are hooks for all modules or all optimisers."""
    return any(_GLOBAL_HOOKS)


def replaced_methods(owner: object) -> list[str]:
    """Return the methods of an object's class that attributes of the object hide."""
    kind = type(owner)
    return [name for name in vars(owner) if callable(getattr(kind, name, None))]


def why_not_optimizer(optimizer: torch.optim.Optimizer) -> str | None:
    """Return why the engine's Adam cannot take this optimiser's step, or None if it can."""
    if type(optimizer) is not torch.optim.Adam:
        return f"the optimiser is {type(optimizer).__name__}, not Adam"
    if optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks:
        return "the optimiser has hooks"
    if "step" in vars(optimizer) or "zero_grad" in vars(optimizer):
        return "the optimiser's method step or zero_grad is replaced"
    for group in optimizer.param_groups:
        for option in ("amsgrad", "maximize", "capturable", "differentiable"):
            if group[option]:
                return f"the optimiser uses {option}"
        if group["weight_decay"] and not group["decoupled_weight_decay"]:
            return "the optimiser's weight decay is not decoupled"
        if not all(isinstance(number, float | int) for number in (*group["betas"], group["eps"])):
            return "the optimiser's betas or eps are tensors"
    return None
