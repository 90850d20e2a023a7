"""What the arms of a study were tuned with, and what that cost. Light: no torch, no Stable-Baselines3.

`swimrl tune` writes it into tuned.yaml; from there it goes into study.json and into every run.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from swimrl.errors import ConfigError


@dataclass(frozen=True)
class TunedArm:
    """What tuning chose for an activation, and what it cost."""

    settings: Mapping[str, Any]
    """The chosen value of every setting that was tuned, such as ``{"td3.lr": 4e-4}``."""

    runs: int
    """Trials of this activation, in both stages."""

    steps: int
    """Environment steps of these trials."""

    core_hours: float
    """Hours of these trials, each times its threads."""


@dataclass(frozen=True)
class TuningOrigin:
    """The tuning that chose the settings of a study."""

    study: str
    """Name of the tuning's folder."""

    env: str
    """The environment of the trials."""

    metric: str
    """The score of a trial."""

    space: tuple[str, ...]
    """What was tried, such as ``td3.lr=1e-5..2e-3:log``."""

    sampler: str
    """Where the points came from."""

    points: int
    """Points that each activation tried once, in the first stage."""

    kept: int
    """Points of each activation that went on to the second stage."""

    seeds: tuple[int, ...]
    """The seed of the first stage, and then those of the second."""

    arms: Mapping[str, TunedArm]
    """By activation."""

    @property
    def budget(self) -> str:
        """The budget of each activation, in words."""
        points = "1 point" if self.points == 1 else f"{self.points} points"
        seeds = len(self.seeds) - 1
        fresh = "1 fresh seed" if seeds == 1 else f"{seeds} fresh seeds"
        return f"{points} once, then the best {self.kept} on {fresh}"


def read_origin(content: object, *, source: str) -> TuningOrigin:
    """Return the tuning that a study's YAML, study.json or run.json describes.

    Args:
        content: The fields of `TuningOrigin` as plain data.
        source: Where it stands, for messages.

    Raises:
        ConfigError: If it is not what `swimrl tune` writes.
    """
    try:
        fields: dict[str, Any] = {**content}  # type: ignore[dict-item]  # a TypeError if it is no mapping
        arms = {
            str(act): TunedArm(
                dict(arm["settings"]), int(arm["runs"]), int(arm["steps"]), float(arm["core_hours"])
            )
            for act, arm in fields.pop("arms").items()
        }
        space, seeds = tuple(map(str, fields.pop("space"))), tuple(map(int, fields.pop("seeds")))
        points, kept = int(fields.pop("points")), int(fields.pop("kept"))
        return TuningOrigin(**fields, space=space, points=points, kept=kept, seeds=seeds, arms=arms)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ConfigError(
            f"{source} is not what `swimrl tune` writes ({error}); copy it from tuned.yaml, or leave it out"
        ) from error
