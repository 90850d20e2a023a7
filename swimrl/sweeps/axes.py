"""Axes and seeds as people write them. Light."""

from __future__ import annotations

from collections.abc import Iterable

from swimrl.envs.seeding import check_seed
from swimrl.errors import ConfigError, InputError
from swimrl.sweeps.config import Value

_MOST_SEEDS = 1_000


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


def parse_numbers(text: str, count: int) -> range:
    """Return the numbers of runs that a text such as ``3`` or ``4-7`` names.

    Args:
        text: A number, or the first and the last.
        count: How many runs there are; their numbers start at 0.

    Raises:
        InputError: If it names no runs, or some that do not exist.

    Example:
        >>> parse_numbers("4-7", 10)
        range(4, 8)
    """
    first, dash, last = text.partition("-")
    if not (first.isdecimal() and (last.isdecimal() or not dash)):
        raise InputError(f"--only is {text!r}; expected a run's number or a range, such as 3 or 4-7")
    start, stop = int(first), int(last or first) + 1
    if not start < stop <= count:
        raise InputError(f"--only is {text}, but the study has runs 0 to {count - 1}")
    return range(start, stop)


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
    """Return the parts between the commas that no bracket encloses."""
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
