"""Which runs a study consists of. Nothing here reads or writes a file."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from swimrl.envs.seeding import check_seed
from swimrl.errors import ConfigError
from swimrl.fields import from_mapping, to_mapping
from swimrl.runs.directory import RunDirectory
from swimrl.training.config import TrainConfig
from swimrl.training.resolved import directory_of, resolve

Value = str | int | float | bool | Sequence[Any]
"""A value of an axis. A list is one value: activations of the layers, or arguments of an environment."""


@dataclass(frozen=True)
class PlannedRun:
    """A run of a study."""

    config: TrainConfig
    """Resolved."""

    directory: RunDirectory


def expand(
    base: TrainConfig, axes: Mapping[str, Sequence[Value]], seeds: Sequence[int], study: Path
) -> tuple[PlannedRun, ...]:
    """Return every combination of the values of the axes with every seed.

    All arms of the first seed come before those of the second, so that a study that is broken off is
    balanced. Within a seed the last axis varies fastest.

    Args:
        base: The settings that are no axis.
        axes: Values by configuration key, such as ``{"env": [...], "td3.lr": [1e-4, 3e-4]}``; text for a
            number is understood.
        seeds: The seeds; the one of ``base`` does not count.
        study: The folder of the study.

    Raises:
        ConfigError: If a key is unknown, an axis is empty, a value cannot be used, or two runs are equal.
        SwimrlError: If an activation cannot be used.
    """
    axes = {key.replace("-", "_"): values for key, values in axes.items()}
    for key, values in {"seeds": seeds, **axes}.items():
        if not values:
            raise ConfigError(f"{key} has no values; give at least one, or leave it out")
    if "seed" in axes:
        raise ConfigError("seed is no axis; give --seeds, such as --seeds 0-9")
    runs: dict[Path, PlannedRun] = {}
    for seed in seeds:
        for values in itertools.product(*axes.values()):
            chosen = dict(zip(axes, values, strict=True))
            resolved = resolve(_with(base, chosen, check_seed(seed)))
            run = PlannedRun(resolved.config, directory_of(resolved, study))
            if run.directory.path in runs:
                settings = ", ".join(f"{key} {value}" for key, value in {**chosen, "seed": seed}.items())
                raise ConfigError(
                    f"two runs of the study have one place: {settings} goes to {run.directory.path}, as one "
                    "before; name every value once (steps and checkpoint_every do not count)"
                )
            runs[run.directory.path] = run
    return tuple(runs.values())


def _with(base: TrainConfig, chosen: Mapping[str, Value], seed: int) -> TrainConfig:
    content: dict[str, Any] = {**to_mapping(base), "seed": seed}
    for key, value in chosen.items():
        *parents, name = key.split(".")
        place = content
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise ConfigError(f"sweep: unknown key {key}; {parent} has no settings of its own")
        if isinstance(value, list | tuple) and not isinstance(place.get(name), list):
            value = ",".join(map(str, value))  # an activation for each layer
        place[name] = value
    return from_mapping(TrainConfig, content, source="sweep")


def parse_seeds(texts: Iterable[str]) -> tuple[int, ...]:
    """Return the seeds that texts such as ``0-9`` or ``0,3,7`` name, in their order.

    Raises:
        ConfigError: If one is no seed or range of seeds, or is named twice.

    Example:
        >>> parse_seeds(["0-2", "7"])
        (0, 1, 2, 7)
    """
    seeds: list[int] = []
    for part in (part.strip() for text in texts for part in text.split(",")):
        first, dash, last = part.partition("-")
        if not (first.isdecimal() and (last.isdecimal() or not dash)):
            raise ConfigError(
                f"--seeds {part!r} is neither a seed nor a range; expected one such as 3 or 0-9"
            )
        start, stop = check_seed(int(first)), check_seed(int(last or first))
        if not start <= stop < start + _MOST_SEEDS:
            raise ConfigError(
                f"--seeds {part} is no range of 1 to {_MOST_SEEDS:,} seeds; expected one such as 0-9"
            )
        seeds += range(start, stop + 1)
    for seed in seeds:
        if seeds.count(seed) > 1:
            raise ConfigError(f"--seeds names {seed} twice; name every seed once")
    return tuple(seeds)


_MOST_SEEDS = 1_000


def parse_axis(text: str) -> tuple[str, list[Value]]:
    """Return key and values of an axis written as ``KEY=v1,v2``.

    Commas within brackets do not separate values. A value in square brackets is one list.

    Raises:
        ConfigError: If it is written otherwise.

    Example:
        >>> parse_axis("td3.lr=1e-4,3e-4")
        ('td3.lr', ['1e-4', '3e-4'])
        >>> parse_axis("act=pau(a=1, b=2),[relu,swim]")
        ('act', ['pau(a=1, b=2)', ['relu', 'swim']])
    """
    key, equals, values = text.partition("=")
    if not (equals and key.strip()):
        raise ConfigError(
            f"--grid {text!r} is not of the form KEY=v1,v2; expected one such as td3.lr=1e-4,3e-4"
        )
    return key.strip(), [_parse_value(value, text) for value in _split(values, text)]


def _parse_value(text: str, axis: str) -> Value:
    if text.startswith("[") and text.endswith("]"):
        return _split(text[1:-1], axis)
    return text == "true" if text in ("true", "false") else text


def _split(text: str, axis: str) -> list[str]:
    """Split at the commas that no bracket encloses."""
    parts, depth = [""], 0
    for character in text:
        depth += (character in "([") - (character in ")]")
        if depth < 0:
            break
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    parts = [part.strip() for part in parts]
    if depth or not all(parts):
        raise ConfigError(
            f"--grid {axis!r} has an empty value or a bracket without its other half; "
            "expected values such as v1,v2"
        )
    return parts
