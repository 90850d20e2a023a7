"""A formula as a ``torch.nn.Module``."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from swimrl.activations.cpu.function import CpuFunction
from swimrl.activations.language.spec import ActivationSpec
from swimrl.activations.torch.composite import effective_value, value_function
from swimrl.errors import FormulaError

_HALF = (torch.float16, torch.bfloat16)

Kernels = Literal["auto", "always", "never"]


class Activation(nn.Module):
    """An elementwise activation, computed by torch operations or, for large inputs on a CPU, by a kernel.

    Fixed parameters are constants, exact as Python floats. Each trainable one is an ``nn.Parameter`` of
    its own name, of shape ``()``, or with granularity ``neuron`` of shape ``[N]`` along the last axis of
    the input. For a bounded one it is the raw number; `effective` returns the values that the formula
    uses. float16 and bfloat16 are computed in float32 and rounded once.

    Args:
        spec: An activation that is a formula.
        width: N, the number of neurons of the layer; needed for granularity ``neuron`` only.
        kernels: When to use the fused kernel: ``"auto"`` where the input is large enough for it to be the
            faster way, ``"always"`` for inputs of any size, ``"never"``. What a kernel cannot compute,
            such as a tensor on a GPU, is computed by torch operations in each case.

    Raises:
        FormulaError: The activation is a module of its own, a parameter's name is taken by
        ``nn.Module``, the width is needed and missing, or ``kernels`` is none of the three.

    Example:
        >>> from swimrl.activations import parse_name
        >>> swim = Activation(parse_name("swim(k=trainable)"))
        >>> [name for name, _ in swim.named_parameters()]
        ['k']
    """

    def __init__(self, spec: ActivationSpec, width: int | None = None, *, kernels: Kernels = "auto") -> None:
        super().__init__()
        _ = spec.settled  # raises for a module
        if kernels not in get_args(Kernels):
            raise FormulaError(
                f"kernels={kernels!r} is unknown; choose one of {', '.join(get_args(Kernels))}"
            )
        if spec.granularity == "neuron" and width is None:
            raise FormulaError(
                f"{spec.canonical!r} learns parameters for each neuron and needs their number; "
                f"build it with a width, such as activation(NAME, width=256)"
            )
        shape = (width,) if spec.granularity == "neuron" and width is not None else ()
        self.spec = spec
        self._use_kernels = kernels
        self._trainable = tuple(value.name for value in spec.values if value.trainable)
        for value in spec.values:
            if value.trainable:
                if hasattr(self, value.name):
                    raise FormulaError(
                        f"a trainable parameter cannot be named {value.name!r}, which torch uses; rename it"
                    )
                self.register_parameter(value.name, nn.Parameter(torch.full(shape, value.initial)))
        self._compile()

    def _compile(self) -> None:
        formula = self.spec.settled
        self._function = value_function(formula)
        self._kernels = CpuFunction(formula, {"always": 1, "never": math.inf}.get(self._use_kernels))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the activation.

        Args:
            x: Any shape, any floating dtype.

        Returns:
            The same shape and dtype.
        """
        dtype = torch.float32 if x.dtype in _HALF else x.dtype
        parameters = [getattr(self, name).to(dtype) for name in self._trainable]
        wide = x.to(dtype)
        compute = self._kernels if self._kernels.takes(wide, parameters) else self._function
        result: Tensor = compute(wide, *parameters)
        return result.to(x.dtype)

    @torch.no_grad()
    def effective(self) -> dict[str, Tensor]:
        """Return the values of the trainable parameters that the formula uses, with bounds applied.

        Parameters that are raw by definition, such as xIELU's, are mapped too.
        """
        settings = zip(self.spec.definition.parameters, self.spec.values, strict=True)
        return {
            value.name: effective_value(parameter, value, getattr(self, value.name))
            for parameter, value in settings
            if value.trainable
        }

    def extra_repr(self) -> str:
        """Return the canonical name."""
        return self.spec.canonical

    def __getstate__(self) -> dict[str, Any]:
        # Generated code is not pickled; it is generated again from the formula.
        made = {"_function", "_kernels"}
        return {name: value for name, value in self.__dict__.items() if name not in made}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._use_kernels = "auto"  # for a module pickled before there was a choice
        super().__setstate__(state)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self._compile()
