"""Checks the arguments of a command before tyro reads them, so that an error is one line.

tyro prints a box of several lines instead, and silently keeps the last value of an option given twice.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import tyro

from swimrl.errors import InputError, UnknownNameError
from swimrl.fields import converted, home_expanded


@dataclasses.dataclass(frozen=True)
class _Option:
    """An option, or a positional argument."""

    name: str
    """As the user writes it: ``--td3.gamma``, or ``PATH`` for a positional argument."""

    hint: Any
    is_required: bool

    @property
    def takes_many(self) -> bool:
        return typing.get_origin(self.hint) is tuple


def check(kind: type, arguments: Sequence[str], command: str) -> None:
    """Check the ``arguments`` of a command whose options are the fields of dataclass ``kind``.

    Args:
        kind: A dataclass that tyro can read.
        arguments: The arguments that the user gave.
        command: Such as ``swimrl train``, for messages.

    Raises:
        UnknownNameError: If an option is unknown; the message names the closest ones.
        InputError: If an option is given twice, or a value is missing, of a wrong type or in the wrong place.
    """
    options, positions = named_options(kind), _positional(kind)
    seen: set[str] = set()
    unread = list(arguments)
    while unread:
        token = unread.pop(0)
        if not token.startswith("--"):
            if not positions:
                raise InputError(f"unexpected argument {token!r}; {command} --help lists the options")
            position = positions.pop(0)
            if position.takes_many:
                positions.insert(0, dataclasses.replace(position, is_required=False))
            converted(position.hint, [token] if position.takes_many else token, name=position.name)
            continue
        flag, equals, value = token.partition("=")
        flag = flag.replace("_", "-")
        if flag not in options:
            raise UnknownNameError("option", flag, options, f"{command} --help")
        option = options[flag]
        if option.name in seen:
            raise InputError(f"{option.name} is given twice; give it once")
        seen.add(option.name)
        if option.hint is bool:
            if equals:
                raise InputError(f"{flag} takes no value, but {value!r} is given; leave it out")
            continue
        following = list(itertools.takewhile(lambda one: not one.startswith("--"), unread))
        values = [value] if equals else following if option.takes_many else following[:1]
        if not values:
            raise InputError(f"{flag} needs a value; {command} --help says which")
        if not equals:
            del unread[: len(values)]
        converted(option.hint, values if option.takes_many else values[0], name=flag)
    missing = next((position.name for position in positions if position.is_required), None)
    if missing:
        raise InputError(f"{command} needs {missing}; {command} --help says what it is")


def with_home_expanded(args: Any) -> Any:
    """Return the arguments of a command with a leading ``~`` of every path replaced by the home directory.

    Raises:
        InputError: If there is no such home directory.
    """
    changed: dict[str, Path | tuple[Path, ...]] = {}
    for field in dataclasses.fields(args):
        value = getattr(args, field.name)
        if isinstance(value, Path):
            changed[field.name] = home_expanded(value)
        elif isinstance(value, tuple) and any(isinstance(one, Path) for one in value):
            changed[field.name] = tuple(home_expanded(one) for one in value)
    return dataclasses.replace(args, **changed) if changed else args


def named_options(kind: type) -> dict[str, _Option]:
    """Return the options by each of their spellings; a switch also has ``--no-...``."""
    options = {}
    for prefix, name, option in _fields(kind):
        if option.name.startswith("--"):
            options[option.name] = option
            if option.hint is bool:
                options[f"--{prefix}no-{name}"] = option
    return options


def _positional(kind: type) -> list[_Option]:
    return [option for _, _, option in _fields(kind) if not option.name.startswith("--")]


def _fields(kind: type, prefix: str = "") -> Iterator[tuple[str, str, _Option]]:
    """Yield prefix (with a dot), name and option of each field, also of nested dataclasses."""
    hints, annotated = typing.get_type_hints(kind), typing.get_type_hints(kind, include_extras=True)
    for field in dataclasses.fields(kind):
        hint, marks = hints[field.name], getattr(annotated[field.name], "__metadata__", ())
        if dataclasses.is_dataclass(hint) and isinstance(hint, type):
            is_flat = any(getattr(mark, "name", None) == "" for mark in marks)
            yield from _fields(hint, prefix="" if is_flat else f"{prefix}{field.name}.")
            continue
        if tyro.conf.Fixed in marks:
            continue
        # tyro.conf.arg(name=...) renames an option.
        renamed = next((mark.name for mark in marks if getattr(mark, "name", None)), field.name)
        name = renamed.replace("_", "-")
        is_position = tyro.conf.Positional in marks
        is_required = field.default is field.default_factory is dataclasses.MISSING
        yield prefix, name, _Option(name.upper() if is_position else f"--{prefix}{name}", hint, is_required)
