"""Actor and critics of TD3 with any activation, the same in all hidden layers or one for each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Any, cast, get_args

import stable_baselines3.td3.policies as sb3
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ContinuousCritic
from stable_baselines3.common.preprocessing import get_action_dim
from stable_baselines3.common.torch_layers import (
    BaseFeaturesExtractor,
    FlattenExtractor,
    get_actor_critic_arch,
)
from stable_baselines3.common.type_aliases import Schedule
from torch import nn

from swimrl.activations import ActivationFactory
from swimrl.activations import activation_fn as named_activation
from swimrl.errors import ConfigError
from swimrl.td3.architecture import Architecture, Net
from swimrl.td3.config import Initialisation
from swimrl.td3.network import AnyWidth, MakesActivation, hidden_activations, initialise, leaves, mlp

ActivationChoice = str | ActivationFactory | Callable[[], nn.Module]
"""An activation's name, what `swimrl.activation_fn` returns, or a callable that returns a new module."""

Activations = ActivationChoice | Sequence[ActivationChoice]
"""One activation for all hidden layers, or one for each."""

DEFAULT_NET_ARCH = (256, 256)
# Gains of the output layers under orthogonal initialisation, as PPO implementations use them.
_ORTHOGONAL_ACTOR_GAIN, _ORTHOGONAL_CRITIC_GAIN = 0.01, 1.0


class Actor(sb3.Actor):
    """Deterministic policy: observation [B, O] -> action [B, A] in [-1, 1]."""

    def __init__(
        self,
        *args: Any,
        activation_fn: Sequence[MakesActivation],
        layer_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        architecture = Architecture.of(kwargs["net_arch"])
        kwargs["net_arch"] = list(architecture.widths)  # all that Stable-Baselines3's own actor understands
        super().__init__(*args, activation_fn=nn.Identity, **kwargs)  # type: ignore[misc]
        self.net_arch = architecture.net  # type: ignore[assignment]
        self.activation_fn = activation_fn  # type: ignore[assignment]
        self.layer_norm = layer_norm
        self.mu = mlp(
            self.features_dim,
            get_action_dim(self.action_space),
            architecture,
            activation_fn,
            layer_norm=layer_norm,
            squash=True,
        )

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {**super()._get_constructor_parameters(), "layer_norm": self.layer_norm}


class Critic(ContinuousCritic):
    """Action values: observation [B, O], action [B, A] in [-1, 1] -> one Q [B, 1] for each critic."""

    def __init__(
        self,
        *args: Any,
        activation_fn: Sequence[MakesActivation],
        layer_norm: bool = False,
        **kwargs: Any,
    ) -> None:
        architecture = Architecture.of(kwargs["net_arch"])
        kwargs["net_arch"] = list(architecture.widths)
        super().__init__(*args, activation_fn=nn.Identity, **kwargs)  # type: ignore[misc]
        inputs = kwargs["features_dim"] + get_action_dim(self.action_space)
        self.q_networks = [
            mlp(inputs, 1, architecture, activation_fn, layer_norm=layer_norm) for _ in range(self.n_critics)
        ]
        for number, network in enumerate(self.q_networks):
            self.add_module(f"qf{number}", network)


class TD3Policy(sb3.TD3Policy):
    """Stable-Baselines3's TD3 policy with free choice of activation and of initial weights.

    Args:
        observation_space: Observation space.
        action_space: Action space.
        lr_schedule: Learning rate as a function of the remaining progress (1 to 0).
        net_arch: Hidden widths such as ``[256, 256]``, a text such as ``"256x256"`` or ``"simba:256x2"``
            (`swimrl.td3.architecture.BLOCKS` has the kinds of residual blocks), or ``{"pi": ..., "qf": ...}``
            for actor and critics.
        activation_fn: A name such as ``"swim(k=1)"``, a callable that returns a new module, a list with one
            of these for each hidden layer, or ``{"pi": ..., "qf": ...}`` for actor and critics.
        initialisation: How to draw the initial weights; see `swimrl.td3.network.initialise`.
        layer_norm: Whether to normalise the pre-activations.
        weight_decay: Decoupled weight decay of the weight matrices.
        activation_lr_scale: Learning rate of trainable activation parameters, as a multiple of the
            learning rate of the weights.
        **kwargs: The other arguments of Stable-Baselines3's policy.

    Raises:
        ConfigError: If the number of activations differs from the number of hidden layers.
        SwimrlError: If an activation's name cannot be used.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Box,
        lr_schedule: Schedule,
        net_arch: Net | dict[str, Net] | None = None,
        activation_fn: Activations | Mapping[str, Activations] = "relu",
        initialisation: Initialisation = "torch",
        layer_norm: bool = False,
        weight_decay: float = 0.0,
        activation_lr_scale: float = 1.0,
        **kwargs: Any,
    ) -> None:
        if initialisation not in get_args(Initialisation):
            expected = ", ".join(get_args(Initialisation))
            raise ConfigError(f"initialisation is {initialisation!r}; expected one of {expected}")
        net_arch = list(DEFAULT_NET_ARCH) if net_arch is None else net_arch
        of_each = {"pi": net_arch, "qf": net_arch} if isinstance(net_arch, str) else net_arch
        actor_arch, critic_arch = map(Architecture.of, get_actor_critic_arch(of_each))  # type: ignore[arg-type]
        chosen = _for_both(activation_fn)
        self.actor_activations = _for_layers("actor", chosen["pi"], actor_arch.widths)
        self.critic_activations = _for_layers("critic", chosen["qf"], critic_arch.widths)
        self.activation_choice = activation_fn
        self.initialisation = initialisation
        self.layer_norm = layer_norm
        self.weight_decay = weight_decay
        self.activation_lr_scale = activation_lr_scale
        optimizer_class = kwargs.get("optimizer_class", torch.optim.Adam)
        if weight_decay and not issubclass(optimizer_class, torch.optim.Adam):
            raise ConfigError(
                f"weight decay is decoupled, which {optimizer_class.__name__} cannot do; use torch.optim.Adam"
            )
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            net_arch=of_each,  # type: ignore[arg-type]
            activation_fn=nn.Identity,
            **kwargs,
        )

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        self.draw_initial_weights()
        for network in (self.actor, self.critic):
            network.optimizer = self.optimizer_class(
                self._parameter_groups(network),
                lr=lr_schedule(1),  # type: ignore[call-arg]
                **self.optimizer_kwargs,
            )

    def draw_initial_weights(self) -> None:
        """Draw new initial weights from PyTorch's global generator; the targets get the same."""
        (actor,) = perceptrons(self.actor)
        initialise(actor, self.initialisation, output_gain=_ORTHOGONAL_ACTOR_GAIN)
        for network in perceptrons(self.critic):
            initialise(network, self.initialisation, output_gain=_ORTHOGONAL_CRITIC_GAIN)
        self.actor_target.load_state_dict(self.actor.state_dict())
        self.critic_target.load_state_dict(self.critic.state_dict())

    def draw_initial_activations(self) -> None:
        """Draw new random initial values inside activations from PyTorch's global generator."""
        for network in (self.actor, self.critic):
            for activation in chain.from_iterable(map(hidden_activations, perceptrons(network))):
                for module in activation.modules():
                    if callable(reset := getattr(module, "reset_parameters", None)):
                        reset()
        self.actor_target.load_state_dict(self.actor.state_dict())
        self.critic_target.load_state_dict(self.critic.state_dict())

    def _parameter_groups(self, network: nn.Module) -> list[dict[str, Any]]:
        """Return the optimiser's groups: weight matrices, other parameters, activation parameters.

        Each group's ``lr_scale`` multiplies the learning rate of the schedule. Empty groups are left out.
        """
        listed = [
            parameter
            for perceptron in perceptrons(network)
            for module in leaves(perceptron)
            if not isinstance(module, nn.Linear | nn.LayerNorm)
            for parameter in module.parameters()
        ]
        of_activations = list(dict.fromkeys(listed))  # layers may share parameters
        own = set(of_activations)
        weights = [parameter for parameter in network.parameters() if parameter not in own]
        matrices = [p for p in weights if self.weight_decay and p.ndim > 1]
        others = [p for p in weights if not (self.weight_decay and p.ndim > 1)]
        groups: list[dict[str, Any]] = [
            {"params": others, "lr_scale": 1.0},
            {
                "params": matrices,
                "lr_scale": 1.0,
                "weight_decay": self.weight_decay,
                "decoupled_weight_decay": True,
            },
            {"params": of_activations, "lr_scale": self.activation_lr_scale, "weight_decay": 0.0},
        ]
        return [group for group in groups if group["params"]]

    @property
    def has_plain_features(self) -> bool:
        """Whether the networks receive the observation itself, as one vector."""
        return self.features_extractor_class is FlattenExtractor

    def set_training_mode(self, mode: bool) -> None:
        """Set actor and critics to training or evaluation mode, unless they are in that mode already."""
        if not self.training == self.actor.training == self.critic.training == mode:
            super().set_training_mode(mode)

    def unshare(self) -> None:
        """Give every tensor memory of its own.

        The fused engine makes the tensors views into flat arrays; pickling a view would store the whole array
        with it. The engine makes them views again before its next update.
        """
        for parameter in self.parameters():
            parameter.data = parameter.data.clone()
        for network in (self.actor, self.critic):
            for state in network.optimizer.state.values():
                for name, value in state.items():
                    if isinstance(value, torch.Tensor):
                        state[name] = value.clone()

    def __getstate__(self) -> dict[str, Any]:
        self.unshare()
        return self.__dict__.copy()

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> Actor:
        """Return a new actor on the policy's device."""
        kwargs = self._update_features_extractor(self.actor_kwargs, features_extractor)
        kwargs.update(activation_fn=self.actor_activations, layer_norm=self.layer_norm)
        return Actor(**kwargs).to(self.device)

    def make_critic(self, features_extractor: BaseFeaturesExtractor | None = None) -> Critic:
        """Return new critics on the policy's device."""
        kwargs = self._update_features_extractor(self.critic_kwargs, features_extractor)
        kwargs.update(activation_fn=self.critic_activations, layer_norm=self.layer_norm)
        return Critic(**kwargs).to(self.device)

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return {
            **super()._get_constructor_parameters(),
            "activation_fn": self.activation_choice,
            "initialisation": self.initialisation,
            "layer_norm": self.layer_norm,
            "weight_decay": self.weight_decay,
            "activation_lr_scale": self.activation_lr_scale,
        }


def perceptrons(network: nn.Module) -> list[nn.Sequential]:
    """Return the perceptron of an actor, or those of the critics."""
    if isinstance(network, Actor):
        assert isinstance(network.mu, nn.Sequential)
        return [network.mu]
    assert isinstance(network, Critic)
    return cast("list[nn.Sequential]", list(network.q_networks))


def _for_both(choice: Activations | Mapping[str, Activations]) -> Mapping[str, Activations]:
    if not isinstance(choice, Mapping):
        return {"pi": choice, "qf": choice}
    if set(choice) != {"pi", "qf"}:
        raise ConfigError(
            f"activation_fn has the keys {sorted(choice)}; expected 'pi' (actor) and 'qf' (critics)"
        )
    return choice


def _for_layers(network: str, choice: Activations, hidden: Sequence[int]) -> tuple[MakesActivation, ...]:
    """Return one factory for each hidden layer."""
    one_for_all = isinstance(choice, str) or callable(choice)
    each: Any = [choice] * len(hidden) if one_for_all else choice
    if len(each) != len(hidden):
        raise ConfigError(
            f"the {network} has {len(hidden)} hidden layers but {len(each)} activations were given; "
            "give one, or one for each hidden layer"
        )
    return tuple(map(_maker, each))


def _maker(choice: ActivationChoice) -> MakesActivation:
    """Return what makes the activation for a layer's width; a callable of the user's own takes no width."""
    if isinstance(choice, nn.Module):
        raise ConfigError(
            f"an activation is given as the module {choice}, which all layers would share; "
            "give its class or its name"
        )
    if isinstance(choice, str):
        return named_activation(choice)
    return choice if isinstance(choice, ActivationFactory) else AnyWidth(choice)
