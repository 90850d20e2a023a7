"""How many threads compute a matrix product: settings of the whole process, changed for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from threadpoolctl import LibController, ThreadpoolController


@contextmanager
def product_threads(count: int) -> Iterator[None]:
    """Let PyTorch and NumPy's BLAS compute each product with ``count`` threads; put both back afterwards.

    Products of a few hundred rows and columns are too small to share: a second thread saves little on an idle
    machine, and on a busy one each product waits for it. The number of threads can also change the order of
    sums, hence the last digit. Entering and leaving takes 5 us.

    Args:
        count: At least 1.
    """
    settings = [
        (torch.set_num_threads, torch.get_num_threads()),
        *((library.set_num_threads, library.get_num_threads()) for library in _blas_libraries()),
    ]
    changed = [(change, before) for change, before in settings if before != count]
    for change, _ in changed:
        change(count)
    try:
        yield
    finally:
        for change, before in changed:
            change(before)


@cache
def _blas_libraries() -> list[LibController]:
    """Return the BLAS libraries in this process; finding them takes milliseconds."""
    return [lib for lib in ThreadpoolController().lib_controllers if lib.user_api == "blas"]
