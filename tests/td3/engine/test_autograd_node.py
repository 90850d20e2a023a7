"""A user's own module inside of the fused update."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from swimrl.activations import activation
from swimrl.td3.engine.autograd_node import why_not_through_autograd
from tests.td3.agents import equal, weights
from tests.td3.engine.test_update import agent_with, differences


class Gate(nn.Module):
    """Mixes units, overwrites its input and halves the width."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([1.5, -0.5]))

    def output_width(self, width: int) -> int:
        return width // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x.mul_(2)
        a, b = x.chunk(2, dim=-1)
        return self.scale[0] * torch.tanh(a) * torch.sigmoid(self.scale[1] * b.mean(-1, keepdim=True))


class Idle(Gate):
    """Has a parameter without an effect."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(2))


class Constant(nn.Module):
    """Its output does not depend on its input."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(x)


@pytest.mark.parametrize(("module", "net"), [(Gate, [16, 12]), (nn.Softsign, "residual:16x2")])
def test_a_users_module_equals_stable_baselines3s_update(module: type[nn.Module], net: object) -> None:
    fused, reference = (agent_with(engine, module, net) for engine in ("fused", "sb3"))
    for _ in range(4):
        fused.train(gradient_steps=1, batch_size=64)
        reference.train(gradient_steps=1, batch_size=64)
        assert differences(fused, reference).max() < 1e-6
        reference.set_parameters(copy.deepcopy(fused.get_parameters()))
    assert fused.engine == "fused"


def test_several_threads_give_the_same_numbers_to_rounding_and_the_same_bits_again() -> None:
    one, two, again = (agent_with("fused", Gate, [16, 12], threads=n) for n in (1, 2, 2))
    for agent in (one, two, again):
        agent.train(gradient_steps=4, batch_size=64)
        assert agent.engine == "fused"
    assert differences(two, one).max() < 1e-5
    assert equal(weights(two), weights(again))


class Counting(nn.Module):
    """Counts its calls in a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.get_buffer("calls").add_(1)
        return torch.relu(x)


class Drawing(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.rand_like(x)


class Batch(nn.Module):
    """Subtracts the minibatch's mean."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x - x.mean(0))


class Wide(nn.Module):
    """Does not say that it changes the width."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, x], -1)


class Failing(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise ValueError("no input of mine")


@pytest.mark.parametrize(
    ("make", "threads", "reason"),
    [
        (Gate, 1, None),
        (Gate, 2, None),
        (Batch, 1, None),
        (Batch, 2, "Batch() mixes the rows of a minibatch, which several threads share"),
        (lambda: activation("rrelu"), 1, None),
        (lambda: activation("rrelu"), 2, "with several threads"),
        (Drawing, 1, "Drawing() draws from PyTorch's global generator"),
        (nn.Dropout, 1, "draws from PyTorch's global generator"),
        (Counting, 1, "Counting() changes its buffers"),
        (lambda: nn.BatchNorm1d(8), 1, "changes its buffers"),
        (Idle, 1, "has no gradient by its parameter unused"),
        (Constant, 1, "the output of Constant() has no gradient by its input"),
        (Wide, 1, "the output of Wide() is not a tensor of shape (4, 8) and the input's dtype"),
        (Failing, 1, "Failing() raises ValueError: no input of mine"),
    ],
)
def test_which_modules_an_update_can_contain(
    make: Callable[[], nn.Module], threads: int, reason: str | None
) -> None:
    module = make()
    module.eval()
    before = copy.deepcopy(module.state_dict()), torch.get_rng_state()
    said = why_not_through_autograd(module, 8, threads)
    assert said is None if reason is None else reason in str(said)
    assert not module.training
    assert torch.equal(torch.get_rng_state(), before[1])
    for name, value in module.state_dict().items():
        assert torch.equal(value, before[0][name])


def test_a_module_with_parameters_in_several_layers_is_left_to_stable_baselines3() -> None:
    shared = activation("lslu", width=16)
    agent = agent_with("fused", lambda: shared, [16, 16])
    agent.train(gradient_steps=2, batch_size=64)
    assert agent.engine == "sb3"


def test_actions_are_those_of_evaluation_mode() -> None:
    agent = agent_with("fused", "rrelu", [16, 16])
    agent.train(gradient_steps=1, batch_size=64)
    seen = np.zeros((3, 3), np.float32)
    first, second = (agent.predict(seen, deterministic=True)[0] for _ in range(2))
    np.testing.assert_array_equal(first, second)
