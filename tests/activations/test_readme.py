"""The formula that swimrl/activations/README.md walks through gives what the page shows."""

from __future__ import annotations

import doctest
from pathlib import Path

import swimrl.activations


def test_the_walk_is_true() -> None:
    page = Path(swimrl.activations.__file__).with_name("README.md")
    result = doctest.testfile(str(page), module_relative=False)
    assert result.attempted > 10
    assert result.failed == 0
