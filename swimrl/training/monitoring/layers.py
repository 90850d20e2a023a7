"""The hidden layers of a network, and what an activation module does there.

Letters in shapes: N inputs of the sample, H units of a layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from swimrl.activations.properties import sharpness_asymmetry
from swimrl.activations.torch.activation import Activation
from swimrl.td3.agent import TD3
from swimrl.td3.network import Residual
from swimrl.td3.policy import perceptrons


def named_perceptrons(agent: TD3) -> list[tuple[str, nn.Sequential]]:
    """Return ``actor``, ``critic1``, ``critic2`` ... and the perceptron of each."""
    critics = enumerate(perceptrons(agent.critic), start=1)
    return [("actor", perceptrons(agent.actor)[0]), *((f"critic{number}", one) for number, one in critics)]


@torch.no_grad()
def hidden_layers(
    modules: Iterable[nn.Module], x: Tensor
) -> tuple[list[tuple[Tensor, nn.Module, Tensor]], Tensor]:
    """Return pre-activations, activation and its outputs of each hidden layer, and the last module's output.

    Args:
        modules: A network without its output layer.
        x: Its input.
    """
    layers = []
    for module in modules:
        before = x
        if isinstance(module, Residual):
            inside, branch = hidden_layers(module, x)
            layers += inside
            x = x + branch
            continue
        x = _output(module, x)
        if not isinstance(module, nn.Linear | nn.LayerNorm):
            layers.append((before, module, x))
    return layers, x


def _output(module: nn.Module, x: Tensor) -> Tensor:
    """Return a module's output; a user's module may overwrite its input, so it receives a copy."""
    output: Tensor = module(x if isinstance(module, Activation | nn.Linear | nn.LayerNorm) else x.clone())
    return output


def shown_parameters(activation: nn.Module) -> Mapping[str, np.ndarray]:
    """Return the learned parameters of an activation by name, float64, [N] for N neurons or [1] for a layer.

    For a formula these are the values that it computes with. For AULU they include the sharpness of its two
    sides, alpha1 = beta1^2 and alpha2 = beta2^2, and their asymmetry.
    """
    if not isinstance(activation, Activation):
        return {name: _numbers(parameter) for name, parameter in activation.named_parameters()}
    learned = {name: _numbers(value) for name, value in activation.effective().items()}
    if activation.spec.definition.name != "aulu" or not learned:
        return learned
    fixed = {value.name: np.array([value.value]) for value in activation.spec.values}
    beta1, beta2 = np.broadcast_arrays(*({**fixed, **learned}[name] for name in ("beta1", "beta2")))
    asymmetry = np.array([sharpness_asymmetry(*pair) for pair in zip(beta1, beta2, strict=True)])
    return {**learned, "alpha1": beta1**2, "alpha2": beta2**2, "asymmetry": asymmetry}


def _numbers(tensor: Tensor) -> np.ndarray:
    flat: np.ndarray = tensor.detach().cpu().double().flatten().numpy()
    return flat


def elementwise_slope(activation: nn.Module, z: Tensor) -> Tensor | None:
    """Return f'(z) [N, H]; None for an activation whose outputs depend on other units of the layer.

    Args:
        activation: A module, in evaluation mode.
        z: Pre-activations, [N, H].
    """
    z = z.detach().requires_grad_()
    h = _output(activation, z)
    if h.shape != z.shape:
        return None
    if not h.requires_grad:
        return torch.zeros_like(z)
    (slope,) = torch.autograd.grad(h.sum(), z, retain_graph=True)
    if isinstance(activation, Activation):
        return slope
    # v J = v diag(J) for a v of many different numbers only if the Jacobian J of the layer is diagonal.
    v = torch.arange(z.numel(), dtype=z.dtype, device=z.device).cos().view_as(z)
    (product,) = torch.autograd.grad(h, z, v)
    return slope if torch.allclose(product, v * slope, rtol=1e-4, atol=1e-6) else None
