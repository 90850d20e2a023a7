"""The settings of threads are changed for a while and put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

import swimrl
from swimrl.td3.threads import product_threads


def threads() -> tuple[int, list[int]]:
    """How many threads PyTorch and NumPy's BLAS use now; SciPy may bring another BLAS, loaded later."""
    return torch.get_num_threads(), [
        library["num_threads"]
        for library in threadpool_info()
        if library["user_api"] == "blas" and "numpy" in library["filepath"]
    ]


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Let the process compute with two threads, as it does on its own on a machine with two cores."""
    before = torch.get_num_threads()
    with threadpool_limits(2, user_api="blas"):
        torch.set_num_threads(2)
        yield
        torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_within_it_is_what_was_asked_for_and_afterwards_what_it_was() -> None:
    before = threads()
    with suppress(ZeroDivisionError), product_threads(1):
        inside = threads()
        raise ZeroDivisionError
    assert inside == (1, [1] * len(before[1]))
    assert threads() == before
    assert before[0] == 2


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"engine": "fused"}, 1),
        ({"engine": "fused", "threads": 2}, 1),  # two critics side by side, one thread for each product
        ({"engine": "sb3", "threads": 1}, 1),
        ({"engine": "sb3"}, 2),  # the process's own setting
    ],
    ids=str,
)
def test_an_update_uses_the_threads_it_was_asked_for(
    settings: dict[str, object], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = swimrl.TD3(
        "MlpPolicy",
        "Pendulum-v1",
        policy_kwargs={"net_arch": [8], "activation_fn": "swim"},
        learning_starts=5,
        batch_size=4,
        buffer_size=20,
        **settings,
    )
    before, seen = threads(), []
    update_learning_rate = agent._update_learning_rate

    def look(optimizers: object) -> None:
        seen.append(torch.get_num_threads())
        update_learning_rate(optimizers)

    monkeypatch.setattr(agent, "_update_learning_rate", look)
    agent.learn(8)
    agent.predict(np.zeros(3, np.float32))
    assert seen == [expected] * 3
    assert threads() == before
