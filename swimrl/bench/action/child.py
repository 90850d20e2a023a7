"""The child process that asks policies for actions; `swimrl.bench.action.config` starts it."""

from __future__ import annotations

import functools
import itertools
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import stable_baselines3.td3.policies as sb3
import torch

from swimrl.activations.language.names import parse_name, split_layers
from swimrl.bench.action.config import ACTION, CONTENDERS, P50, P99, WORST
from swimrl.bench.eager import eager_module
from swimrl.envs.make import Env
from swimrl.errors import SwimrlError
from swimrl.fields import from_mapping
from swimrl.runs.directory import RunDirectory
from swimrl.runs.record import read_record
from swimrl.runs.weights import read_weights
from swimrl.td3.engine.acting import can_act
from swimrl.td3.policy import TD3Policy
from swimrl.td3.threads import product_threads
from swimrl.timing.clock import Parts, Work
from swimrl.timing.session import work_name
from swimrl.timing.worker import Offer, Settings, serve
from swimrl.training import build
from swimrl.training.config import TrainConfig
from swimrl.training.policy_function import policy_function

_OBSERVATIONS = 1024
_WARM_UP = 200
_ONE_THREAD = functools.partial(product_threads, 1)

Act = Callable[[np.ndarray], np.ndarray]


@product_threads(1)
def prepare(settings: Settings) -> Offer:
    """Return what can be measured, warmed up.

    Args:
        settings: The fields of `ActionBenchmarkConfig`; ``act`` in canonical names.
    """
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # Gymnasium's, of the v4 environments
    arms: dict[str, dict[str, Any]] = {}
    absent: dict[str, str] = {}
    works: dict[str, Work] = {}
    for config, weights in _configs(settings):
        torch.manual_seed(settings["seed"])
        env = build.build_environment(config)
        ours = _our_policy(config, env, weights)
        size = ours.observation_space.shape or ()
        generator = np.random.Generator(np.random.PCG64(settings["seed"]))
        observations = list(generator.standard_normal((_OBSERVATIONS, *size)))
        for contender in CONTENDERS:
            name = f"{contender} {config.actor_activation}"
            try:
                act = _act(contender, ours, config, env)
                _check(act, policy_function(ours), observations[0])
            except Exception as error:  # one policy that fails must not stop the others
                absent[name] = str(error).splitlines()[0] or type(error).__name__
                continue
            for observation in observations[:_WARM_UP]:
                act(observation)
            about = {"contender": contender, "activation": config.actor_activation, "threads": 1}
            arms[name] = {**about, "what": CONTENDERS[contender]}
            works[work_name(name, ACTION)] = Work(
                functools.partial(_call, act, observations), around=_ONE_THREAD
            )
    if not works:
        raise SwimrlError(f"nothing can be measured: {next(iter(absent.values()), 'no policies')}")
    return Offer({"arms": arms, "absent": absent}, works)


def _configs(settings: Settings) -> list[tuple[TrainConfig, Path | None]]:
    if settings["run"] is None:
        return [
            (TrainConfig(env=settings["env"], net=settings["net"], act=act), None) for act in settings["act"]
        ]
    directory = RunDirectory(Path(settings["run"]))
    record = read_record(directory.record_file)
    config = from_mapping(TrainConfig, record.config, source=str(directory.record_file))
    build.import_modules(config)
    return [(config, directory.policy_file)]


def _our_policy(config: TrainConfig, env: Env, weights: Path | None) -> TD3Policy:
    space: Any = env.action_space
    policy = TD3Policy(env.observation_space, space, lr_schedule=lambda _: 0.0, **build.policy_kwargs(config))
    if weights is not None:
        policy.load_state_dict(read_weights(weights)[0])
    policy.set_training_mode(False)
    return policy


def _act(contender: str, ours: TD3Policy, config: TrainConfig, env: Env) -> Act:
    if contender == "fast":
        if not can_act(ours):
            raise SwimrlError("it cannot act on this network, so that `swimrl eval` uses predict")
        return policy_function(ours)
    theirs = _plain_policy(ours, config, env)
    if contender == "sb3":
        return lambda observation: theirs.predict(observation, deterministic=True)[0]
    actor = theirs.actor.mu

    def act(observation: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            action = actor(torch.as_tensor(observation, dtype=torch.float32).unsqueeze(0))
        return theirs.unscale_action(action.squeeze(0).numpy())

    return act


def _plain_policy(ours: TD3Policy, config: TrainConfig, env: Env) -> sb3.TD3Policy:
    """Return Stable-Baselines3's own policy with the same actor, activations as people write them."""
    if ours.layer_norm:
        raise SwimrlError("Stable-Baselines3's policy has no layer norm")
    names = split_layers(config.actor_activation)
    # Its networks create the activations of their layers one after the other.
    layers = itertools.cycle(map(parse_name, names * (len(config.hidden_widths) if len(names) == 1 else 1)))
    space: Any = env.action_space
    policy = sb3.TD3Policy(
        env.observation_space,
        space,
        lr_schedule=lambda _: 0.0,
        net_arch=config.hidden_widths,
        activation_fn=lambda: eager_module(next(layers))[0],  # type: ignore[arg-type]  # it only calls it
    )
    policy.actor.load_state_dict(ours.actor.state_dict())
    policy.set_training_mode(False)
    return policy


def _check(act: Act, expected: Act, observation: np.ndarray) -> None:
    """Check that a contender computes the same policy."""
    if not np.allclose(act(observation), expected(observation), rtol=1e-3, atol=1e-3):
        raise SwimrlError("its actions differ from the policy's")


def _call(act: Act, observations: list[np.ndarray], count: int) -> Parts:
    """Ask for ``count`` actions and return percentiles of how long each took, in seconds."""
    taken = np.empty(count, np.int64)
    clock = time.perf_counter_ns
    for number in range(count):
        observation = observations[number % _OBSERVATIONS]
        before = clock()
        act(observation)
        taken[number] = clock() - before
    p50, p99 = np.percentile(taken, [50, 99])
    return {P50: (p50 / 1e9, None), P99: (p99 / 1e9, None), WORST: (int(taken.max()) / 1e9, None)}


if __name__ == "__main__":
    serve(prepare)
