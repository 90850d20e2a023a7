"""Our own matrix product: every remainder and layout, and that a part of the rows gives the same bits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from swimrl.td3.engine.products.tiles import compiled_product, host_tile

SIZES = (1, 2, 3, 6, 7, 8, 16, 17, 23, 32, 33, 48, 70)


def in_layout(x: np.ndarray, layout: str) -> np.ndarray:
    """Return ``x`` with contiguous rows, contiguous columns, or neither, inside a larger array."""
    if layout == "t":
        return np.ascontiguousarray(x.T).T
    if layout == "inside":
        larger = np.full((x.shape[0] + 2, 2 * x.shape[1]), np.nan, x.dtype)
        larger[1:-1, ::2] = x
        return larger[1:-1, ::2]
    return x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equals_numpys_product_and_writes_nothing_else(dtype: str) -> None:
    generator = np.random.RandomState(0)
    product = compiled_product(dtype)
    tolerance = 100 * np.finfo(dtype).eps
    layouts = list(itertools.product(("n", "t", "inside"), repeat=2))
    for number, (m, n) in enumerate(itertools.product(SIZES, SIZES)):
        k = SIZES[(m + n) % len(SIZES)] if number % 5 else 16 * (1 + number % 3)
        first, second = layouts[number % len(layouts)]
        a = in_layout(generator.randn(m, k).astype(dtype), first)
        b = in_layout(generator.randn(k, n).astype(dtype), second)
        around = np.full((m + 2, n + 2), 7, dtype)
        out = around[1:-1, 1:-1]
        product(a, b, out)
        scale = np.abs(a) @ np.abs(b)
        assert (np.abs(out - a.astype(np.float64) @ b.astype(np.float64)) <= tolerance * scale).all()
        out[:] = 7
        assert (around == 7).all()


@pytest.mark.parametrize("n", [1, 6, 23, 64])
def test_a_part_of_the_rows_gives_the_bits_of_the_whole(n: int) -> None:
    generator = np.random.RandomState(1)
    product = compiled_product("float32")
    a, b = (generator.randn(*shape).astype(np.float32) for shape in ((50, 64), (n, 64)))
    whole, parts = (np.empty((50, n), np.float32) for _ in range(2))
    product(a, b.T, whole)
    for rows in (slice(0, 1), slice(1, 3), slice(3, 20), slice(20, 50)):
        product(a[rows], b.T, parts[rows])
    np.testing.assert_array_equal(parts, whole)


@pytest.mark.parametrize("n", [3, 17, 23, 33, 64])
@pytest.mark.parametrize("m", [32, 64, 70])
def test_a_transposed_left_factor_gives_the_same_bits(m: int, n: int) -> None:
    generator = np.random.RandomState(2)
    product = compiled_product("float32")
    a, b = (generator.randn(*shape).astype(np.float32) for shape in ((m, 50), (50, n)))
    plain, transposed = (np.empty((m, n), np.float32) for _ in range(2))
    product(a, b, plain)
    product(in_layout(a, "t"), b, transposed)
    np.testing.assert_array_equal(transposed, plain)


def test_each_number_is_a_chain_of_fused_multiply_adds_in_order() -> None:
    # With one rounding for each multiply-add, float64 computes the float32 chain: products of two float32
    # numbers are exact in float64, and here so are the sums before they are rounded to float32.
    generator = np.random.RandomState(2)
    a = generator.randint(-(2**12), 2**12, (9, 40)).astype(np.float32)
    b = generator.randint(-(2**12), 2**12, (40, 33)).astype(np.float32)
    chain = np.zeros((9, 33), np.float32)
    for k in range(40):
        exact = a[:, k, None].astype(np.float64) * b[k] + chain
        chain = exact.astype(np.float32)
    out = np.empty_like(chain)
    compiled_product("float32")(a, b, out)
    np.testing.assert_array_equal(out, chain)


def test_nan_and_infinity_stay_visible() -> None:
    a, b = np.ones((9, 20), np.float32), np.ones((20, 40), np.float32)
    a[3, 5], b[2, 7] = np.nan, np.inf
    out = np.empty((9, 40), np.float32)
    compiled_product("float32")(a, b, out)
    assert np.isnan(out[3]).all()
    assert np.isinf(np.delete(out[:, 7], 3)).all()
    assert np.isfinite(np.delete(np.delete(out, 7, 1), 3, 0)).all()


def test_a_tile_fits_the_registers() -> None:
    for itemsize in (4, 8):
        tile = host_tile(itemsize)
        assert tile.lanes * itemsize in (16, 32, 64)
        assert tile.rows * tile.vectors + tile.vectors + 1 <= (16 if tile.lanes * itemsize == 32 else 32)
