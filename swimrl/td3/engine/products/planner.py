"""Chooses a backend for each product of the engine and binds it.

Letters in shapes: M, K, N as in [M, K] times [K, N].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

import numpy as np

from swimrl.errors import ConfigError
from swimrl.host import processor_model
from swimrl.td3.engine.products.backends import BACKENDS, BF16_BACKENDS, Call, bind, describe
from swimrl.td3.engine.products.choice import choose
from swimrl.td3.engine.products.choices_file import remembered
from swimrl.td3.engine.products.measurement import measure, onednn_is_float32, sound_backends
from swimrl.td3.engine.products.precision import ready

BindProduct = Callable[[np.ndarray, np.ndarray, np.ndarray], Call]
"""Takes a [M, K], b [K, N], out [M, N]; returns the call that writes the product of a and b into out."""

# Below this many multiplications the conversion to bfloat16 costs more than it saves.
_WORTH_BF16 = 2**21


class ProductPlanner:
    """Binds products to the backend that is best for their shape on this host.

    Products are bound and computed within ``product_threads(1)``.

    Args:
        pinned: A choice made before, shape to backend, which wins over any measurement.
        bf16: Whether large products are computed in bfloat16, accumulated in float32. That is another
            arithmetic, with 3 decimal digits instead of 7, and is only done when asked for.
        shared: Whether several threads compute products at once. All but those in bfloat16 are then our own,
            because they need no lock and no setting of the whole process, and give the same bits for a part
            of the rows as for all.

    Attributes:
        chosen: Shape to backend, of all products bound so far; what run.json records.

    Raises:
        ConfigError: If a pinned backend does not exist, or has another arithmetic on this processor.
    """

    def __init__(
        self, pinned: Mapping[str, str] | None = None, *, bf16: bool = False, shared: bool = False
    ) -> None:
        self._pinned = dict(pinned or {})
        for shape, backend in self._pinned.items():
            _check_pinned(shape, backend)
        self._bf16 = ("bf16" if onednn_is_float32() else "onednn-bf16") if bf16 else None
        # Whether PyTorch's precision must select oneDNN while products are computed.
        self._through_onednn = onednn_is_float32() or self._bf16 == "onednn-bf16"
        self._candidates = tuple(name for name in BACKENDS if name in sound_backends())
        self._shared = shared
        self.chosen: dict[str, str] = {}

    def product(self, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> Call:
        """Return the call that writes the product of ``a`` [M, K] and ``b`` [K, N] into ``out`` [M, N]."""
        shape = describe(a, b)
        if self._bf16 and a.shape[0] * a.shape[1] * b.shape[1] >= _WORTH_BF16:
            if self._pinned.get(shape) not in BF16_BACKENDS:
                self._pinned[shape] = self._bf16
        elif self._shared:
            self._pinned[shape] = "tiles"
        elif shape not in self._pinned:
            self._pinned[shape] = remembered(
                shape, self._candidates, lambda: choose(measure(a, b, out, self._candidates))
            )
        self.chosen[shape] = self._pinned[shape]
        return bind(self._pinned[shape], a, b, out)

    def ready(self) -> AbstractContextManager[None]:
        """Return the context in which the calls from `product` must be made."""
        return ready("medium" if self._through_onednn else "highest")


def _check_pinned(shape: str, backend: str) -> None:
    if backend not in (*BACKENDS, *BF16_BACKENDS):
        raise ConfigError(
            f"the product {shape} is pinned to the backend {backend!r}, which this swimrl does not "
            f"have; expected one of {', '.join((*BACKENDS, *BF16_BACKENDS))}; use the swimrl that chose it"
        )
    if backend not in sound_backends():
        arithmetic = "bfloat16" if backend == "onednn" else "float32"
        raise ConfigError(
            f"the product {shape} is pinned to the backend {backend!r}, which computes in {arithmetic} on "
            f"this processor ({processor_model()}); go on where the choice was made, or start anew here"
        )
