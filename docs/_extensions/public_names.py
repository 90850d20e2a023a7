"""Writes the API page: each package that has an ``__all__``, with each of its names once."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

from sphinx.application import Sphinx

import swimrl

_PAGE = "docs/api"


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect to Sphinx's events."""
    app.connect("source-read", _append)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _append(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == _PAGE:
        source[0] += "".join(_sections())


def _sections() -> Iterator[str]:
    seen: set[int] = set()
    packages = [module.name for module in pkgutil.walk_packages(swimrl.__path__, "swimrl.") if module.ispkg]
    for package in ["swimrl", *packages]:
        module = importlib.import_module(package)
        # What `swimrl` exports is shown there, under the name that people use.
        names = {name: id(getattr(module, name)) for name in getattr(module, "__all__", ())}
        new = [name for name, identity in names.items() if identity not in seen and name != "__version__"]
        seen.update(names.values())
        if new:
            yield (
                f"\n## {package}\n\n```{{eval-rst}}\n.. automodule:: {package}\n"
                f"   :members: {', '.join(new)}\n```\n"
            )
