"""Settings from YAML files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from swimrl.errors import ConfigError
from swimrl.fields import from_mapping

T = TypeVar("T")


class _Loader(yaml.SafeLoader):
    """Reads numbers in base 10 only, and refuses a key that is given twice.

    PyYAML follows YAML 1.1: it reads ``010`` as 8 and ``1:30`` as 90. If a key is given twice it silently
    keeps the last value.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                mark = node.value[position][0].start_mark
                raise yaml.constructor.ConstructorError(None, None, f"{key} is given twice", mark)
        return super().construct_mapping(node, deep)


_INT, _FLOAT, _DATE = (f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp"))
_INT_PATTERN = r"[-+]?[0-9][0-9_]*\Z"
_FLOAT_PATTERN = (  # that of YAML 1.1 without base 60; with_numbers and the fields' types read 3e-4
    r"(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (_INT, _FLOAT, _DATE)]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(_INT, re.compile(_INT_PATTERN), list("-+0123456789"))
_Loader.add_implicit_resolver(_FLOAT, re.compile(_FLOAT_PATTERN), list("-+.0123456789"))
_Loader.add_constructor(_INT, lambda _, node: int(node.value))


def parse_yaml(text: str) -> Any:
    """Return the content of a YAML document.

    Raises:
        yaml.YAMLError: If it is not valid.

    Example:
        >>> parse_yaml("[010, 1:30, 0.5, true]")
        [10, '1:30', 0.5, True]
    """
    return yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader


def load(path: Path, kind: type[T]) -> T:
    """Return the settings of the YAML file ``path`` as ``kind``; missing settings have their defaults.

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
        content = parse_yaml(path.read_text(encoding="utf-8"))
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
