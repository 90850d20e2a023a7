"""What a test registers is gone when it ends."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from swimrl.activations import REGISTRY


@contextlib.contextmanager
def forgotten_afterwards() -> Iterator[None]:
    """Remove the activations that are registered inside."""
    before = {definition.name for definition in REGISTRY.definitions()}
    try:
        yield
    finally:
        for definition in REGISTRY.definitions():
            if definition.name not in before:
                REGISTRY.remove(definition.name)
