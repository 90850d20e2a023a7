"""The child process of one arm of the training benchmark: it trains, or computes the floor.

`swimrl.bench.training.config` starts it; the settings name the arm.
"""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium
import numpy as np
import stable_baselines3
import torch
from stable_baselines3.common.noise import NormalActionNoise

from swimrl.activations.language.names import parse_name
from swimrl.bench.eager import eager_module
from swimrl.bench.training import floor
from swimrl.bench.training.profile import StepProfile
from swimrl.td3.config import TD3Config
from swimrl.td3.threads import product_threads
from swimrl.timing.clock import Work
from swimrl.timing.worker import Offer, Settings, serve
from swimrl.training import build
from swimrl.training.config import TrainConfig

_FIRST_UPDATES = 100
"""Updates of the warm-up: kernels are compiled or loaded, and product backends are chosen."""


def prepare(settings: Settings) -> Offer:
    """Return the works of this arm, warmed up.

    Args:
        settings: ``contender``, ``act``, ``env``, ``net``, ``threads``, ``batch_size``, ``buffer_size``,
            ``lr``, ``exploration_noise`` and ``warm_up``, the random steps before learning.
    """
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # Gymnasium's, of the v4 environments
    if settings["contender"] == "floor":
        return _floor(settings)
    if settings["contender"].startswith("swimrl"):
        return _swimrl(settings)
    return _sb3(settings)


def _swimrl(settings: Settings) -> Offer:
    kind = settings["contender"].removeprefix("swimrl-")
    config = TrainConfig(
        env=settings["env"],
        act=settings["act"],
        net=settings["net"],
        engine="sb3" if kind == "sb3" else "fused",
        precision="bf16" if kind == "bf16" else "float32",
        threads=settings["threads"],
        td3=TD3Config(
            lr=settings["lr"],
            exploration_noise=settings["exploration_noise"],
            batch_size=settings["batch_size"],
            buffer_size=settings["buffer_size"],
            learning_starts=settings["warm_up"],
        ),
    )
    agent = build.build_agent(config, device="cpu")
    works = _works(agent, settings)
    facts = agent.engine_facts()
    if facts["name"] == "fused" and config.threads == 1:
        works["profile"] = Work(StepProfile(agent).learn)
    return Offer({"engine": facts}, works)


def _sb3(settings: Settings) -> Offer:
    """Return Stable-Baselines3 as its documentation shows it, with the settings of the other arms."""
    spec = parse_name(settings["act"])
    env = gymnasium.make(settings["env"])
    size = env.action_space.shape or ()
    agent = stable_baselines3.TD3(
        "MlpPolicy",
        env,
        learning_rate=settings["lr"],
        buffer_size=settings["buffer_size"],
        learning_starts=settings["warm_up"],
        batch_size=settings["batch_size"],
        train_freq=1,
        gradient_steps=1,
        action_noise=NormalActionNoise(np.zeros(size), np.full(size, settings["exploration_noise"])),
        policy_kwargs={
            "net_arch": TrainConfig(net=settings["net"]).hidden_widths,
            "activation_fn": lambda: eager_module(spec)[0],
        },
        seed=0,
        device="cpu",
    )
    precision = "medium" if settings["contender"] == "sb3-medium" else "highest"
    around = functools.partial(_process_settings, settings["threads"], precision)
    with around():
        works = _works(agent, settings)
    works = {name: dataclasses.replace(work, around=around) for name, work in works.items()}
    return Offer({"activation": eager_module(spec)[1]}, works)


@contextmanager
def _process_settings(threads: int, precision: str) -> Iterator[None]:
    """Set the threads and PyTorch's precision of products; put both back afterwards."""
    before = torch.get_float32_matmul_precision()
    with product_threads(threads):
        torch.set_float32_matmul_precision(precision)
        try:
            yield
        finally:
            torch.set_float32_matmul_precision(before)


def _works(agent: stable_baselines3.TD3, settings: Settings) -> dict[str, Work]:
    """Fill the buffer with random steps, learn a little, and return the works of an agent."""
    agent.learn(settings["warm_up"])
    agent.learn(_FIRST_UPDATES, reset_num_timesteps=False)
    return {
        "steps": Work(functools.partial(_learn, agent)),
        "updates": Work(functools.partial(_update, agent, settings["batch_size"])),
    }


def _learn(agent: stable_baselines3.TD3, count: int) -> None:
    agent.learn(count, reset_num_timesteps=False)


def _update(agent: stable_baselines3.TD3, batch_size: int, count: int) -> None:
    agent.train(gradient_steps=count, batch_size=batch_size)


def _floor(settings: Settings) -> Offer:
    env = gymnasium.make(settings["env"])
    (observation_size,), (action_size,) = env.observation_space.shape, env.action_space.shape  # type: ignore[misc]
    hidden = TrainConfig(net=settings["net"]).hidden_widths
    counts = floor.products(observation_size, action_size, hidden, batch=settings["batch_size"])
    with _FLOOR_SETTINGS():
        errors = {
            product: {floor.candidate(product, p): floor.error(product, p) for p in floor.PRECISIONS}
            for product in counts
        }
    facts = {
        "multiplications": floor.multiplications(counts),
        "products": [
            {"product": str(product), "count": count, "errors": errors[product]}
            for product, count in counts.items()
        ],
    }
    products = dataclasses.replace(floor.work(counts), around=_FLOOR_SETTINGS)
    return Offer(facts, {"environment": Work(_stepping(env)), "products": products})


def _stepping(env: gymnasium.Env[Any, Any]) -> Any:
    """Return a function that takes steps in ``env`` with random actions."""
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(64)]

    def step(count: int) -> None:
        for number in range(count):
            _, _, terminated, truncated, _ = env.step(actions[number % len(actions)])
            if terminated or truncated:
                env.reset()

    return step


_FLOOR_SETTINGS = functools.partial(_process_settings, 1, "highest")  # the products set their own precision


if __name__ == "__main__":
    serve(prepare)
