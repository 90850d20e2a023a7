"""What a study consists of: settings that all runs share, axes, and seeds. Light: no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from swimrl.errors import ConfigError
from swimrl.runs.directory import RunDirectory
from swimrl.training.config import TrainConfig, with_settings

Value = str | int | float | bool | Sequence[Any]
"""A value of an axis. A list is one value: activations of the layers, or arguments of an environment."""


@dataclass(frozen=True)
class PlannedRun:
    """A run of a study."""

    config: TrainConfig
    """Resolved."""

    directory: RunDirectory


@dataclass(frozen=True)
class SweepConfig:
    """A study: every combination of the values of its axes, with every point and every seed, is a run.

    Example:
        >>> config = SweepConfig(TrainConfig(steps=1000), {"act": ["swim", "relu"]}, seeds=(0, 1))
        >>> len(config.runs(Path("runs/example")))
        4
    """

    base: TrainConfig = field(default_factory=TrainConfig)
    """The settings that all runs share, as far as they are no axis."""

    axes: Mapping[str, Sequence[Value]] = field(default_factory=dict)
    """Values by setting, such as ``{"env": ["Hopper-v4", "Ant-v4"], "td3.lr": [1e-4, 3e-4]}``; text for a
    number is understood. Every setting but the seed can be an axis."""

    seeds: tuple[int, ...] = (0,)

    points: tuple[Mapping[str, Value], ...] = ()
    """Settings that vary together, such as ``{"act": "swim", "td3.lr": 4e-4}`` and
    ``{"act": "relu", "td3.lr": 2e-4}``: each point, with every combination of the axes and every seed, is a
    run."""

    primary: Mapping[str, Any] | None = None
    """The comparison that is declared before the first run, as `swimrl.runs.declaration.Primary`'s fields."""

    tuning: Mapping[str, Any] | None = None
    """The tuning that chose the points, as `swimrl.runs.tuning_origin.TuningOrigin`'s fields."""

    def __post_init__(self) -> None:
        axes = {key.replace("-", "_"): list(values) for key, values in self.axes.items()}
        object.__setattr__(self, "axes", axes)
        points = ({key.replace("-", "_"): value for key, value in point.items()} for point in self.points)
        object.__setattr__(self, "points", tuple(points))

    def with_axes(self, axes: Mapping[str, Sequence[Value]]) -> SweepConfig:
        """Return the study with these axes added, or with these values where it has the axis already."""
        axes = {key.replace("-", "_"): list(values) for key, values in axes.items()}
        return replace(self, axes={**self.axes, **axes})

    def with_settings(self, settings: Mapping[str, Any]) -> SweepConfig:
        """Return the study with other values of settings that all runs share.

        Args:
            settings: By name, such as ``{"steps": 1e5, "td3": {"lr": 1e-3}}`` or ``{"td3.lr": 1e-3}``.

        Raises:
            ConfigError: If a setting is unknown, has a wrong value, or is an axis.
        """
        for key, value in settings.items():
            for name in [f"{key}.{inner}" for inner in value] if isinstance(value, Mapping) else [key]:
                if name.replace("-", "_") in self.axes:
                    raise ConfigError(f"{name} is an axis of the study; give its values in axes")
        return replace(self, base=replaced(self.base, settings))

    def runs(self, folder: Path) -> tuple[PlannedRun, ...]:
        """Return the runs in the order in which they are done; see `swimrl.sweeps.plan.expand`.

        Args:
            folder: The study's folder.
        """
        from swimrl.sweeps.plan import expand

        return expand(self.base, self.axes, self.seeds, folder, self.points)


def replaced(base: TrainConfig, settings: Mapping[str, Any]) -> TrainConfig:
    """Return ``base`` with other values.

    Args:
        base: Keeps its own values where no other is given.
        settings: Values by name. ``td3.lr`` is the setting ``lr`` of ``td3``; a mapping holds several.

    Raises:
        ConfigError: If a name is unknown, or a value is wrong; the message names it.
    """
    nested: dict[str, Any] = {}
    for key, value in settings.items():
        *parents, name = key.replace("-", "_").split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
        if isinstance(value, Mapping):
            place[name] = {**place.get(name, {}), **value}
        elif isinstance(value, list | tuple) and not isinstance(getattr(base, name, None), tuple):
            place[name] = ",".join(map(str, value))  # an activation for each layer
        else:
            place[name] = value
    return with_settings(base, nested, source="sweep")
