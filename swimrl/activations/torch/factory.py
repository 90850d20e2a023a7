"""From a name to a ``torch.nn.Module``."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from swimrl.activations.language.names import parse_name
from swimrl.activations.language.settings import shorten
from swimrl.activations.language.spec import ActivationSpec
from swimrl.activations.torch.activation import Activation
from swimrl.errors import FormulaError

_SOME_WIDTH = 64  # to build an activation once, as a check, without a layer


@dataclass(frozen=True)
class ActivationFactory:
    """Returns a new module on each call, so that no two layers share parameters.

    Hashable, comparable and picklable. Stable-Baselines3 stores it in policy files and calls it once for
    each layer. It contains the formula, so a policy file loads where the activation was never registered.

    Args:
        spec: The activation.
    """

    spec: ActivationSpec

    def __call__(self, width: int | None = None) -> nn.Module:
        """Return a new module.

        Args:
            width: Number of neurons; needed by activations with parameters for each neuron.
        """
        return build(self.spec, width)

    @property
    def is_shared(self) -> bool:
        """Whether all layers of a network are to use one and the same module."""
        return self.spec.granularity == "network"

    def __repr__(self) -> str:
        return f"activation_fn({self.spec.canonical!r})"


def activation(name: str, *, width: int | None = None) -> nn.Module:
    """Return a new module for an activation name.

    Args:
        name: Such as ``"swim"``, ``"swim(k=trainable)"``, ``"expr: x*sigmoid(b*x); b=1"`` or
            ``"package.module:Class"``.
        width: Number of neurons; needed by activations with parameters for each neuron.

    Raises:
        UnknownNameError: No activation of this name; offers the closest.
        FormulaError: Anything else that is wrong, in one line.

    Example:
        >>> import torch
        >>> activation("relu")(torch.tensor([-1.0, 2.0]))
        tensor([0., 2.])
    """
    return build(parse_name(name), width)


def activation_fn(name: str) -> ActivationFactory:
    """Return a factory for Stable-Baselines3's ``policy_kwargs=dict(activation_fn=...)``.

    The name is parsed and its module built once, so that a mistake raises before training begins.

    Args:
        name: As for ``activation``.

    Raises:
        UnknownNameError: No activation of this name; offers the closest.
        FormulaError: Anything else that is wrong, in one line.
    """
    factory = ActivationFactory(parse_name(name))
    factory(_SOME_WIDTH)
    return factory


def output_width(module: nn.Module, width: int) -> int:
    """Return the number of outputs of an activation for ``width`` inputs.

    It is ``width``, unless the activation has a method ``output_width``.

    Args:
        module: An activation.
        width: Number of neurons of the layer before it.

    Raises:
        FormulaError: The activation cannot have that many inputs.
    """
    asked = getattr(module, "output_width", None)
    return width if asked is None else int(asked(width))


def build(spec: ActivationSpec, width: int | None = None) -> nn.Module:
    """Return a new module for a specification.

    Args:
        spec: The activation.
        width: Number of neurons; needed by activations with parameters for each neuron.

    Raises:
        FormulaError: A ``package.module:Class`` that cannot be imported or does not make a module, or
            a missing width.
    """
    source = spec.definition.module
    if source is None:
        return Activation(spec, width)
    make = _import(source) if isinstance(source, str) else source
    arguments: dict[str, Any] = {value.name: value.value for value in spec.values}
    if _takes_width(make):
        if width is None:
            raise FormulaError(
                f"{spec.canonical!r} has parameters for each neuron and needs their number; "
                f"build it with a width, such as activation(NAME, width=256)"
            )
        arguments["width"] = width
    try:
        module = make(**arguments)
    except TypeError as error:
        raise FormulaError(
            f"{spec.canonical!r} cannot be called without arguments ({error}); wrap it in a function"
        ) from error
    if not isinstance(module, nn.Module):
        raise FormulaError(
            f"{spec.canonical!r} makes a {type(module).__name__}; it must make a torch.nn.Module"
        )
    return module


def _takes_width(make: Callable[..., Any]) -> bool:
    try:
        return "width" in inspect.signature(make).parameters
    except (TypeError, ValueError):  # some builtins have no signature; none of them has an argument ``width``
        return False


def _import(path: str) -> Callable[[], Any]:
    """Return the object at the path ``package.module:Name``."""
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
    return target  # type: ignore[no-any-return]  # the type of an imported object is unknown
