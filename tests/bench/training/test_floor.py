"""The products of one update, against a count by hand and against what the engine does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import gymnasium
import numpy as np
import pytest
import torch

import swimrl
from swimrl.bench.training import floor
from swimrl.bench.training.floor import Product
from swimrl.td3.engine.products.backends import describe
from swimrl.td3.engine.products.planner import ProductPlanner
from swimrl.timing.clock import take_reading


@pytest.fixture(autouse=True)
def _precision() -> Iterator[None]:
    before = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(before)


def test_one_hidden_layer_by_hand() -> None:
    # 3 observations, 2 actions, 4 units, batch 8, the actor updated every other time.
    forward_actor = {Product(8, 3, 4, "nt"): 1, Product(8, 4, 2, "nt"): 1}
    forward_critic = {Product(8, 5, 4, "nt"): 1, Product(8, 4, 1, "nt"): 1}
    critic_weights = {Product(1, 8, 4, "tn"): 1, Product(4, 8, 5, "tn"): 1}
    through_critic = {Product(8, 1, 4, "nn"): 1}
    expected: Counter[Product] = Counter()
    for part, times in (
        (forward_actor, 1 + 0.5),  # the target's, and every other time the actor's
        (
            forward_critic,
            2 + 2 + 0.5,
        ),  # two targets', two critics', and the first critic's in the actor's step
        (critic_weights, 2),
        (through_critic, 2 + 0.5),
        ({Product(8, 4, 2, "nn"): 1}, 0.5),  # to the action only
        ({Product(2, 8, 4, "tn"): 1, Product(4, 8, 3, "tn"): 1, Product(8, 2, 4, "nn"): 1}, 0.5),  # the actor
    ):
        for product, count in part.items():
            expected[product] += count * times
    assert floor.products(3, 2, [4], batch=8) == dict(expected)


def test_half_cheetah_takes_413_million_operations() -> None:
    # The count that was made when the engine was designed, multiplications and additions.
    counts = floor.products(17, 6, [256, 256], batch=256)
    assert 2 * floor.multiplications(counts) == pytest.approx(413.5e6, rel=1e-4)


@pytest.mark.parametrize("hidden", [[8], [8, 8], [16, 8, 4]], ids=str)
def test_the_engine_computes_these_and_no_others(hidden: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    agent = swimrl.TD3(
        "MlpPolicy",
        gymnasium.make("Pendulum-v1"),
        policy_kwargs={"net_arch": hidden, "activation_fn": "swim"},
        learning_starts=5,
        batch_size=12,
        buffer_size=100,
        seed=0,
    )
    agent.learn(10)
    computed: Counter[str] = Counter()

    def counting(_: ProductPlanner, a: np.ndarray, b: np.ndarray, out: np.ndarray) -> Callable[[], None]:
        def product() -> None:
            computed[describe(a, b).removesuffix(" float32")] += 1
            np.matmul(a, b, out)

        return product

    monkeypatch.setattr(ProductPlanner, "product", counting)
    agent.train(gradient_steps=2, batch_size=13)  # another size than before, so that the engine is built anew
    # An outer product with a column is a loop of its own in the engine, and one with a layer of one unit has
    # both layouts at once.
    expected = Counter()
    for product, count in floor.products(3, 1, hidden, batch=13).items():
        if product.k > 1:
            expected[product.m, product.k, product.n] += 2 * count
    sizes: Counter[tuple[int, ...]] = Counter()
    for shape, count in computed.items():
        sizes[tuple(map(int, shape.split()[0].split("x")))] += count
    assert sizes == expected


@pytest.mark.parametrize("layout", ["nn", "nt", "tn"])
def test_operands_lie_as_the_layout_says(layout: str) -> None:
    a, b = Product(5, 6, 7, layout).operands()
    assert (a.shape, b.shape) == ((5, 6), (6, 7))
    assert describe(a.numpy(), b.numpy()) == f"5x6x7 {layout} float32"


def test_the_work_measures_every_product_with_every_backend() -> None:
    counts = floor.products(3, 2, [4], batch=8)
    parts = take_reading(floor.work(counts), 3).parts
    assert set(parts) == {
        floor.candidate(product, precision) for product in counts for precision in floor.PRECISIONS
    }
    assert all(wall_s > 0 for wall_s, _ in parts.values())


def test_the_error_is_that_of_float32() -> None:
    # 64 terms of size 1, each rounded at 2^-24, and their sums.
    assert 0 < floor.error(Product(32, 64, 32, "nt"), "highest") < 64 * 2**-24 * 10
