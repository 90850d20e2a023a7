"""SBX's TD3 as an arm of `swimrl bench train`; it runs in SBX's own environment.

``benchmarks/setup-peers`` makes that environment.
"""

from __future__ import annotations

import os
import warnings
from importlib.metadata import version
from typing import Any

from swimrl.timing.clock import Work
from swimrl.timing.worker import Offer, Settings, serve

_FIRST_UPDATES = 100
_FUSED_UPDATES = 100


def limit_threads(threads: int) -> None:
    """Let JAX compute on the processor with so many threads; it must not have been imported yet."""
    os.environ["JAX_PLATFORMS"] = "cpu"
    os.environ["XLA_FLAGS"] = (
        f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'} "
        f"intra_op_parallelism_threads={threads}"
    )


def activation(name: str) -> Any:
    """Return an activation as a function of JAX arrays.

    Raises:
        ValueError: If it is none of those that are written here.
    """
    import flax.linen as nn
    import jax
    import jax.numpy as jnp

    def swim(x: jax.Array) -> jax.Array:
        return x * ((0.5 * (x * jax.lax.rsqrt(1.0 + jnp.square(0.5 * x))) + 1.0) / 2.0)

    def ulu(x: jax.Array) -> jax.Array:
        return 0.5 * x * (1.0 + jnp.tanh(jnp.where(x < 0, 0.5, 1.0) * x))

    def mish(x: jax.Array) -> jax.Array:
        return x * jnp.tanh(jax.nn.softplus(x))

    activations = {
        "elu": nn.elu,
        "gelu": nn.gelu,
        "mish": mish,
        "relu": nn.relu,
        "swim": swim,
        "swish": nn.swish,
        "tanh": nn.tanh,
        "ulu": ulu,
    }
    if name not in activations:
        raise ValueError(f"{name} is none of the activations written for SBX: {', '.join(activations)}")
    return activations[name]


def prepare(settings: Settings) -> Offer:
    """Return the works of SBX, warmed up; settings as for `swimrl.bench.training.child`."""
    warnings.filterwarnings("ignore")
    limit_threads(settings["threads"])
    import gymnasium
    import jax
    import numpy as np
    from sbx import TD3
    from stable_baselines3.common.noise import NormalActionNoise

    env = gymnasium.make(settings["env"])
    size = env.action_space.shape or ()
    agent = TD3(
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
            "net_arch": [int(width) for width in settings["net"].split("x")],
            "activation_fn": activation(settings["act"]),
        },
        seed=0,
    )
    agent.learn(settings["warm_up"])
    agent.learn(_FIRST_UPDATES, reset_num_timesteps=False)
    agent.train(_FUSED_UPDATES, settings["batch_size"])

    def steps(count: int) -> None:
        agent.learn(count, reset_num_timesteps=False)

    def updates(count: int) -> None:
        for _ in range(count // _FUSED_UPDATES):
            agent.train(_FUSED_UPDATES, settings["batch_size"])

    def finish() -> None:
        jax.block_until_ready((agent.policy.qf_state.params, agent.policy.actor_state.params))

    versions = {name: version(name) for name in ("sbx-rl", "jax", "gymnasium", "mujoco")}
    return Offer(
        {"versions": versions, "fused updates per call": _FUSED_UPDATES},
        {"steps": Work(steps, finish), "updates": Work(updates, finish, quantum=_FUSED_UPDATES)},
    )


if __name__ == "__main__":
    serve(prepare)
