"""Settings as frozen dataclasses: counts, plain mappings of them, and values of the fields' types.

Light: what reads a configuration needs neither torch nor Gymnasium.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import numbers
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tyro

from swimrl.errors import ConfigError, InputError, closest

T = TypeVar("T")


def parse_count(text: str) -> int:
    """Return the whole number that ``text`` gives; ``1e6`` and ``1_000_000`` are understood.

    Raises:
        ValueError: If it is no whole number.

    Example:
        >>> parse_count("1e6")
        1000000
    """
    number = float(text)
    if not number.is_integer():
        raise ValueError(f"{text!r} is not a whole number; expected one such as 100000 or 1e5")
    return int(number)


Count = Annotated[
    int,
    tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="INT",
        instance_from_str=lambda args: parse_count(args[0]),
        is_instance=lambda value: isinstance(value, int),
        str_from_instance=lambda value: [str(value)],
    ),
]
"""A whole number that may be written 1e6."""


def _parse_count_or_auto(text: str) -> int | Literal["auto"]:
    return "auto" if text == "auto" else parse_count(text)


CountOrAuto = Annotated[
    int | Literal["auto"],
    tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar="INT|auto",
        instance_from_str=lambda args: _parse_count_or_auto(args[0]),
        is_instance=lambda value: isinstance(value, int) or value == "auto",
        str_from_instance=lambda value: [str(value)],
    ),
]
"""A whole number, or ``auto``."""


def copy_fields(source: Any, kind: type[T]) -> T:
    """Return dataclass ``kind`` with the values of the fields that it shares with the dataclass ``source``.

    Example:
        >>> @dataclasses.dataclass(frozen=True)
        ... class Config:
        ...     seed: int = 0
        >>> @dataclasses.dataclass(frozen=True)
        ... class Args(Config):
        ...     json: bool = False
        >>> copy_fields(Args(seed=3, json=True), Config)
        Config(seed=3)
    """
    own = {field.name for field in dataclasses.fields(source)}
    shared = (field.name for field in dataclasses.fields(kind) if field.name in own)  # type: ignore[arg-type]
    return kind(**{name: getattr(source, name) for name in shared})


def home_expanded(path: Path) -> Path:
    """Return ``path`` with a leading ``~`` or ``~user`` replaced; shells do not do so in ``--out=~/runs``.

    Raises:
        InputError: If there is no such user, or this one has no home directory.
    """
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise InputError(
            f"{path} starts in the home directory of a user who has none; give the path in full"
        ) from error


def flatten(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested settings as one mapping whose keys have dots.

    Example:
        >>> flatten({"seed": 0, "td3": {"lr": 3e-4}})
        {'seed': 0, 'td3.lr': 0.0003}
    """
    flat: dict[str, Any] = {}
    for name, value in content.items():
        is_nested = isinstance(value, Mapping)
        flat |= flatten(value, f"{prefix}{name}.") if is_nested else {prefix + name: value}
    return flat


def from_mapping(kind: type[T], content: Mapping[str, Any], *, source: str, prefix: str = "") -> T:
    """Return dataclass ``kind`` with the values of ``content``.

    Args:
        kind: A dataclass.
        content: Field names (``-`` and ``_`` are the same) and values; nested mappings for nested
            dataclasses.
        source: Where the content comes from, for messages.
        prefix: Name of the enclosing field with a dot, for messages.

    Raises:
        ConfigError: If a key is unknown or given twice, or a value is of a wrong type or out of range; the
            message names the source, the key and what is expected.
    """
    hints = _type_hints(typing.cast("Any", kind))  # mypy does not know that a class can be hashed
    values: dict[str, Any] = {}
    for key, value in content.items():
        name = str(key).replace("-", "_")
        if name not in hints:
            near = closest(name, hints)
            known = f"did you mean {prefix}{near[0]}?" if near else f"known are {', '.join(hints)}"
            raise ConfigError(f"{source}: unknown key {prefix}{key!s}; {known}")
        if name in values:
            raise ConfigError(f"{source}: key {prefix}{key!s} is given twice; give it once")
        hint, full_name = _without_none(hints[name], value), f"{source}: {prefix}{name}"
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


@functools.cache
def _type_hints(kind: type) -> dict[str, Any]:
    """Return the types of a dataclass's fields; finding them takes half a millisecond."""
    return typing.get_type_hints(kind)


def _without_none(hint: Any, value: Any) -> Any:
    """Return a dataclass for the hint of one or None, unless the value is None; other hints stay."""
    options = [option for option in typing.get_args(hint) if option is not types.NoneType]
    is_nested = len(options) == 1 and dataclasses.is_dataclass(options[0])
    return options[0] if is_nested and value is not None else hint


def to_mapping(config: Any) -> dict[str, Any]:
    """Return a dataclass as plain nested data, ready for JSON or YAML."""
    return dataclasses.asdict(config, dict_factory=_plain)


def _plain(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in items}


def converted(hint: Any, value: Any, *, name: str) -> Any:
    """Return ``value``, as YAML or the command line gives it, as the type of a field.

    Args:
        hint: The field's type: a scalar, a literal, a tuple of scalars, a mapping from text to one of these,
            one of these or None, or a scalar and then a literal.
        value: What was given; text for a number is understood.
        name: What the message calls the field.

    Raises:
        ConfigError: If it cannot be; the message says what is expected.
    """
    origin, options = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None and types.NoneType in options:
            return None
        hint, *others = (option for option in options if option is not types.NoneType)
        words = [word for other in others for word in typing.get_args(other)]
        if value in words:
            return value
        try:
            return converted(hint, value, name=name)
        except ConfigError as error:
            raise ConfigError(", or ".join([str(error), *words])) from error
    if origin is tuple:
        items = [value] if isinstance(value, str) else value
        if isinstance(items, Mapping):  # env_kwargs: {name: value} reads better in YAML than name=value
            items = [f"{key}={'null' if item is None else item}" for key, item in items.items()]
        if not isinstance(items, list | tuple):
            raise ConfigError(f"{name} is {_shown(value)}; expected a list")
        return tuple(converted(options[0], item, name=name) for item in items)
    if origin is Mapping:
        if not isinstance(value, Mapping):
            raise ConfigError(f"{name} is {_shown(value)}; expected names with values, indented")
        return {str(key): converted(options[1], of, name=f"{name}.{key}") for key, of in value.items()}
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
    is_number = isinstance(value, numbers.Real) and not isinstance(value, bool)  # NumPy's too
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
            return home_expanded(Path(value))
    except (ValueError, OverflowError):
        pass
    raise ConfigError(f"{name} is {_shown(value)}; expected {_EXPECTED[kind]}")


def _shown(value: Any) -> str:
    """Return ``value`` as YAML writes it: ``true`` and ``null``, not ``True`` and ``None``."""
    return repr(value) if isinstance(value, str) else json.dumps(value, default=str)
