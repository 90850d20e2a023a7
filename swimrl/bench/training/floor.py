"""The floor: only the matrix products of an update, each computed by each of PyTorch's libraries.

Letters in shapes: B batch, O observation, A action.
"""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch

from swimrl.timing.clock import Work

PRECISIONS = ("highest", "medium")
"""PyTorch's settings for float32 products: its default library, and oneDNN where that is a different one."""


@dataclass(frozen=True)
class Product:
    """A product of [M, K] and [K, N].

    ``layout`` has a letter for each factor: n if its rows are contiguous in memory, t if it is transposed.
    """

    m: int
    k: int
    n: int
    layout: str

    def __str__(self) -> str:
        return f"{self.m}x{self.k}x{self.n} {self.layout}"

    def operands(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return random factors with the same layout in memory as in the update."""
        generator = torch.Generator().manual_seed(0)
        shapes = ((self.m, self.k), (self.k, self.n))
        a, b = (
            torch.randn(shape, generator=generator)
            if layout == "n"
            else torch.randn(shape[::-1], generator=generator).T
            for shape, layout in zip(shapes, self.layout, strict=True)
        )
        return a, b


def products(
    observation_size: int, action_size: int, hidden: Sequence[int], *, batch: int, policy_delay: int = 2
) -> dict[Product, float]:
    """Return the products of one TD3 update and how often each occurs, on average.

    Fujimoto et al. 2018, algorithm 1: the target actor and both target critics are evaluated; both critics
    are evaluated and differentiated with respect to their weights. Every ``policy_delay`` updates, the actor
    is evaluated and differentiated through the first critic, which needs its gradient by the action alone.

    Args:
        observation_size: O.
        action_size: A.
        hidden: Widths of the hidden layers of all networks.
        batch: B.
        policy_delay: Critic updates for each update of the actor.
    """
    actor = list(itertools.pairwise([observation_size, *hidden, action_size]))
    critic = list(itertools.pairwise([observation_size + action_size, *hidden, 1]))

    def forward(layers: list[tuple[int, int]]) -> list[Product]:
        return [Product(batch, inputs, outputs, "nt") for inputs, outputs in layers]

    def weight_gradients(layers: list[tuple[int, int]]) -> list[Product]:
        return [Product(outputs, batch, inputs, "tn") for inputs, outputs in layers]

    def input_gradients(layers: list[tuple[int, int]]) -> list[Product]:
        return [Product(batch, outputs, inputs, "nn") for inputs, outputs in layers]

    each_time = [
        *forward(actor),
        *2 * forward(critic),
        *2 * (forward(critic) + weight_gradients(critic) + input_gradients(critic[1:])),
    ]
    by_action = Product(batch, critic[0][1], action_size, "nn")
    sometimes = [
        *forward(actor),
        *forward(critic),
        *input_gradients(critic[1:]),
        by_action,
        *weight_gradients(actor),
        *input_gradients(actor[1:]),
    ]
    counts: dict[Product, float] = dict(Counter(each_time))
    for product, count in Counter(sometimes).items():
        counts[product] = counts.get(product, 0) + count / policy_delay
    return counts


def multiplications(counts: Mapping[Product, float]) -> float:
    """Return the multiplications of one update."""
    return sum(count * p.m * p.k * p.n for p, count in counts.items())


def candidate(product: Product, precision: str) -> str:
    """Return the name of the part that computes ``product`` with one of `PRECISIONS`."""
    return f"{product} {precision}"


def work(products: Iterable[Product]) -> Work:
    """Return the work of computing each product with each of `PRECISIONS`; each candidate is a part."""
    operands = {product: product.operands() for product in products}
    outs = {product: torch.empty(product.m, product.n) for product in operands}

    def compute(count: int) -> dict[str, tuple[float, float]]:
        seconds = {}
        for precision, (product, (a, b)) in itertools.product(PRECISIONS, operands.items()):
            torch.set_float32_matmul_precision(precision)
            out = outs[product]
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(count):
                torch.mm(a, b, out=out)
            spent = time.perf_counter() - wall, time.process_time() - cpu
            seconds[candidate(product, precision)] = spent
        return seconds

    return Work(compute)


def error(product: Product, precision: str) -> float:
    """Return the largest error of ``product`` against float64."""
    a, b = product.operands()
    torch.set_float32_matmul_precision(precision)
    return float((torch.mm(a, b).double() - a.double() @ b.double()).abs().max())
