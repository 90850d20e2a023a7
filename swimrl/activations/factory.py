"""From a name to a ``torch.nn.Module``."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from swimrl.activations.module import Activation
from swimrl.activations.names import ActivationSpec, parse_name
from swimrl.activations.settings import shorten
from swimrl.errors import FormulaError


@dataclass(frozen=True)
class ActivationFactory:
    """Makes a new module on each call without arguments, so that no two layers share parameters.

    Hashable, comparable and picklable: Stable-Baselines3 stores it in policy files and calls it
    once for each layer. It carries the formula, so a policy file opens where the activation was
    never registered.

    Args:
        spec: The activation to make.
    """

    spec: ActivationSpec

    def __call__(self) -> nn.Module:
        """Return a new module."""
        return build(self.spec)

    def __repr__(self) -> str:
        return f"activation_fn({self.spec.canonical!r})"


def activation(name: str) -> nn.Module:
    """Return a new module for an activation name.

    Args:
        name: Such as ``"swim"``, ``"swim(k=trainable)"``, ``"expr: x*sigmoid(b*x); b=1"`` or
            ``"package.module:Class"``.

    Raises:
        UnknownNameError: No activation of this name; offers the closest.
        FormulaError: Anything else that is wrong, in one line.

    Example:
        >>> import torch
        >>> activation("relu")(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    return build(parse_name(name))


def activation_fn(name: str) -> ActivationFactory:
    """Return what Stable-Baselines3 wants in ``policy_kwargs=dict(activation_fn=...)``.

    The name is read, and its module built once, right here, so that a mistake shows before training
    starts.

    Args:
        name: As for ``activation``.

    Raises:
        UnknownNameError: No activation of this name; offers the closest.
        FormulaError: Anything else that is wrong, in one line.
    """
    factory = ActivationFactory(parse_name(name))
    factory()
    return factory


def build(spec: ActivationSpec) -> nn.Module:
    """Return a new module for a specification.

    Raises:
        FormulaError: A ``package.module:Class`` that cannot be imported or does not make a module.
    """
    source = spec.definition.module
    if source is None:
        return Activation(spec)
    make = _import(source) if isinstance(source, str) else source
    try:
        module = make()
    except TypeError as error:
        raise FormulaError(
            f"{spec.canonical!r} cannot be called without arguments ({error}); wrap it in a function"
        ) from error
    if not isinstance(module, nn.Module):
        raise FormulaError(
            f"{spec.canonical!r} makes a {type(module).__name__}; it must make a torch.nn.Module"
        )
    return module


def _import(path: str) -> Callable[[], Any]:
    """Return the object that ``package.module:Name`` stands for."""
    module_name, _, names = path.partition(":")
    try:
        target: Any = importlib.import_module(module_name)
        for name in names.split("."):
            target = getattr(target, name)
    except (ImportError, AttributeError) as error:
        raise FormulaError(
            f"cannot import {shorten(path)} ({error}); check the path and that it is installed"
        ) from error
    if not callable(target):
        raise FormulaError(
            f"{shorten(path)} is a {type(target).__name__}; name a class or function that makes a module"
        )
    return target  # type: ignore[no-any-return]  # whatever was imported
