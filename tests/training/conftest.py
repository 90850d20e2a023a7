"""What the tests of training share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from swimrl.training import build
from swimrl.training.config import TrainConfig
from tests.training.small_runs import FINISHED, Settings, train_line


@pytest.fixture(scope="session", autouse=True)
def worlds() -> None:
    """Register the environments of ``worlds.py``."""
    build.import_modules(TrainConfig(imports=("worlds",)))


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Path]:
    """A function that trains with the given settings and returns the directory of the run."""

    def train(*parts: Settings) -> Path:
        return train_line(tmp_path, *parts)

    return train


@pytest.fixture(scope="session")
def finished(worlds: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a finished run, for reading only."""
    return train_line(tmp_path_factory.mktemp("study"), FINISHED)
