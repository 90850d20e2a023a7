"""What the fused engine can compute; the rest is left to Stable-Baselines3's update."""

from __future__ import annotations

from itertools import chain

import torch
from torch import nn

from swimrl.activations.cpu.kernel import why_unavailable
from swimrl.activations.torch.activation import Activation
from swimrl.td3.engine.perceptron import has_kernel
from swimrl.td3.network import hidden_activations
from swimrl.td3.policy import TD3Policy, perceptrons
from swimrl.td3.replay import RowReplayBuffer


def why_not_fused(policy: nn.Module, buffer: object) -> str | None:
    """Return why the fused engine cannot compute the update, or None if it can.

    Args:
        policy: The agent's policy.
        buffer: The agent's replay buffer.
    """
    if reason := why_unavailable():
        return reason
    if type(policy) is not TD3Policy:
        return f"the policy is a {type(policy).__name__}, not swimrl's TD3Policy"
    if policy.device.type != "cpu":
        return f"the networks are on {policy.device.type}"
    if type(buffer) is not RowReplayBuffer:
        return f"the replay buffer is a {type(buffer).__name__}"
    if policy.layer_norm:
        return "layer norm is on"
    if not policy.has_plain_features:
        return f"the features extractor is a {policy.features_extractor_class.__name__}"
    for network in (policy.actor, policy.critic):
        optimizer = network.optimizer
        if type(optimizer) is not torch.optim.Adam:
            return f"the optimiser is {type(optimizer).__name__}, not Adam"
        for group in optimizer.param_groups:
            if group["amsgrad"] or group["maximize"]:
                return "the optimiser uses amsgrad or maximize"
            if group["weight_decay"] and not group["decoupled_weight_decay"]:
                return "the optimiser's weight decay is not decoupled"
    for network in (policy.actor, policy.critic):
        for module in chain.from_iterable(map(hidden_activations, perceptrons(network))):
            if not has_kernel(module):
                reason = module.spec.why_no_kernel if isinstance(module, Activation) else None
                return f"{module} has no kernel: {reason or 'it is no elementwise formula'}"
    return None
