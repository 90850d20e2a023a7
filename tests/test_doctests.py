"""The examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import tempfile
from pathlib import Path

import pytest

import swimrl
from tests.registrations import forgotten_afterwards

MODULES = [
    module.name
    for module in pkgutil.walk_packages(swimrl.__path__, "swimrl.")
    if not module.name.endswith("__main__")
]


@pytest.mark.usefixtures("runs_in_this_process")
@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # examples make folders and leave them
    module = importlib.import_module(name)
    with forgotten_afterwards():
        assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0
