"""Settings from YAML files.

PyYAML follows YAML 1.1, in which ``3e-4`` is a string and ``on`` a boolean; values are therefore read by the
type of the field that they are for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from swimrl.errors import ConfigError
from swimrl.fields import from_mapping

T = TypeVar("T")


class _Loader(yaml.SafeLoader):
    """Refuses a key that is given twice; PyYAML silently keeps the last value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        for position, key in enumerate(keys):
            if key in keys[:position]:
                mark = node.value[position][0].start_mark
                raise yaml.constructor.ConstructorError(None, None, f"{key} is given twice", mark)
        return super().construct_mapping(node, deep)


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
