"""The child process that asks policies for actions; `swimrl.bench.action.config` starts it."""

from __future__ import annotations

import functools
import itertools
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import stable_baselines3.td3.policies as sb3
import torch
from torch import nn

from swimrl.activations.language.names import parse_name, split_layers
from swimrl.bench.action.c_timing import TimedC
from swimrl.bench.action.config import ACTION, CONTENDERS, P50, P99, WORST
from swimrl.bench.eager import eager_module
from swimrl.envs.make import Env
from swimrl.errors import SwimrlError
from swimrl.exporting.controller import Controller, controller_of
from swimrl.exporting.loading import load_onnx
from swimrl.exporting.onnx_file import onnx_bytes
from swimrl.fields import from_mapping
from swimrl.runs.directory import RunDirectory
from swimrl.runs.record import read_record
from swimrl.runs.weights import Normalisation, read_weights
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
"""Observation [O] -> action [A], both in the environment's units."""

Timed = Callable[[int], np.ndarray]
"""A number of calls -> the nanoseconds of each of them."""


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
        ours, normalisation = _our_policy(config, env, weights)
        size = ours.observation_space.shape or ()
        generator = np.random.Generator(np.random.PCG64(settings["seed"]))
        observations = generator.standard_normal((_OBSERVATIONS, *size))
        contenders = _Contenders(ours, normalisation, config, env, observations)
        for contender in CONTENDERS:
            name = f"{contender} {config.actor_activation}"
            try:
                timed = contenders.timed(contender)
            except Exception as error:  # one policy that fails must not stop the others
                absent[name] = str(error).splitlines()[0] or type(error).__name__
                continue
            timed(_WARM_UP)
            about = {"contender": contender, "activation": config.actor_activation, "threads": 1}
            arms[name] = {**about, "what": CONTENDERS[contender]}
            works[work_name(name, ACTION)] = Work(functools.partial(_percentiles, timed), around=_ONE_THREAD)
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


def _our_policy(
    config: TrainConfig, env: Env, weights: Path | None
) -> tuple[TD3Policy, Normalisation | None]:
    space: Any = env.action_space
    policy = TD3Policy(env.observation_space, space, lr_schedule=lambda _: 0.0, **build.policy_kwargs(config))
    normalisation = None
    if weights is not None:
        tensors, normalisation = read_weights(weights)
        policy.load_state_dict(tensors)
    policy.set_training_mode(False)
    return policy, normalisation


@dataclass(frozen=True)
class _Contenders:
    """The same policy, run by several programs."""

    ours: TD3Policy
    normalisation: Normalisation | None
    config: TrainConfig
    env: Env
    observations: np.ndarray
    """As the environment gives them, float64 [K, O]."""

    def timed(self, contender: str) -> Timed:
        """Return what times calls of a contender, whose actions have been checked.

        Raises:
            Exception: If it cannot run this policy; the first line of the message is the reason.
        """
        if contender in ("c", "read"):
            in_c = self._compiled
            self._check(in_c.act)
            return in_c.time_actions if contender == "c" else in_c.time_reads
        make = {"fast": self._fast, "torch": self._torch, "sb3": self._sb3, "onnx": self._onnx}
        act = make[contender]()
        self._check(act)
        return functools.partial(_time_in_python, act, list(self.observations))

    def _check(self, act: Act) -> None:
        observation = self.observations[0]
        expected = policy_function(self.ours, self.normalisation)(observation)
        if not np.allclose(act(observation), expected, rtol=1e-3, atol=1e-3):
            raise SwimrlError("its actions differ from the policy's")

    def _fast(self) -> Act:
        if not can_act(self.ours):
            raise SwimrlError("it cannot act on this network, so that `swimrl eval` uses predict")
        return policy_function(self.ours, self.normalisation)

    def _sb3(self) -> Act:
        theirs = _plain_policy(self.ours, self.config, self.env)
        normalise = self.normalisation or np.asarray
        return lambda observation: theirs.predict(normalise(observation), deterministic=True)[0]

    def _torch(self) -> Act:
        theirs = _plain_policy(self.ours, self.config, self.env)
        normalise = self.normalisation or np.asarray
        actor = theirs.actor.mu

        def act(observation: np.ndarray) -> np.ndarray:
            seen = torch.as_tensor(normalise(observation), dtype=torch.float32)
            with torch.no_grad():
                action = actor(seen.unsqueeze(0))
            return theirs.unscale_action(action.squeeze(0).numpy())

        return act

    def _onnx(self) -> Act:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "policy.onnx")
            path.write_bytes(onnx_bytes(self._controller, {}))
            run, _ = load_onnx(path)
        return lambda observation: run(observation.astype(np.float32)[None])[0]

    @functools.cached_property
    def _controller(self) -> Controller:
        return controller_of(self.ours, self.normalisation, self.config.actor_activation)

    @functools.cached_property
    def _compiled(self) -> TimedC:
        return TimedC(self._controller, self.observations)


def _plain_policy(ours: TD3Policy, config: TrainConfig, env: Env) -> sb3.TD3Policy:
    """Return Stable-Baselines3's own policy with the same actor, activations as people write them."""
    names = split_layers(config.actor_activation)
    # Its networks create the activations of their layers one after the other.
    layers = itertools.cycle(map(parse_name, names * (len(config.actor_widths) if len(names) == 1 else 1)))
    space: Any = env.action_space
    policy = sb3.TD3Policy(
        env.observation_space,
        space,
        lr_schedule=lambda _: 0.0,
        net_arch=config.actor_widths,
        activation_fn=lambda: eager_module(next(layers))[0],  # type: ignore[arg-type]  # it only calls it
    )
    if _shapes(policy.actor) != _shapes(ours.actor):
        raise SwimrlError(
            "Stable-Baselines3's policy has no layer norm, no residual blocks "
            "and no activation that changes the width"
        )
    policy.actor.load_state_dict(ours.actor.state_dict())
    policy.set_training_mode(False)
    return policy


def _shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


def _time_in_python(act: Act, observations: list[np.ndarray], count: int) -> np.ndarray:
    """Return the nanoseconds of each of ``count`` calls, int64 [count]."""
    taken = np.empty(count, np.int64)
    clock = time.perf_counter_ns
    for number in range(count):
        observation = observations[number % _OBSERVATIONS]
        before = clock()
        act(observation)
        taken[number] = clock() - before
    return taken


def _percentiles(timed: Timed, count: int) -> Parts:
    """Ask for ``count`` actions and return percentiles of how long each took, in seconds."""
    taken = timed(count)
    p50, p99 = np.percentile(taken, [50, 99])
    return {P50: (p50 / 1e9, None), P99: (p99 / 1e9, None), WORST: (int(taken.max()) / 1e9, None)}


if __name__ == "__main__":
    serve(prepare)
