"""What the tests of reports share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# Where studies.py is.
sys.path.append(str(Path(__file__).parent))


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished study with a declaration, for reading only."""
    from studies import PRIMARY, write_study

    return write_study(tmp_path_factory.mktemp("study"), primary=PRIMARY)
