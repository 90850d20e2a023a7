"""What the tests of commands share: a run in the small environment of the tests of training."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished run, for reading only."""
    from tests.training.small_runs import FINISHED, train_line

    return train_line(tmp_path_factory.mktemp("study"), FINISHED)
