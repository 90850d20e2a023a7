"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import swimrl
from swimrl.activations import REGISTRY

MODULES = [
    module.name
    for module in pkgutil.walk_packages(swimrl.__path__, "swimrl.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        REGISTRY, "_definitions", dict(REGISTRY._definitions)
    )  # forget what examples register
    monkeypatch.setattr(REGISTRY, "_main_names", dict(REGISTRY._main_names))
    module = importlib.import_module(name)
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0
