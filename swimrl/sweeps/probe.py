"""A moment's training before a study begins: which product backends are best, how long a step takes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from swimrl.fields import to_mapping
from swimrl.runs.naming import configuration_hash
from swimrl.sweeps.study_record import Speed
from swimrl.td3.agent import TD3
from swimrl.td3.config import TD3Config
from swimrl.training import build
from swimrl.training.config import TrainConfig

_WARM_UP_UPDATES = 20
_TIMED_UPDATES = 80


@dataclass(frozen=True)
class ProbeResult:
    """Product backends and speed of one kind of run."""

    products: Mapping[str, str]
    """Backend of every matrix product of an update, by its shape."""

    speed: Speed


def kinds_of(configs: Iterable[TrainConfig]) -> dict[str, TrainConfig]:
    """Return one example of each kind of run. Runs of one kind have equal shapes and nearly equal speed."""
    return {kind_of(config): _example(config) for config in configs}


def kind_of(config: TrainConfig) -> str:
    """Return 8 hex digits of the settings that decide the shapes of a run's products."""
    return configuration_hash(to_mapping(_example(config)))


def _example(config: TrainConfig) -> TrainConfig:
    """Return the simplest run with the same products.

    The activation does not count: the products are the same for all, and speeds differ little.
    """
    td3 = TD3Config(
        batch_size=config.td3.batch_size,
        updates_per_step=config.td3.updates_per_step,
        policy_delay=config.td3.policy_delay,
        layer_norm=config.td3.layer_norm,
        learning_starts=config.td3.batch_size + 100,
        buffer_size=max(config.td3.batch_size + 100, 1_000),
    )
    return TrainConfig(
        env=config.env,
        env_kwargs=config.env_kwargs,
        imports=config.imports,
        act="relu",
        net=config.net,
        net_actor=config.net_actor,
        n_envs=config.n_envs,
        normalize_obs=config.normalize_obs,
        engine=config.engine,
        threads=config.threads,
        precision=config.precision,
        device=config.device,
        td3=td3,
    )


def probe(example: TrainConfig, products: Mapping[str, str]) -> ProbeResult:
    """Train for a moment; return the backends and the speed.

    Args:
        example: One of `kinds_of`.
        products: Backends that were chosen before, which stay.

    Raises:
        SwimrlError: If such a run cannot be made, such as with an unknown environment, or goes wrong.
    """
    build.import_modules(example)
    agent = build.build_agent(example, device=build.choose_device(example.device), products=products)
    random_s = _seconds_of_a_step(agent, example.td3.learning_starts)
    agent.learn(_WARM_UP_UPDATES, reset_num_timesteps=False)
    learning_s = _seconds_of_a_step(agent, _TIMED_UPDATES)
    assert agent.env is not None
    agent.env.close()
    return ProbeResult(agent.engine_facts().get("products", {}), Speed(random_s, learning_s))


def _seconds_of_a_step(agent: TD3, steps: int) -> float:
    before = time.perf_counter()
    agent.learn(steps, reset_num_timesteps=False)
    return (time.perf_counter() - before) / steps
