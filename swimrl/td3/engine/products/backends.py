"""The calls that compute a matrix product: by NumPy's BLAS, PyTorch's default, oneDNN, or in bfloat16.

Letters in shapes: M, K, N as in [M, K] times [K, N].
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from swimrl.td3.engine.products.precision import at_highest_precision

Call = Callable[[], object]

BACKENDS = ("numpy", "torch", "onednn", "tiles")
"""NumPy's BLAS; PyTorch's default (MKL in its wheels); PyTorch's oneDNN, selected by ``medium`` precision;
our own, see `tiles`."""

BF16_BACKENDS = ("bf16", "onednn-bf16")
"""Our own rounding of operands and result around PyTorch's bfloat16 product; oneDNN's own rounding of the
operands, where ``medium`` precision means that."""


def describe(a: np.ndarray, b: np.ndarray) -> str:
    """Return the name of a product's shape: sizes, memory layout, dtype.

    Example:
        >>> describe(np.zeros((256, 17), np.float32), np.zeros((8, 17), np.float32).T)
        '256x17x8 nt float32'
    """
    layout = "".join("n" if x.strides[1] == x.itemsize else "t" for x in (a, b))
    return f"{a.shape[0]}x{a.shape[1]}x{b.shape[1]} {layout} {a.dtype}"


def bind(backend: str, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> Call:
    """Return the call that writes the product of ``a`` and ``b`` into ``out``, computed by ``backend``.

    Args:
        backend: One of `BACKENDS` or `BF16_BACKENDS`.
        a: [M, K], read at each call.
        b: [K, N], read at each call.
        out: [M, N].

    Returns:
        The call; it must be made within `precision.ready`.
    """
    if backend == "numpy":
        return partial(np.matmul, a, b, out)
    if backend == "tiles":
        from swimrl.td3.engine.products.tiles import compiled_product  # imports numba

        return partial(compiled_product(out.dtype.name), a, b, out)
    if backend == "bf16":
        return Bf16Product(a, b, out)
    tensors = torch.from_numpy(a), torch.from_numpy(b)
    through_torch = partial(torch.mm, *tensors, out=torch.from_numpy(out))
    return partial(at_highest_precision, through_torch) if backend == "torch" else through_torch


class Bf16Product:
    """A product of float32 arrays computed in bfloat16, accumulated in float32 and rounded to bfloat16.

    Args:
        a: [M, K], float32, read at each call.
        b: [K, N], float32, read at each call.
        out: [M, N], float32, written at each call.
    """

    def __init__(self, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
        self._operands = [torch.from_numpy(x) for x in (a, b)]
        self._out = torch.from_numpy(out)
        # Memory in the operands' own layout, so that the conversion runs along it.
        self._rounded = [torch.empty_like(x, dtype=torch.bfloat16) for x in self._operands]
        self._product = torch.empty_like(self._out, dtype=torch.bfloat16)

    def __call__(self) -> None:
        """Write the product of the operands' present numbers."""
        for rounded, operand in zip(self._rounded, self._operands, strict=True):
            rounded.copy_(operand)
        torch.mm(*self._rounded, out=self._product)
        self._out.copy_(self._product)
