"""PyTorch's precision of float32 products: one setting of the whole process, changed and put back here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import numpy as np
import torch


@contextmanager
def ready(precision: Literal["medium", "highest"] = "medium") -> Iterator[None]:
    """Prepare for calls of `backends.bind`: set PyTorch's precision, and silence NumPy's overflow warnings.

    A network that diverges overflows; the loss shows it, and the agent stops.

    Args:
        precision: ``medium`` for oneDNN.
    """
    before = torch.get_float32_matmul_precision()
    if before != precision:
        torch.set_float32_matmul_precision(precision)
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        if before != precision:
            torch.set_float32_matmul_precision(before)


def at_highest_precision(call: Callable[[], object]) -> None:
    """Call with PyTorch's highest precision, which leaves oneDNN out."""
    before = torch.get_float32_matmul_precision()
    if before == "highest":  # then threads do not disturb each other
        call()
        return
    torch.set_float32_matmul_precision("highest")
    try:
        call()
    finally:
        torch.set_float32_matmul_precision(before)
