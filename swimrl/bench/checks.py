"""Checks of options that several benchmarks share."""

from __future__ import annotations

from collections.abc import Sequence

from swimrl.activations.language.names import parse_name
from swimrl.errors import ConfigError


def check_counts(**options: int) -> None:
    """Check options that count something.

    Raises:
        ConfigError: If one is below 1.
    """
    for name, value in options.items():
        if value < 1:
            flag = name.replace("_", "-")
            raise ConfigError(f"--{flag} is {value}; expected a whole number of at least 1")


def check_seed(seed: int) -> None:
    """Check ``--seed``.

    Raises:
        ConfigError: If it is negative.
    """
    if seed < 0:
        raise ConfigError(f"--seed is {seed}; expected a whole number of at least 0")


def check_reading(seconds: float, *, example: float) -> None:
    """Check ``--reading``.

    Args:
        seconds: The value.
        example: A sensible value, for the message.

    Raises:
        ConfigError: If it is no time up to an hour.
    """
    if not 0 < seconds < 3600:
        raise ConfigError(f"--reading is {seconds}; expected seconds, such as {example}")


def check_distinct(option: str, values: Sequence[str]) -> None:
    """Check an option with several values.

    Raises:
        ConfigError: If a value is given twice.
    """
    if len(set(values)) < len(values):
        raise ConfigError(f"{option} names one of {' '.join(values)} twice; give each once")


def canonical_names(option: str, names: Sequence[str]) -> list[str]:
    """Return the canonical names of activations.

    Args:
        option: The option that gave them, for the message.
        names: As the user wrote them.

    Raises:
        ConfigError: If two names mean the same activation.
        SwimrlError: If a name cannot be used.
    """
    canonical = [parse_name(name).canonical for name in names]
    if len(set(canonical)) < len(canonical):
        raise ConfigError(f"{option} names one of {' '.join(names)} twice; give each once")
    return canonical
