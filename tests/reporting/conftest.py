"""What the tests of reports share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished study with a declaration, for reading only."""
    from tests.reporting.studies import PRIMARY, write_study

    return write_study(tmp_path_factory.mktemp("study"), primary=PRIMARY)
