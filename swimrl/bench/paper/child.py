"""The child process of one activation: it times as the authors of the Swim paper do, then as its parent asks.

The networks are the authors' TD3: two hidden layers of 256 units, twin critics, an actor that ends in tanh.
Activations are those that people write in PyTorch (`swimrl.bench.eager`).

Letters in shapes: B batch, O observation, A action.
"""

from __future__ import annotations

import functools
import time
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from swimrl.activations.language.names import parse_name
from swimrl.activations.language.spec import ActivationSpec
from swimrl.bench.eager import eager_module
from swimrl.bench.paper.config import BACKWARD, BATCH_SIZE, CALLS, DTYPES, INFERENCE
from swimrl.td3.config import TD3Config
from swimrl.td3.threads import product_threads
from swimrl.timing.clock import Work
from swimrl.timing.worker import Offer, Settings, serve
from swimrl.training.build import build_environment
from swimrl.training.config import TrainConfig

_HIDDEN = (256, 256)
_ONE_THREAD = functools.partial(product_threads, 1)


@product_threads(1)
def prepare(settings: Settings) -> Offer:
    """Time as the authors do, and return the works of the corrected protocol.

    Args:
        settings: ``act``, ``env`` and ``seed``.
    """
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # Gymnasium's, of the v4 environments
    torch.manual_seed(settings["seed"])
    spec = parse_name(settings["act"])
    env: Any = build_environment(TrainConfig(env=settings["env"]))
    (observation_size,), (action_size,) = env.observation_space.shape, env.action_space.shape
    env.close()
    networks = {
        dtype: PaperNetworks(spec, observation_size, action_size, getattr(torch, dtype)) for dtype in DTYPES
    }
    facts = {"what": eager_module(spec)[1], "paper": as_the_paper(networks["float64"])}
    works = {
        f"{name} {dtype}": Work(functools.partial(_repeat, network.prepared(name)), around=_ONE_THREAD)
        for dtype, network in networks.items()
        for name in (INFERENCE, BACKWARD)
    }
    for work in works.values():
        work.do(3)
    return Offer(facts, works)


class PaperNetworks:
    """Target actor and twin critics, and a minibatch.

    Args:
        spec: The activation of all hidden layers.
        observation_size: O.
        action_size: A.
        dtype: Type of all tensors.
    """

    def __init__(
        self, spec: ActivationSpec, observation_size: int, action_size: int, dtype: torch.dtype
    ) -> None:
        def perceptron(inputs: int, outputs: int, *last: nn.Module) -> nn.Sequential:
            layers: list[nn.Module] = []
            for width in _HIDDEN:
                layers += [nn.Linear(inputs, width), eager_module(spec)[0]]
                inputs = width
            return nn.Sequential(*layers, nn.Linear(inputs, outputs), *last).to(dtype)

        def normal(size: int) -> Tensor:
            return torch.randn(BATCH_SIZE, size, dtype=dtype)

        self._actor_target = perceptron(observation_size, action_size, nn.Tanh())
        self._critics = [perceptron(observation_size + action_size, 1) for _ in range(2)]
        self._next_states, self._target_q = normal(observation_size), normal(1)
        self._state_actions = normal(observation_size + action_size)
        noise = normal(action_size) * TD3Config.target_noise
        self._noise = noise.clamp(-TD3Config.noise_clip, TD3Config.noise_clip)

    def inference(self) -> Tensor:
        """Return the target policy's smoothed action [B, A], which the authors time as inference."""
        with torch.no_grad():
            action: Tensor = self._actor_target(self._next_states) + self._noise
            return action.clamp(-1, 1)

    def critic_loss(self) -> Tensor:
        """Return the loss of the critics; the authors time its ``backward``."""
        losses = [
            nn.functional.mse_loss(critic(self._state_actions), self._target_q) for critic in self._critics
        ]
        return losses[0] + losses[1]

    def clear(self) -> None:
        """Remove the gradients, as the optimiser does before each backward pass."""
        for critic in self._critics:
            critic.zero_grad(set_to_none=True)

    def prepared(self, work: str) -> Callable[[], object]:
        """Return a function that does a work once.

        The backward pass is ``torch.autograd.grad`` on a graph that is kept, so that a repetition computes
        nothing else.
        """
        if work == INFERENCE:
            return self.inference
        loss = self.critic_loss()
        parameters = [p for critic in self._critics for p in critic.parameters()]
        return functools.partial(torch.autograd.grad, loss, parameters, retain_graph=True)


def as_the_paper(networks: PaperNetworks) -> dict[str, list[float]]:
    """Return milliseconds of 100 calls of each work, including the very first, as the authors time them."""
    inference_ms, backward_ms = [], []
    for _ in range(CALLS):
        before = time.perf_counter()
        networks.inference()
        inference_ms.append((time.perf_counter() - before) * 1e3)
        networks.clear()
        loss = networks.critic_loss()
        before = time.perf_counter()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        backward_ms.append((time.perf_counter() - before) * 1e3)
    return {INFERENCE: [round(ms, 6) for ms in inference_ms], BACKWARD: [round(ms, 6) for ms in backward_ms]}


def _repeat(once: Callable[[], object], count: int) -> None:
    for _ in range(count):
        once()


if __name__ == "__main__":
    serve(prepare)
