"""The directory of a run: <study>/<env>/<variant>-<hash8>/seed-<n>. Light: no torch, no Stable-Baselines3."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DEFAULT_STUDY = Path("runs/default")

STUDY_FILE = "study.json"
"""In the folder of a study: its runs, and what they share (`swimrl.sweeps.study_record`)."""


UNDECISIVE = (
    "seed",
    "steps",
    "match_parameters",
    "checkpoint_every",
    "diagnose_every",
    "diagnose_bound",
    "diagnose_flat",
    "video_every",
)
"""Settings that are not in the hash of a run's directory.

The seed names the directory below. The number of steps may grow when a run is continued. The activation that
the widths were matched to adds nothing to the widths. How often checkpoints, diagnostics and films are
written changes no number.
"""


UNKNOWN_BEFORE: Mapping[str, Any] = {
    "net_actor": None,
    "start_from": None,
    "td3.range_penalty": 0.0,
    "td3.range_bound": 10.0,
    "td3.activation_noise": 0.0,
    "td3.noise_side": "both",
}
"""Settings that earlier versions did not have. With these values, their defaults, they are not in the hash,
so that runs keep their directories."""


def configuration_hash(config: Mapping[str, Any]) -> str:
    """Return 8 hex digits of the resolved configuration without what is `UNDECISIVE`."""
    decisive = {name: value for name, value in _known_before(config).items() if name not in UNDECISIVE}
    text = json.dumps(decisive, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _known_before(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return a configuration without defaults of settings that earlier versions did not have."""
    return {
        name: _known_before(value, f"{prefix}{name}.") if isinstance(value, Mapping) else value
        for name, value in config.items()
        if prefix + name not in UNKNOWN_BEFORE or value != UNKNOWN_BEFORE[prefix + name]
    }


def variant_slug(actor: list[str], critic: list[str]) -> str:
    """Return a readable, file-name safe name of the activations.

    Args:
        actor: Slug of the actor's activation in each hidden layer.
        critic: The same of the critics.

    Example:
        >>> variant_slug(["swim", "swim"], ["swim", "swim"])
        'swim'
        >>> variant_slug(["relu", "swim"], ["elu", "elu"])
        'relu-swim+critic-elu'
    """
    of_actor, of_critic = _one_if_equal(actor), _one_if_equal(critic)
    slug = of_actor if of_actor == of_critic else f"{of_actor}+critic-{of_critic}"
    return slug[:80]


def run_path(study: Path, config: Mapping[str, Any], slug: str) -> Path:
    """Return the directory of the run that ``config`` describes."""
    env = re.sub(r"[^A-Za-z0-9._-]+", "-", config["env"])
    return study / env / f"{slug}-{configuration_hash(config)}" / f"seed-{config['seed']}"


def _one_if_equal(slugs: list[str]) -> str:
    return slugs[0] if len(set(slugs)) == 1 else "-".join(slugs)
