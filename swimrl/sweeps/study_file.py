"""Studies in YAML. Light: no torch, no Stable-Baselines3.

base:                       # what `swimrl train` takes, the same for all runs
  steps: 1e6
axes:                       # any setting can be an axis; every combination is a run
  env: [Hopper-v4, Ant-v4]
  act: [swim, relu, [relu, swim]]
  td3.lr: [1e-4, 3e-4]
points:                     # optional: settings that vary together; each point is combined with the axes
  - {act: swim, td3.lr: 4e-4}
  - {act: relu, td3.lr: 2e-4}
seeds: 0-9
primary:                    # optional: what is to be compared, declared before the first run
  metric: last10
  baseline: relu
  comparisons: [swim]
  environments: [Hopper-v4, Ant-v4]
  planned_seeds: 10
  correction: holm
  paired: false             # whether equal seeds are pairs
  diverged: random-policy   # the score of a diverged run from its failure on; or last-evaluation
tuning: {...}               # optional: `swimrl tune` writes what chose the points and what that cost
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from swimrl.errors import ConfigError
from swimrl.fields import from_mapping, to_mapping
from swimrl.runs.declaration import read_primary
from swimrl.runs.tuning_origin import read_origin
from swimrl.sweeps.axes import parse_seeds
from swimrl.sweeps.config import SweepConfig
from swimrl.training.config import TrainConfig
from swimrl.training.config_file import read_mapping

_KEYS = ("base", "axes", "points", "seeds", "primary", "tuning")


def read_study(path: Path) -> SweepConfig:
    """Return the study in the YAML file ``path``.

    Raises:
        ConfigError: If it cannot be read, or holds an unknown key or a wrong value; the message names it.
    """
    content = read_mapping(path)
    for key in content:
        if key not in _KEYS:
            raise ConfigError(
                f"{path}: unknown key {key}; a study has {', '.join(_KEYS)}; settings of runs go below base"
            )
    base, axes = (_mapping(content, key, path) for key in ("base", "axes"))
    for key, values in axes.items():
        if not isinstance(values, list):
            raise ConfigError(f"{path}: axes: {key} is {values!r}; expected a list, such as [1e-4, 3e-4]")
    points = content.get("points") or []
    if not isinstance(points, list) or not all(isinstance(point, Mapping) and point for point in points):
        raise ConfigError(
            f"{path}: points is {points!r}; expected a list such as [{{act: swim, td3.lr: 4e-4}}]"
        )
    seeds = content.get("seeds", 0)
    primary = content.get("primary")
    if primary is not None:
        primary = _mapping(content, "primary", path)
        read_primary(primary, source=f"{path}: primary")
    tuning = content.get("tuning")
    if tuning is not None:
        read_origin(tuning, source=f"{path}: tuning")
    return SweepConfig(
        base=from_mapping(TrainConfig, base, source=f"{path}: base"),
        axes={str(key): values for key, values in axes.items()},
        points=tuple({str(key): value for key, value in point.items()} for point in points),
        seeds=parse_seeds(map(str, seeds if isinstance(seeds, list) else [seeds])),
        primary=primary,
        tuning=tuning,
    )


def text_of(study: SweepConfig) -> str:
    """Return the YAML from which `read_study` reads the same study."""
    content = {
        "base": to_mapping(study.base),
        "axes": {key: list(values) for key, values in study.axes.items()},
        "points": [dict(point) for point in study.points],
        "seeds": list(study.seeds),
        "primary": study.primary,
        **({} if study.tuning is None else {"tuning": study.tuning}),
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _mapping(content: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    value = content.get(key) or {}
    if not isinstance(value, Mapping):
        raise ConfigError(f"{path}: {key} is {value!r}; expected settings of its own, indented")
    return value
