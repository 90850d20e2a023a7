"""What the fused engine can compute; the rest is left to Stable-Baselines3's update."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

import torch
from stable_baselines3.common.torch_layers import FlattenExtractor
from torch import nn

from swimrl.activations.cpu.kernel import why_unavailable
from swimrl.activations.torch.activation import Activation
from swimrl.td3.engine.autograd_node import why_not_through_autograd
from swimrl.td3.engine.nodes import has_kernel
from swimrl.td3.engine.watch import (
    has_global_hooks,
    have_hooks,
    hooks,
    replaced_methods,
    why_not_optimizer,
)
from swimrl.td3.network import Residual, hidden_activations, leaves
from swimrl.td3.policy import Actor, Critic, TD3Policy, perceptrons
from swimrl.td3.replay import RowReplayBuffer


def why_not_fused(policy: nn.Module, buffer: object, threads: int = 1) -> str | None:
    """Return why the fused engine cannot compute the update, or None if it can.

    Args:
        policy: The agent's policy.
        buffer: The agent's replay buffer.
        threads: How many threads share a minibatch.
    """
    if reason := why_unavailable():
        return reason
    if type(policy) is not TD3Policy:
        return f"the policy is a {type(policy).__name__}, not swimrl's TD3Policy"
    if policy.device.type != "cpu":
        return f"the networks are on {policy.device.type}"
    if type(buffer) is not RowReplayBuffer:
        return f"the replay buffer is a {type(buffer).__name__}"
    if methods := replaced_methods(buffer):
        return f"the replay buffer's method {methods[0]} is replaced"
    if torch.is_autocast_enabled("cpu"):
        return "autocast is on"
    if reason := _why_not_networks(policy, threads):
        return reason
    checks = (why_hooked, _why_not_parameters, _why_not_optimizers)
    return next(filter(None, (check(policy) for check in checks)), None)


def why_not_robust(policy: TD3Policy) -> str | None:
    """Return why the engine adds no range penalty or noise to this actor's activations, or None if it can."""
    (network,) = perceptrons(policy.actor)
    if any(isinstance(module, Residual) for module in network):
        return "range penalty and activation noise in residual blocks are parts of PyTorch's graph"
    if any(type(activation) is not Activation for activation in hidden_activations(network)):
        return "range penalty and activation noise of a module are parts of PyTorch's graph"
    return None


def why_no_plain_network(network: nn.Module, *, threads: int | None = None) -> str | None:
    """Return why an actor or critics are not what the engine computes, or None if they are.

    They must consist of linear layers, layer norms, residual blocks and activations, and see the observation
    itself.

    Args:
        network: The actor or the critics.
        threads: How many threads share a minibatch, for an update, in which autograd computes activations
            without a kernel. If None, all activations must have a kernel.
    """
    if type(network) not in (Actor, Critic):
        return f"a network is a {type(network).__name__}"
    if type(network.features_extractor) is not FlattenExtractor:
        return f"the features extractor is a {type(network.features_extractor).__name__}"
    if isinstance(network, Critic) and network.q_networks != [
        getattr(network, f"qf{number}", None) for number in range(len(network.q_networks))
    ]:
        return "the critics' perceptrons are replaced"
    for perceptron in perceptrons(network):
        if type(perceptron) is not nn.Sequential:
            return f"a perceptron is a {type(perceptron).__name__}"
        if not any(isinstance(module, nn.Linear) for module in perceptron):
            return "a perceptron has no linear layer"
        modules = list(perceptron)
        if isinstance(network, Actor) and type(modules.pop()) is not nn.Tanh:
            return "the actor does not end in a tanh"
        if reason := _why_no_nodes(list(leaves(modules)), threads) or _why_no_order(modules):
            return reason
        if not isinstance(modules[0], nn.Linear) or not isinstance(modules[-1], nn.Linear):
            return "a perceptron does not begin and end with a linear layer"
    return None


def _why_no_nodes(modules: Sequence[nn.Module], threads: int | None) -> str | None:
    """Return why the engine does not compute one of the modules inside a perceptron."""
    uses = Counter(map(id, modules))
    width = 0  # of the latest linear layer
    for module in modules:
        if isinstance(module, nn.Linear):
            width = module.out_features
        if reason := _why_no_node(module, width, threads):
            return reason
        is_once = uses[id(module)] == 1 or isinstance(module, Activation)
        if not is_once and next(module.parameters(), None) is not None:
            return f"{module} has parameters and is used in several layers"
    return None


def _why_no_node(module: nn.Module, width: int, threads: int | None) -> str | None:
    if type(module) is nn.Linear:
        return "a linear layer has no bias" if module.bias is None else None
    if type(module) is nn.LayerNorm:
        is_plain = len(module.normalized_shape) == 1 and module.weight is not None and module.bias is not None
        return None if is_plain else "a layer norm is over several axes, or has no scale or no shift"
    if has_kernel(module):
        return None
    if threads is None or isinstance(module, nn.Linear | nn.LayerNorm | Residual):
        return f"{module} is a module without compiled loops"
    return why_not_through_autograd(module, width, threads)


def _why_no_order(modules: Sequence[nn.Module]) -> str | None:
    """Return why the engine does not compute modules in this order, each of which it computes."""
    for before, module in zip([None, *modules], modules, strict=False):
        is_layer = isinstance(module, nn.Linear | nn.LayerNorm | Residual)
        if not is_layer and not isinstance(before, nn.Linear | nn.LayerNorm):
            return "an activation follows neither a linear layer nor a layer norm"
        if isinstance(module, Residual):
            if type(module) is not Residual or not isinstance(module[-1], nn.Linear):
                return "a residual block does not end in a linear layer"
            if reason := _why_no_order(list(module)):
                return reason
    return None


def why_hooked(root: nn.Module) -> str | None:
    """Return which hook or replaced method of a module would not be called, or None if there is none."""
    if has_global_hooks():
        return "there are hooks for all modules or optimisers"
    for name, module in root.named_modules():
        if any(hooks(module)):
            return f"the module {name or 'policy'} has hooks"
        methods = replaced_methods(module) if isinstance(module, Actor | Critic | TD3Policy) else []
        if methods or "forward" in vars(module):
            return f"the method {(methods or ['forward'])[0]} of the module {name or 'policy'} is replaced"
    for name, parameter in root.named_parameters():
        if have_hooks([parameter]):
            return f"the parameter {name} has hooks"
    return None


def _why_not_networks(policy: TD3Policy, threads: int) -> str | None:
    for one in (policy.actor, policy.critic, policy.actor_target, policy.critic_target):
        if reason := why_no_plain_network(one, threads=threads):
            return reason
    for network, target in _with_targets(policy):
        if _specifications(network) != _specifications(target):
            return "a target network has other activations than its network"
        if [p.shape for p in network.parameters()] != [p.shape for p in target.parameters()]:
            return "a target network has other parameters than its network"
    return None


def _why_not_parameters(policy: TD3Policy) -> str | None:
    named = dict(policy.named_parameters())
    # Uses by different modules; one module in several layers (granularity=network) is accounted for.
    counts = Counter(id(p) for module in policy.modules() for p in module.parameters(recurse=False))
    addresses = Counter(p.data_ptr() for p in policy.parameters() if p.numel())
    dtypes = {parameter.dtype for parameter in named.values()}
    if len(dtypes) > 1 or not dtypes <= {torch.float32, torch.float64}:
        return f"the parameters' dtypes are {', '.join(sorted(map(str, dtypes)))}"
    for name, parameter in named.items():
        if counts[id(parameter)] > 1 or addresses[parameter.data_ptr()] > 1:
            return f"the parameter {name} is shared"
        if not parameter.requires_grad and "_target." not in name:
            return f"the parameter {name} does not require a gradient"
    return None


def _why_not_optimizers(policy: TD3Policy) -> str | None:
    for network in (policy.actor, policy.critic):
        optimizer = network.optimizer
        if reason := why_not_optimizer(optimizer):
            return reason
        held = [id(p) for group in optimizer.param_groups for p in group["params"]]
        if sorted(held) != sorted(id(p) for p in network.parameters()):
            return "an optimiser does not hold exactly its network's parameters"
        steps = {
            float(optimizer.state[p]["step"]) if optimizer.state.get(p) else 0.0
            for p in chain.from_iterable(group["params"] for group in optimizer.param_groups)
        }
        if len(steps) > 1:
            return "an optimiser has taken different numbers of steps for its parameters"
        for state in optimizer.state.values():
            if state and not {"step", "exp_avg", "exp_avg_sq"} <= state.keys():
                return "an optimiser's state is not Adam's"
    return None


def _with_targets(policy: TD3Policy) -> Iterator[tuple[nn.Module, nn.Module]]:
    yield policy.actor, policy.actor_target
    yield policy.critic, policy.critic_target


def _specifications(network: nn.Module) -> list[object]:
    """Return what decides the modules of a network's perceptrons, apart from their parameters."""
    return [
        (type(module), module.spec if isinstance(module, Activation) else getattr(module, "eps", None))
        for perceptron in perceptrons(network)
        for module in perceptron.modules()
    ]
