"""The process of one arm of the training benchmark, here in the test's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from swimrl.bench.training.child import prepare
from swimrl.timing.clock import take_reading

SMALL = {
    "env": "Pendulum-v1",
    "act": "relu",
    "net": "8x8",
    "batch_size": 8,
    "warm_up": 10,
    "buffer_size": 1000,
    "lr": 3e-4,
    "exploration_noise": 0.1,
}


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("contender", "threads", "works", "precision"),
    [
        ("swimrl-fused", 1, {"steps", "updates", "profile"}, None),
        ("swimrl-sb3", 1, {"steps", "updates"}, None),
        ("sb3", 1, {"steps", "updates"}, "highest"),
        ("sb3-medium", 3, {"steps", "updates"}, "medium"),
        ("floor", 1, {"environment", "products"}, None),
    ],
)
def test_an_arm_has_its_threads_and_leaves_the_settings_of_the_process(
    contender: str, threads: int, works: set[str], precision: str | None
) -> None:
    offer = prepare({**SMALL, "contender": contender, "threads": threads})
    assert set(offer.works) == works
    for work in offer.works.values():
        with work.around():
            if precision:
                assert torch.get_num_threads() == threads
                assert torch.get_float32_matmul_precision() == precision
        assert take_reading(work, 1).wall_s > 0
    assert torch.get_num_threads() == 2
    assert torch.get_float32_matmul_precision() == "highest"
