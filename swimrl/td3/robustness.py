"""What the actor can be trained with so that it tolerates errors in its activations.

A polynomial in place of an activation errs by up to its precision inside its range, and by much more outside.
A penalty keeps inputs inside the range. Noise of the size of the error lets the actor learn with such errors.
Both act in the actor's own update alone, never in its actions.

Letters in shapes: B batch, N units of a layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from swimrl.td3.config import NoiseSide
from swimrl.td3.network import hidden_activations


@dataclass(frozen=True)
class Robustness:
    """Additions to the actor's update.

    Args:
        range_penalty: Adds this times mean(max(0, abs(z) - range_bound)^2) of each hidden layer's
            activation inputs z to the actor's loss. The logged loss is without it.
        range_bound: Where the penalty begins.
        activation_noise: Adds uniform noise in +- this to the value of each hidden activation.
        noise_side: ``"negative"``: noise only where the activation's input is negative.
    """

    range_penalty: float = 0.0
    range_bound: float = 10.0
    activation_noise: float = 0.0
    noise_side: NoiseSide = "both"

    @contextmanager
    def applied(self, actor: nn.Sequential, generator: torch.Generator) -> Iterator[None]:
        """Add them to the actor's passes.

        Args:
            actor: The actor's network.
            generator: Draws the noise.
        """
        handles: list[Any] = []
        try:
            for activation in dict.fromkeys(hidden_activations(actor)):  # layers may share one
                if self.range_penalty:
                    handles.append(activation.register_forward_pre_hook(self._penalise))
                if self.activation_noise:
                    handles.append(
                        activation.register_forward_hook(
                            lambda module, inputs, output: self._noisy(inputs[0], output, generator)
                        )
                    )
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _penalise(self, module: nn.Module, inputs: tuple[Tensor]) -> None:
        """Add the gradient of the penalty by z, [B, N], to the one that comes back."""
        (z,) = inputs
        if not z.requires_grad:
            return
        outside = (z.detach().abs() - self.range_bound).clamp(min=0) * z.detach().sign()
        own = (2 * self.range_penalty / z.numel()) * outside
        z.register_hook(lambda gradient: gradient + own)  # type: ignore[no-untyped-call]  # torch's

    def _noisy(self, z: Tensor, value: Tensor, generator: torch.Generator) -> Tensor:
        noise = torch.empty_like(value).uniform_(
            -self.activation_noise, self.activation_noise, generator=generator
        )
        return value + (noise if self.noise_side == "both" else noise * (z < 0))
