from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.registrations import forgotten_afterwards


@pytest.fixture
def forget_registrations() -> Iterator[None]:
    """What a test registers is gone when it ends."""
    with forgotten_afterwards():
        yield
