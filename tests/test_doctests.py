"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import swimrl
from tests.registrations import forgotten_afterwards

MODULES = [
    module.name
    for module in pkgutil.walk_packages(swimrl.__path__, "swimrl.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    with forgotten_afterwards():
        assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0
