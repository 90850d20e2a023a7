"""Reading settings from YAML into frozen dataclasses, and writing them back.

PyYAML follows YAML 1.1, in which ``3e-4`` is a string and ``on`` a boolean; values are therefore read by the
type of the field that they are for.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from swimrl.errors import ConfigError, closest
from swimrl.td3.config import parse_count

T = TypeVar("T")


def load(path: Path, kind: type[T]) -> T:
    """Return the settings of the YAML file ``path`` as ``kind``; what it leaves out has its default.

    Raises:
        ConfigError: If the file cannot be read, is no mapping, or holds an unknown key or a value of a wrong
            type; the message names file, key and what is expected.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigError(f"cannot read --config {path}: {reason}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise ConfigError(
            f"{path} is no valid YAML{where}; expected lines such as 'env: Hopper-v4'"
        ) from error
    if content is None:
        content = {}
    if not isinstance(content, Mapping):
        raise ConfigError(f"{path} holds no settings; expected lines such as 'env: Hopper-v4'")
    return from_mapping(kind, content, source=str(path))


def from_mapping(kind: type[T], content: Mapping[str, Any], *, source: str, prefix: str = "") -> T:
    """Return dataclass ``kind`` with the values of ``content``.

    Args:
        kind: A dataclass.
        content: Field names (``-`` and ``_`` are the same) and values; nested mappings for nested
        dataclasses.
        source: Where the content comes from, for messages.
        prefix: Name of the enclosing field with a dot, for messages.

    Raises:
        ConfigError: As `load`.
    """
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for key, value in content.items():
        name = str(key).replace("-", "_")
        if name not in hints:
            near = closest(name, hints)
            hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(hints)}"
            raise ConfigError(f"{source}: unknown key {prefix}{key!s}; {hint}")
        if name in values:
            raise ConfigError(f"{source}: key {prefix}{key!s} is given twice; give it once")
        values[name] = _converted(hints[name], value, source=source, key=f"{prefix}{name}")
    return kind(**values)


def to_mapping(config: Any) -> dict[str, Any]:
    """Return a dataclass as plain nested data, ready for JSON or YAML."""
    return dataclasses.asdict(config, dict_factory=_plain)


def _plain(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in items}


def _converted(hint: Any, value: Any, *, source: str, key: str) -> Any:
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if not isinstance(value, Mapping):
            raise ConfigError(f"{source}: {key} is {value!r}; expected settings of its own, indented")
        return from_mapping(hint, value, source=source, prefix=f"{key}.")
    origin, options = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and types.NoneType in options:
            return None
        (hint,) = (option for option in options if option is not types.NoneType)
        return _converted(hint, value, source=source, key=key)
    if origin is tuple:
        items = [value] if isinstance(value, str) else value
        if isinstance(items, Mapping):  # env_kwargs: {name: value} reads better in YAML than name=value
            items = [f"{name}={item}" for name, item in items.items()]
        if not isinstance(items, list):
            raise ConfigError(f"{source}: {key} is {value!r}; expected a list")
        return tuple(_converted(options[0], item, source=source, key=key) for item in items)
    if origin is typing.Literal:
        if value not in options:
            expected = ", ".join(map(str, options))
            raise ConfigError(f"{source}: {key} is {value!r}; expected one of {expected}")
        return value
    return _scalar(hint, value, source=source, key=key)


def _scalar(kind: type, value: Any, *, source: str, key: str) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    try:
        if kind is bool and isinstance(value, bool):
            return value
        if kind is int and (is_number or isinstance(value, str)):
            return parse_count(str(value))
        if kind is float and (is_number or isinstance(value, str)):
            return float(value)
        if kind is str and (isinstance(value, str) or is_number):
            return str(value)
    except (ValueError, OverflowError):
        pass
    expected = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}[kind]
    raise ConfigError(f"{source}: {key} is {value!r}; expected {expected}")
