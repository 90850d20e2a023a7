"""Which library computes a matrix product, chosen for each shape by measuring speed and error.

On one and the same processor the libraries that NumPy and PyTorch bring differ by a factor of two, and not
always in the same direction: a library that does not know the processor's model takes its slower
instructions. So each shape is measured once, in the layout in which the engine uses it, and the choice is
kept in a file for this host, so that the next run takes the same one: the order of sums, hence the last
digit, depends on it.

A candidate whose error against float64 is not that of float32 arithmetic is never taken, whatever its speed:
PyTorch's ``medium`` precision reaches oneDNN everywhere, but on processors with units for bfloat16 matrices
it also lets oneDNN round to bfloat16. Where it does, it is no candidate, and a choice made elsewhere that
names it is refused.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from swimrl.errors import ConfigError
from swimrl.host import library_versions, processor_model

Call = Callable[[], object]
BindProduct = Callable[[np.ndarray, np.ndarray, np.ndarray], Call]
"""(a [M, K], b [K, N], out [M, N]) -> the call that writes the product of a and b into out."""

BACKENDS = ("numpy", "torch", "onednn")
"""NumPy's BLAS; PyTorch's default (MKL in its wheels); PyTorch's oneDNN, reached by ``medium`` precision."""

BF16_BACKENDS = ("bf16", "onednn-bf16")
"""Operands and result rounded by us around PyTorch's bfloat16 product; oneDNN's own rounding of the operands,
where ``medium`` precision means that."""

Precision = Literal["float32", "bf16"]

# Below this many multiplications the conversion to bfloat16 costs more than it saves.
_WORTH_BF16 = 2**21

# A candidate may err by this much more than the most accurate one: sums of another order differ by about 2,
# bfloat16 by about 10^4.
_TOLERATED_ERROR_RATIO = 8.0
_ROUNDS = 25
_ROUND_S = 0.001


_UNWRITTEN: dict[str, str] = {}
"""Choices that could not be written to the file, so that the agents of one process agree all the same."""


class ProductPlanner:
    """Binds products to the backend that is best for their shape on this host.

    Args:
        pinned: A choice made before, shape to backend, which wins over any measurement.
        bf16: Whether large products are computed in bfloat16, accumulated in float32. That is another
            arithmetic, with 3 decimal digits instead of 7, and is only done when asked for.
        side_by_side: Whether products are computed in several threads at once. PyTorch's two libraries then
            exclude each other, for one setting of the whole process chooses between them.

    Attributes:
        chosen: Shape to backend, of all products bound so far; what run.json records.

    Raises:
        ConfigError: If a pinned backend does not exist, or has another arithmetic on this processor.
    """

    def __init__(
        self, pinned: Mapping[str, str] | None = None, *, bf16: bool = False, side_by_side: bool = False
    ) -> None:
        # One product at a time and one thread for each: these products are too small to share, and the
        # number of threads can change the order of sums.
        threadpool_limits(limits=1, user_api="blas")
        self._pinned = dict(pinned or {})
        for shape, backend in self._pinned.items():
            _check_pinned(shape, backend)
        self._bf16 = ("bf16" if onednn_is_float32() else "onednn-bf16") if bf16 else None
        # Whether PyTorch's setting is to be that of oneDNN while products are computed.
        self._through_onednn = onednn_is_float32() or self._bf16 == "onednn-bf16"
        excludes_torch = side_by_side and self._through_onednn
        self._all_candidates = not excludes_torch
        self._candidates = tuple(
            name
            for name in BACKENDS
            if (name != "onednn" or onednn_is_float32()) and (name != "torch" or not excludes_torch)
        )
        self.chosen: dict[str, str] = {}

    def product(self, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> Call:
        """Return the call that writes the product of ``a`` [M, K] and ``b`` [K, N] into ``out`` [M, N]."""
        shape = describe(a, b)
        if self._bf16 and a.shape[0] * a.shape[1] * b.shape[1] >= _WORTH_BF16:
            if self._pinned.get(shape) not in BF16_BACKENDS:
                self._pinned[shape] = self._bf16
        elif shape not in self._pinned:
            # Fewer candidates make a choice of their own, lest they replace that of all.
            name = shape if self._all_candidates else f"{shape} side by side"
            self._pinned[shape] = _remembered_choice(name, self._candidates, a, b, out)
        self.chosen[shape] = self._pinned[shape]
        return bind(self._pinned[shape], a, b, out)

    def ready(self) -> AbstractContextManager[None]:
        """Return the context in which the calls from `product` are to be made."""
        return ready("medium" if self._through_onednn else "highest")


def _check_pinned(shape: str, backend: str) -> None:
    if backend not in (*BACKENDS, *BF16_BACKENDS):
        raise ConfigError(
            f"the product {shape} is pinned to the backend {backend!r}, which this swimrl does not "
            f"have; expected one of {', '.join((*BACKENDS, *BF16_BACKENDS))}; use the swimrl that chose it"
        )
    here = {"onednn": onednn_is_float32(), "onednn-bf16": not onednn_is_float32()}
    if not here.get(backend, True):
        arithmetic = "bfloat16" if backend == "onednn" else "float32"
        raise ConfigError(
            f"the product {shape} is pinned to the backend {backend!r}, which computes in {arithmetic} on "
            f"this processor ({processor_model()}); go on where the choice was made, or start anew here"
        )


@cache
def onednn_is_float32() -> bool:
    """Return whether ``medium`` precision leaves oneDNN in float32, as it does without units for bfloat16."""
    generator = np.random.RandomState(0)
    a, b = (generator.randn(256, 256).astype(np.float32) for _ in range(2))
    truth = a.astype(np.float64) @ b.astype(np.float64)
    out = np.empty_like(a)
    errors = {}
    with ready():
        for name in ("torch", "onednn"):
            bind(name, a, b, out)()
            errors[name] = float(np.abs(out - truth).max())
    return errors["onednn"] <= _TOLERATED_ERROR_RATIO * errors["torch"]


def describe(a: np.ndarray, b: np.ndarray) -> str:
    """Return what tells one product from another: sizes, memory layout, dtype.

    Example:
        >>> describe(np.zeros((256, 17), np.float32), np.zeros((8, 17), np.float32).T)
        '256x17x8 nt float32'
    """
    layout = "".join("n" if x.strides[1] == x.itemsize else "t" for x in (a, b))
    return f"{a.shape[0]}x{a.shape[1]}x{b.shape[1]} {layout} {a.dtype}"


def bind(backend: str, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> Call:
    """Return the call that computes the product with ``backend``; see `ready` for where it may be called."""
    if backend == "numpy":
        return partial(np.matmul, a, b, out)
    if backend == "bf16":
        return _Bf16Product(a, b, out)
    tensors = torch.from_numpy(a), torch.from_numpy(b)
    through_torch = partial(torch.mm, *tensors, out=torch.from_numpy(out))
    return partial(_at_highest_precision, through_torch) if backend == "torch" else through_torch


class _Bf16Product:
    """A product of float32 arrays computed in bfloat16, accumulated in float32 and rounded to bfloat16."""

    def __init__(self, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
        self._operands = [torch.from_numpy(x) for x in (a, b)]
        self._out = torch.from_numpy(out)
        # Memory in the operands' own layout, so that the conversion runs along it.
        self._rounded = [torch.empty_like(x, dtype=torch.bfloat16) for x in self._operands]
        self._product = torch.empty_like(self._out, dtype=torch.bfloat16)

    def __call__(self) -> None:
        for rounded, operand in zip(self._rounded, self._operands, strict=True):
            rounded.copy_(operand)
        torch.mm(*self._rounded, out=self._product)
        self._out.copy_(self._product)


@contextmanager
def ready(precision: Literal["medium", "highest"] = "medium") -> Iterator[None]:
    """Set PyTorch's precision, ``medium`` for oneDNN, as calls from `bind` expect; NumPy tells no overflow.

    Overflow is no surprise in a network that diverges; the loss tells, and the agent stops.
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


def _at_highest_precision(call: Call) -> None:
    before = torch.get_float32_matmul_precision()
    if before == "highest":  # then threads side by side do not disturb each other
        call()
        return
    torch.set_float32_matmul_precision("highest")
    try:
        call()
    finally:
        torch.set_float32_matmul_precision(before)


def measure(
    a: np.ndarray, b: np.ndarray, out: np.ndarray, candidates: Collection[str] = BACKENDS
) -> dict[str, tuple[float, float]]:
    """Return seconds and error of each candidate for one product.

    The rounds of the backends are interleaved, so that a disturbance hits all alike, and the shortest round
    counts. The error is the largest absolute difference from the float64 product.
    """
    generator = np.random.RandomState(0)
    a_random, b_random, scratch = (_same_layout(x, generator) for x in (a, b, out))
    truth = a_random.astype(np.float64) @ b_random.astype(np.float64)
    calls = {name: bind(name, a_random, b_random, scratch) for name in candidates}
    with ready():
        return _measure(calls, scratch, truth)


def _measure(
    calls: Mapping[str, Call], scratch: np.ndarray, truth: np.ndarray
) -> dict[str, tuple[float, float]]:
    errors, best = {}, dict.fromkeys(calls, float("inf"))
    repeats = 1
    for name, call in calls.items():
        call()
        errors[name] = float(np.abs(scratch - truth).max())
        started = time.perf_counter()
        call()
        repeats = max(repeats, int(_ROUND_S / max(time.perf_counter() - started, 1e-7)))
    for _ in range(_ROUNDS):
        for name, call in calls.items():
            started = time.perf_counter()
            for _ in range(repeats):
                call()
            best[name] = min(best[name], (time.perf_counter() - started) / repeats)
    return {name: (best[name], errors[name]) for name in calls}


def choose(measured: Mapping[str, tuple[float, float]]) -> str:
    """Return the fastest backend whose error is that of the arrays' own precision."""
    least_error = min(error for _, error in measured.values())
    sound = {
        name: seconds
        for name, (seconds, error) in measured.items()
        if error <= _TOLERATED_ERROR_RATIO * least_error
    }
    return min(sound, key=sound.__getitem__)


def _same_layout(x: np.ndarray, generator: np.random.RandomState) -> np.ndarray:
    """Return random numbers in the shape and with the strides of ``x``."""
    reach = sum((size - 1) * stride for size, stride in zip(x.shape, x.strides, strict=True))
    memory = generator.randn(reach // x.itemsize + 1).astype(x.dtype)
    return np.lib.stride_tricks.as_strided(memory, x.shape, x.strides)


def _remembered_choice(
    shape: str, candidates: Collection[str], a: np.ndarray, b: np.ndarray, out: np.ndarray
) -> str:
    path = cache_file()
    try:
        choices = dict(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        choices = {}
    choices.update(_UNWRITTEN)
    if choices.get(shape) not in candidates:
        choices[shape] = choose(measure(a, b, out, candidates))
        aside = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps(choices, indent=2))
            aside.replace(path)
        except OSError:
            # An unwritable cache costs a new measurement in the next process, nothing else.
            _UNWRITTEN[shape] = choices[shape]
    return str(choices[shape])


def cache_file() -> Path:
    """Return where this host's choices are kept.

    The name holds what a choice depends on: processor, library versions, and the BLAS core that was asked
    for.
    """
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    versions = library_versions()
    host = f"{processor_model()} {os.environ.get('OPENBLAS_CORETYPE', '')}".strip().replace(" ", "-")
    host = "".join(c for c in host if c.isalnum() or c in "-_.")
    return root / "swimrl" / f"products-{host}-torch{versions['torch']}-numpy{versions['numpy']}.json"
