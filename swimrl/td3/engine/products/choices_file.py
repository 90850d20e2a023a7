"""The choices that were made on this host, in a JSON file: product to backend."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection
from functools import cache
from importlib.metadata import version
from pathlib import Path

from swimrl.host import cache_folder, processor_model, processor_numbers
from swimrl.td3.engine.products.backends import BACKENDS

_UNWRITTEN: dict[str, str] = {}
"""Choices that could not be written to the file, so that the agents of one process agree all the same."""


def remembered(name: str, candidates: Collection[str], choose: Callable[[], str]) -> str:
    """Return the file's choice if it is among ``candidates``; else make it with ``choose``, and write it.

    A file that cannot be written costs a new measurement in the next process, nothing else.
    """
    choices = _read() | _UNWRITTEN
    if choices.get(name) not in candidates:
        choices[name] = choose()
        try:
            _write(choices)
        except OSError:
            _UNWRITTEN[name] = choices[name]
    return choices[name]


def choices_file() -> Path:
    """Return the file of this host's choices.

    Its name holds what a choice depends on: the processor's name, family and model, versions of the
    libraries, the BLAS core that was asked for, and the backends that there are. So machines that share a
    home folder share a choice only if they are alike, and a new backend is compared with the others on each.

    Raises:
        OSError: If there is no folder for it.
    """
    return cache_folder() / _file_name(os.environ.get("OPENBLAS_CORETYPE", ""), BACKENDS)


@cache
def _file_name(blas_core: str, backends: tuple[str, ...]) -> str:
    words = (processor_model(), processor_numbers(), blas_core)
    host = " ".join(filter(None, words)).replace(" ", "-")
    host = "".join(c for c in host if c.isalnum() or c in "-_.")
    libraries = f"torch{version('torch')}-numpy{version('numpy')}"
    return f"products-{host}-{libraries}-{'+'.join(backends)}.json"


def _read() -> dict[str, str]:
    try:
        return dict(json.loads(choices_file().read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def _write(choices: dict[str, str]) -> None:
    path = choices_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(choices, indent=2))
    aside.replace(path)
