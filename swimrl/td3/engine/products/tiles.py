"""Our own matrix product, compiled by numba for this processor: tiles of the output in vector registers.

At the sizes of TD3 a library's product spends much of its time before and after the arithmetic. This one
holds a tile of the output in registers while it runs along the contraction, reads the left factor where it
lies, and copies the right factor only where its rows are not contiguous (Goto & van de Geijn 2008, without
the blocks for larger matrices). A weight gradient of a few columns is computed transposed, where more columns
fill the registers.

Each number of the output is one chain of fused multiply-adds in the order of the contraction. So it does
not depend on the tiles, on the vectors' width or on how many rows are computed at once: a part of a minibatch
gives the same bits as the whole, on every processor with fused multiply-adds. Where the output has one
column, 16 chains are added in a fixed order.

Letters in shapes: M, K, N as in [M, K] times [K, N].
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba.core import cgutils, config, types
from numba.extending import intrinsic

from swimrl.activations.cpu import cache
from swimrl.activations.cpu.lanes import wide_vectors

_int = ir.IntType(64)
_get_function: Any = cgutils.get_or_insert_function
_operation: Callable[[Callable[..., Any]], Callable[..., Any]] = intrinsic
_DOT_CHAINS = 16
_DOT_ROWS = 4


class Tile(NamedTuple):
    """The part of the output that is held in registers."""

    lanes: int
    """Numbers in a vector register."""

    rows: int
    vectors: int
    """Registers side by side in each row."""

    @property
    def columns(self) -> int:
        """Numbers in each row."""
        return self.lanes * self.vectors


def host_tile(itemsize: int) -> Tile:
    """Return the tile for this processor.

    Enough registers hold the output to hide the latency of a multiply-add, and the others hold a row of the
    right factor and a number of the left one.

    Args:
        itemsize: Bytes of a number.
    """
    settings: Any = config
    given = settings.CPU_FEATURES
    features = given or llvmlite.binding.get_host_cpu_features().flatten()
    if "+avx512f" in features:
        return Tile(64 // itemsize, 8, 2)  # of 32 registers
    if "+avx" in features:
        return Tile(32 // itemsize, 6, 2)  # of 16 registers
    return Tile(16 // itemsize, 6, 4)  # of 32 registers, on ARM


class _Emitter:
    """Emits the vector operations of one loop.

    Args:
        builder: Where to emit.
        itemsize: Bytes of a number.
        lanes: Numbers in a vector.
    """

    def __init__(self, builder: Any, itemsize: int, lanes: int) -> None:
        self.builder = builder
        self.lanes = lanes
        self.itemsize = itemsize
        self.scalar = ir.FloatType() if itemsize == 4 else ir.DoubleType()
        self.vector = ir.VectorType(self.scalar, lanes)
        self.suffix = f"v{lanes}f{8 * itemsize}"
        self.zero = ir.Constant(self.vector, [0.0] * lanes)
        self._undefined = ir.Constant(self.vector, ir.Undefined)

    def number(self, value: int) -> Any:
        return ir.Constant(_int, value)

    def address(self, base: Any, index: Any) -> Any:
        """Return the address of the number ``index`` after ``base``; both are int64."""
        return self.builder.add(base, self.builder.mul(index, self.number(self.itemsize)))

    def load(self, address: Any, kind: Any = None) -> Any:
        pointer = self.builder.inttoptr(address, (kind or self.vector).as_pointer())
        return self.builder.load(pointer, align=self.itemsize)

    def store(self, value: Any, address: Any) -> None:
        pointer = self.builder.inttoptr(address, value.type.as_pointer())
        self.builder.store(value, pointer, align=self.itemsize)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        signature = ir.FunctionType(self.vector, [self.vector] * 3)
        return self.builder.call(
            _get_function(self.builder.module, signature, f"llvm.fma.{self.suffix}"), [a, b, c]
        )

    def shuffle(self, a: Any, b: Any, order: list[int]) -> Any:
        kind = ir.VectorType(ir.IntType(32), len(order))
        return self.builder.shuffle_vector(a, b, ir.Constant(kind, order))

    def spread(self, scalar: Any) -> Any:
        """Return the vector with ``scalar`` in every lane."""
        first = self.builder.insert_element(self._undefined, scalar, ir.Constant(ir.IntType(32), 0))
        return self.shuffle(first, self._undefined, [0] * self.lanes)

    def store_first(self, value: Any, address: Any, count: Any) -> None:
        """Store the first ``count`` lanes of a vector."""
        mask = self._first(count)
        pointer = self.builder.inttoptr(address, self.vector.as_pointer())
        kinds = [self.vector, pointer.type, ir.IntType(32), mask.type]
        store = _get_function(
            self.builder.module,
            ir.FunctionType(ir.VoidType(), kinds),
            f"llvm.masked.store.{self.suffix}.p0",
        )
        self.builder.call(store, [value, pointer, ir.Constant(ir.IntType(32), self.itemsize), mask])

    def load_first(self, address: Any, count: Any) -> Any:
        """Load the first ``count`` lanes of a vector; the others are 0."""
        mask = self._first(count)
        pointer = self.builder.inttoptr(address, self.vector.as_pointer())
        kinds = [pointer.type, ir.IntType(32), mask.type, self.vector]
        load = _get_function(
            self.builder.module,
            ir.FunctionType(self.vector, kinds),
            f"llvm.masked.load.{self.suffix}.p0",
        )
        alignment = ir.Constant(ir.IntType(32), self.itemsize)
        return self.builder.call(load, [pointer, alignment, mask, self.zero])

    def _first(self, count: Any) -> Any:
        """Return the mask of the first ``count`` lanes."""
        integers = ir.VectorType(_int, self.lanes)
        undefined = ir.Constant(integers, ir.Undefined)
        first = self.builder.insert_element(undefined, count, ir.Constant(ir.IntType(32), 0))
        limit = self.shuffle(first, undefined, [0] * self.lanes)
        return self.builder.icmp_signed("<", ir.Constant(integers, list(range(self.lanes))), limit)

    def clamped(self, count: int, limit: Any) -> list[Any]:
        """Return 0, 1 ... count - 1, each at most limit - 1: rows beyond the end repeat the last one."""
        last = self.builder.sub(limit, self.number(1))
        numbers = map(self.number, range(count))
        return [self.builder.select(self.builder.icmp_signed("<", n, last), n, last) for n in numbers]

    def loop(self, count: Any, starts: list[Any], body: Callable[[list[Any]], list[Any]]) -> list[Any]:
        """Emit a loop that runs at least once; return its variables behind it.

        Args:
            count: How often it runs, int64.
            starts: The variables before the first time.
            body: Takes the variables, emits the body and returns their next values.
        """
        builder, before = self.builder, self.builder.block
        inside, behind = (builder.append_basic_block(name) for name in ("inside", "behind"))
        builder.branch(inside)
        builder.position_at_end(inside)
        variables = []
        for start in (self.number(0), *starts):
            variable = builder.phi(start.type)
            variable.add_incoming(start, before)
            variables.append(variable)
        following = [builder.add(variables[0], self.number(1)), *body(variables[1:])]
        for variable, value in zip(variables, following, strict=True):
            variable.add_incoming(value, inside)
        builder.cbranch(builder.icmp_signed("<", following[0], count), inside, behind)
        builder.position_at_end(behind)
        return following[1:]


def _tile_operation(tile: Tile, itemsize: int) -> Callable[..., Any]:
    """Return the operation that computes one tile of the output.

    Its arguments are int64: the addresses of the left factor's first number, of the right factor's, and of
    the output's; the strides of rows and columns, in numbers; K; how many rows and columns of the output are
    left from here on.
    """

    @_operation
    def compute(  # type: ignore[no-untyped-def]
        typing, a, a_row, a_column, b, b_row, contraction, out, out_row, rows, columns
    ):
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            a, a_row, a_column, b, b_row, contraction, out, out_row, rows, columns = args
            emitter = _Emitter(builder, itemsize, tile.lanes)
            numbers = emitter.clamped(tile.rows, rows)
            left = [emitter.address(a, builder.mul(n, a_row)) for n in numbers]
            written = [emitter.address(out, builder.mul(n, out_row)) for n in numbers]
            width = tile.lanes * itemsize
            along_a, along_b = (builder.mul(stride, emitter.number(itemsize)) for stride in (a_column, b_row))

            def step(variables: list[Any]) -> list[Any]:
                offset, row, *sums = variables
                right = [
                    emitter.load(builder.add(row, emitter.number(width * v))) for v in range(tile.vectors)
                ]
                spread = [
                    emitter.spread(emitter.load(builder.add(start, offset), emitter.scalar)) for start in left
                ]
                new = [
                    emitter.fma(x, y, sums[r * tile.vectors + v])
                    for r, x in enumerate(spread)
                    for v, y in enumerate(right)
                ]
                return [builder.add(offset, along_a), builder.add(row, along_b), *new]

            zeros = [emitter.zero] * (tile.rows * tile.vectors)
            _, _, *sums = emitter.loop(contraction, [emitter.number(0), b, *zeros], step)
            is_whole = builder.icmp_signed(">=", columns, emitter.number(tile.columns))
            with builder.if_else(is_whole) as (whole, part):
                for branch, is_part in ((whole, False), (part, True)):
                    with branch:
                        for position, value in enumerate(sums):
                            r, v = divmod(position, tile.vectors)
                            address = builder.add(written[r], emitter.number(width * v))
                            if is_part:
                                left_over = builder.sub(columns, emitter.number(v * tile.lanes))
                                emitter.store_first(value, address, left_over)
                            else:
                                emitter.store(value, address)
            return context.get_dummy_value()

        return types.void(*[types.int64] * 10), emit

    return compute


def _transpose_operation(lanes: int, itemsize: int) -> Callable[..., Any]:
    """Return the operation that copies a square of ``lanes`` rows and columns, transposed.

    Its arguments are int64: the address and the row stride of what is read, then of what is written; strides
    in numbers.
    """

    @_operation
    def transpose(typing, source, source_row, target, target_row):  # type: ignore[no-untyped-def]
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            source, source_row, target, target_row = args
            emitter = _Emitter(builder, itemsize, lanes)
            rows = [
                emitter.load(emitter.address(source, builder.mul(emitter.number(n), source_row)))
                for n in range(lanes)
            ]
            half = lanes // 2
            low = [n // 2 + lanes * (n % 2) for n in range(lanes)]  # the two vectors' first halves, in turn
            high = [n + half for n in low]
            for _ in range(lanes.bit_length() - 1):
                rows = [
                    emitter.shuffle(rows[n // 2], rows[n // 2 + half], high if n % 2 else low)
                    for n in range(lanes)
                ]
            for n, row in enumerate(rows):
                emitter.store(row, emitter.address(target, builder.mul(emitter.number(n), target_row)))
            return context.get_dummy_value()

        return types.void(*[types.int64] * 4), emit

    return transpose


def _copy_operation(tile: Tile, itemsize: int) -> Callable[..., Any]:
    """Return the operation that copies the beginning of a contiguous row, with zeros behind it.

    Its arguments are int64: the addresses of what is read and of what is written, a tile's row; how many
    numbers are copied.
    """

    @_operation
    def copy(typing, source, target, columns):  # type: ignore[no-untyped-def]
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            source, target, columns = args
            emitter = _Emitter(builder, itemsize, tile.lanes)
            for v in range(tile.vectors):
                before = v * tile.lanes
                count = builder.sub(columns, emitter.number(before))
                value = emitter.load_first(emitter.address(source, emitter.number(before)), count)
                emitter.store(value, emitter.address(target, emitter.number(before)))
            return context.get_dummy_value()

        return types.void(*[types.int64] * 3), emit

    return copy


def _dot_operation(itemsize: int) -> Callable[..., Any]:
    """Return the operation that multiplies a few contiguous rows by one contiguous vector.

    Its arguments are int64: the addresses of the rows, of the vector and of the output; the strides of the
    rows and of the output, in numbers; K, a multiple of 16; how many rows are left from here on.
    """

    @_operation
    def dot(typing, a, a_row, b, contraction, out, out_row, rows):  # type: ignore[no-untyped-def]
        def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            a, a_row, b, contraction, out, out_row, rows = args
            emitter = _Emitter(builder, itemsize, _DOT_CHAINS)
            numbers = emitter.clamped(_DOT_ROWS, rows)
            starts = [emitter.address(a, builder.mul(n, a_row)) for n in numbers]

            def step(variables: list[Any]) -> list[Any]:
                offset, *sums = variables
                right = emitter.load(builder.add(b, offset))
                new = [
                    emitter.fma(emitter.load(builder.add(start, offset)), right, total)
                    for start, total in zip(starts, sums, strict=True)
                ]
                return [builder.add(offset, emitter.number(_DOT_CHAINS * itemsize)), *new]

            times = builder.sdiv(contraction, emitter.number(_DOT_CHAINS))
            _, *sums = emitter.loop(times, [emitter.number(0), *[emitter.zero] * _DOT_ROWS], step)
            for n, total in zip(numbers, sums, strict=True):
                count = _DOT_CHAINS
                while count > 1:
                    count //= 2
                    halves = (list(range(count)), list(range(count, 2 * count)))
                    total = builder.fadd(*(emitter.shuffle(total, total, half) for half in halves))
                value = builder.extract_element(total, ir.Constant(ir.IntType(32), 0))
                emitter.store(value, emitter.address(out, builder.mul(n, out_row)))
            return context.get_dummy_value()

        return types.void(*[types.int64] * 7), emit

    return dot


def _product(itemsize: int) -> Callable[..., None]:
    """Return the function that multiplies, for numba to compile."""
    tile = host_tile(itemsize)
    # For outputs of a few columns, such as actions, and of one or two rows, such as a value's gradient.
    narrow, narrowest = Tile(tile.lanes, tile.rows, 1), Tile(tile.lanes // 2, tile.rows, 1)
    row = Tile(tile.lanes, 1, tile.vectors)
    compute_tile, compute_narrow, compute_narrowest, compute_row = (
        _tile_operation(t, itemsize) for t in (tile, narrow, narrowest, row)
    )
    transpose, copy = _transpose_operation(tile.lanes, itemsize), _copy_operation(tile, itemsize)
    dot = _dot_operation(itemsize)
    lanes, tile_rows, tile_columns = tile.lanes, tile.rows, tile.columns
    rows_at_once, chains, line = _DOT_ROWS, _DOT_CHAINS, 64 // itemsize

    def product(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
        wide_vectors()
        size = a.itemsize
        a_at, b_at, out_at = a.ctypes.data, b.ctypes.data, out.ctypes.data
        a_row, a_column = a.strides[0] // size, a.strides[1] // size
        b_row, b_column = b.strides[0] // size, b.strides[1] // size
        out_row = out.strides[0] // size
        m, k, n = a.shape[0], a.shape[1], b.shape[1]
        # The transposed output, where its columns fill vectors better than those of the output itself.
        is_turned = (
            a_row == 1
            and b_column == 1
            and m % tile_columns == 0
            and -(n // -tile_rows) * tile_rows * -(m // -lanes)
            < -(m // -tile_rows) * tile_rows * -(n // -lanes)
        )
        turned = np.empty(m * n if is_turned else 0, a.dtype)
        if is_turned:
            a_at, b_at, out_at = b_at, a_at, turned.ctypes.data
            a_row, a_column, b_row, out_row = 1, b_row, a_column, m
            m, n = n, m
        if n == 1 and a_column == 1 and b_row == 1 and k % chains == 0:
            for i in range(0, m, rows_at_once):
                dot(a_at + i * a_row * size, a_row, b_at, k, out_at + i * out_row * size, out_row, m - i)
            return
        panel = np.empty(k * tile_columns + line, a.dtype)
        panel_at = panel.ctypes.data + -panel.ctypes.data % 64
        first = (panel_at - panel.ctypes.data) // size
        for j in range(0, n, tile_columns):
            columns = min(tile_columns, n - j)
            if b_column == 1 and columns == tile_columns:
                right_at, right_row = b_at + j * size, b_row
            else:
                # Into the panel, a copy with contiguous rows, and zeros beyond the columns.
                right_at, right_row = panel_at, tile_columns
                if b_column == 1:
                    for p in range(k):
                        copy(b_at + (p * b_row + j) * size, panel_at + p * tile_columns * size, columns)
                else:
                    # Up to where the panel is read.
                    filled = lanes // 2 if m > 2 and columns <= lanes // 2 else tile_columns
                    squares = (k // lanes if b_row == 1 else 0) * lanes
                    in_squares = (columns // lanes if b_row == 1 else 0) * lanes
                    for q in range(0, in_squares, lanes):
                        for p in range(0, squares, lanes):
                            transpose(
                                b_at + ((j + q) * b_column + p) * size,
                                b_column,
                                panel_at + (p * tile_columns + q) * size,
                                tile_columns,
                            )
                    for p in range(k):
                        at = first + p * tile_columns
                        for q in range(in_squares if p < squares else 0, columns):
                            panel[at + q] = b[p, j + q]
                        for q in range(columns, filled):
                            panel[at + q] = 0
            target = out_at + j * size
            if m <= 2:
                for i in range(m):
                    compute_row(
                        a_at + i * a_row * size, a_row, a_column, right_at, right_row, k,
                        target + i * out_row * size, out_row, m - i, columns,
                    )  # fmt: skip
            elif columns <= lanes // 2:
                for i in range(0, m, tile_rows):
                    compute_narrowest(
                        a_at + i * a_row * size, a_row, a_column, right_at, right_row, k,
                        target + i * out_row * size, out_row, m - i, columns,
                    )  # fmt: skip
            elif columns <= lanes:
                for i in range(0, m, tile_rows):
                    compute_narrow(
                        a_at + i * a_row * size, a_row, a_column, right_at, right_row, k,
                        target + i * out_row * size, out_row, m - i, columns,
                    )  # fmt: skip
            else:
                for i in range(0, m, tile_rows):
                    compute_tile(
                        a_at + i * a_row * size, a_row, a_column, right_at, right_row, k,
                        target + i * out_row * size, out_row, m - i, columns,
                    )  # fmt: skip
        if is_turned:
            for i in range(n):
                for j in range(m):
                    out[i, j] = turned[j * n + i]

    return product


@functools.cache
def compiled_product(dtype: str) -> Callable[[np.ndarray, np.ndarray, np.ndarray], None]:
    """Return the compiled function that writes the product of its first two arguments into the third.

    The arrays may have any strides, except that the rows of the output are contiguous.

    Args:
        dtype: ``"float32"`` or ``"float64"``.
    """
    array = f"{dtype}[:, :]"
    product: Callable[[np.ndarray, np.ndarray, np.ndarray], None] = cache.compiled(
        _product(np.dtype(dtype).itemsize),
        f"void({array}, {array}, {array})",
        source=inspect.getsource(sys.modules[__name__]),
    )
    return product
