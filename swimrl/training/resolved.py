"""The settings of a run in one form, so that equal runs look equal and share a directory."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from swimrl.activations.language.names import parse_name, split_layers
from swimrl.activations.language.spec import ActivationSpec
from swimrl.errors import ConfigError
from swimrl.fields import to_mapping
from swimrl.runs.directory import RunDirectory
from swimrl.runs.naming import run_path, variant_slug
from swimrl.training.config import TrainConfig
from swimrl.training.widths import matched_architecture

Specs = tuple[ActivationSpec, ...]


@dataclass(frozen=True)
class Resolved:
    """Settings in one form, and the activations that they name."""

    config: TrainConfig
    """Every activation has its canonical name; the widths are those that `match_parameters` asked for."""

    actor: Specs
    """One for each hidden layer of the actor."""

    critic: Specs
    """One for each hidden layer of the critics."""


def resolve(config: TrainConfig) -> Resolved:
    """Return ``config`` in one form.

    Raises:
        SwimrlError: If an activation cannot be used.
    """
    actor = _specs(config.actor_activation, len(config.actor_architecture.widths))
    critic = _specs(config.critic_activation, len(config.architecture.widths))
    if config.actor_architecture == config.architecture:
        config = dataclasses.replace(config, net_actor=None)
    if config.match_parameters is not None:
        if config.net_actor is not None:
            raise ConfigError("--match-parameters cannot scale --net-actor; leave one of them out")
        net = matched_architecture(
            config, actor, critic, _specs(config.match_parameters, len(config.architecture.widths))
        )
        config = dataclasses.replace(config, net=str(net), match_parameters=None)
    if config.start_from is not None and config.normalize_obs:
        raise ConfigError(
            "--start-from and --normalize-obs exclude each other: a policy has no whole statistics to go "
            "on with; "
            "leave one of them out"
        )
    name, critic_name = _joined(actor), _joined(critic)
    config = dataclasses.replace(
        config, act=name, act_actor=None, act_critic=None if critic_name == name else critic_name
    )
    return Resolved(config, actor, critic)


def directory_of(resolved: Resolved, study: Path) -> RunDirectory:
    """Return the directory of a run in the folder ``study``."""
    slug = variant_slug([spec.slug for spec in resolved.actor], [spec.slug for spec in resolved.critic])
    return RunDirectory(run_path(study, to_mapping(resolved.config), slug))


def _specs(text: str, layers: int) -> Specs:
    specs = tuple(map(parse_name, split_layers(text)))
    return specs * layers if len(specs) == 1 else specs


def _joined(specs: Sequence[ActivationSpec]) -> str:
    names = [spec.canonical for spec in specs]
    return names[0] if len(set(names)) == 1 else ",".join(names)
