"""Reading settings from YAML into frozen dataclasses, and writing them back.

PyYAML follows YAML 1.1, in which ``3e-4`` is a string and ``on`` a boolean; values are therefore read by the
type of the field that they are for.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from swimrl.errors import ConfigError, InputError, closest
from swimrl.td3.config import parse_count

T = TypeVar("T")


class _Loader(yaml.SafeLoader):
    """Refuses a key that is given twice, of which YAML's readers silently keep the last value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                mark = node.value[position][0].start_mark
                raise yaml.constructor.ConstructorError(None, None, f"{key} is given twice", mark)
        return super().construct_mapping(node, deep)


def load(path: Path, kind: type[T]) -> T:
    """Return the settings of the YAML file ``path`` as ``kind``; what it leaves out has its default.

    Raises:
        ConfigError: If the file cannot be read, is no mapping, or holds an unknown key or a value of a wrong
            type; the message names file, key and what is expected.
    """
    return from_mapping(kind, read_mapping(path), source=str(path))


def read_mapping(path: Path) -> Mapping[str, Any]:
    """Return the content of the YAML file ``path``, an empty mapping if it is empty.

    Raises:
        ConfigError: If the file cannot be read or is no mapping.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigError(
            f"cannot read --config {path}: {reason}; name a YAML file, such as configs/quick.yaml"
        ) from error
    except yaml.YAMLError as error:
        where = ""
        if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
            where = f" in line {error.problem_mark.line + 1} ({error.problem})"
        raise ConfigError(
            f"{path} is no valid YAML{where}; expected lines such as 'env: Hopper-v4'"
        ) from error
    if content is None:
        return {}
    if not isinstance(content, Mapping):
        raise ConfigError(f"{path} holds no settings; expected lines such as 'env: Hopper-v4'")
    return content


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
            known = f"did you mean {prefix}{near[0]}?" if near else f"known are {', '.join(hints)}"
            raise ConfigError(f"{source}: unknown key {prefix}{key!s}; {known}")
        if name in values:
            raise ConfigError(f"{source}: key {prefix}{key!s} is given twice; give it once")
        hint, full_name = hints[name], f"{source}: {prefix}{name}"
        if not (dataclasses.is_dataclass(hint) and isinstance(hint, type)):
            values[name] = converted(hint, value, name=full_name)
        elif isinstance(value, Mapping):
            values[name] = from_mapping(hint, value, source=source, prefix=f"{prefix}{name}.")
        else:
            raise ConfigError(f"{full_name} is {_shown(value)}; expected settings of its own, indented")
    try:
        return kind(**values)
    except InputError as error:
        raise ConfigError(f"{source}: {error}") from error


def to_mapping(config: Any) -> dict[str, Any]:
    """Return a dataclass as plain nested data, ready for JSON or YAML."""
    return dataclasses.asdict(config, dict_factory=_plain)


def _plain(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in items}


def converted(hint: Any, value: Any, *, name: str) -> Any:
    """Return ``value``, as YAML or the command line gives it, as the type of a field.

    Args:
        hint: The field's type: a scalar, a literal, a tuple of scalars, or one of these or None.
        value: What was given; text for a number is understood.
        name: What the message calls the field.

    Raises:
        ConfigError: If it cannot be; the message says what is expected.
    """
    origin, options = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and types.NoneType in options:
            return None
        (hint,) = (option for option in options if option is not types.NoneType)
        return converted(hint, value, name=name)
    if origin is tuple:
        items = [value] if isinstance(value, str) else value
        if isinstance(items, Mapping):  # env_kwargs: {name: value} reads better in YAML than name=value
            items = [f"{key}={item}" for key, item in items.items()]
        if not isinstance(items, list):
            raise ConfigError(f"{name} is {_shown(value)}; expected a list")
        return tuple(converted(options[0], item, name=name) for item in items)
    if origin is typing.Literal:
        if value not in options:
            raise ConfigError(f"{name} is {_shown(value)}; expected one of {', '.join(map(str, options))}")
        return value
    return _scalar(hint, value, name)


_EXPECTED = {
    bool: "true or false",
    int: "a whole number, such as 1000 or 1e6",
    float: "a number, such as 0.01 or 3e-4",
    str: "text",
    Path: "a path",
}


def _scalar(kind: type, value: Any, name: str) -> Any:
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
        if kind is Path and isinstance(value, str):
            return Path(value)
    except (ValueError, OverflowError):
        pass
    raise ConfigError(f"{name} is {_shown(value)}; expected {_EXPECTED[kind]}")


def _shown(value: Any) -> str:
    """Return ``value`` as YAML writes it: ``true`` and ``null``, not ``True`` and ``None``."""
    return repr(value) if isinstance(value, str) else json.dumps(value, default=str)
