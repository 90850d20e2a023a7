"""What the tests of commands share: a run in the small environment of the tests of training."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

# Where worlds.py and small_runs.py are.
sys.path.append(str(Path(__file__).parents[1] / "training"))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished run, for reading only."""
    from small_runs import FINISHED, train_line

    return train_line(tmp_path_factory.mktemp("study"), FINISHED)
