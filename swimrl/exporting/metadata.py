"""What every exported file says about itself: where it comes from, and what goes in and out."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import gymnasium as gym
import numpy as np

from swimrl.exporting.controller import Controller, Layer
from swimrl.runs.naming import configuration_hash
from swimrl.runs.weights import CLIP, EPSILON
from swimrl.training import Run

SCHEMA = 1


def metadata_of(controller: Controller, run: Run, env: gym.Env[Any, Any], *, best: bool) -> dict[str, Any]:
    """Return the metadata: JSON values, floats in full precision, no path, host or user.

    Args:
        controller: The policy.
        run: The run it is of.
        env: An environment of the run; it is reset.
        best: Whether it is the policy of the best evaluation.
    """
    record = run.record
    model = getattr(env.unwrapped, "model", None)
    dt = getattr(env.unwrapped, "dt", None)
    n = controller.normalisation
    space: Any = env.observation_space
    return {
        "schema": SCHEMA,
        "environment": {
            "id": record.config["env"],
            "arguments": run.config.environment_arguments(),
            "gymnasium": record.versions.get("gymnasium"),
            "mujoco": record.versions.get("mujoco"),
            "seconds_per_step": None if dt is None else float(dt),
        },
        "observation": {
            "names": observation_names(env, model),
            "size": controller.observation_size,
            "dtype": "float32",
            "environment_dtype": str(space.dtype),
            "low": _bounds(space.low),
            "high": _bounds(space.high),
        },
        "action": {
            "names": action_names(controller.action_size, model),
            "size": controller.action_size,
            "dtype": "float32",
            "units": "environment",
            "low": _numbers(controller.low),
            "high": _numbers(controller.high),
        },
        "deterministic": True,
        "normalisation": None
        if n is None
        else {"mean": _numbers(n.mean), "variance": _numbers(n.var), "epsilon": EPSILON, "clip": CLIP},
        "layers": [*map(_layer, controller.layers[:-1]), _output_layer(controller.layers[-1])],
        "training": {
            "steps": record.steps_done,
            "seed": record.config["seed"],
            "status": record.status,
            "configuration_hash": configuration_hash(record.config),
            "policy": "best" if best else "last",
            "scores": record.metrics,
            "final_episodes": record.config.get("final_episodes"),
            "swimrl": record.versions.get("swimrl"),
            "git_commit": record.versions.get("git_commit"),
        },
        "weights_sha256": hashlib.sha256(run.weights_file(best=best).read_bytes()).hexdigest(),
    }


def action_names(size: int, model: Any) -> list[str]:
    """Return the names of the actuators of a MuJoCo model, or those of their joints; else ``action[i]``."""
    if model is None or model.nu != size:
        return [f"action[{i}]" for i in range(size)]
    return [
        model.actuator(i).name or model.joint(int(model.actuator(i).trnid[0])).name or f"action[{i}]"
        for i in range(size)
    ]


def observation_names(env: gym.Env[Any, Any], model: Any) -> list[str]:
    """Return ``qpos:JOINT`` and ``qvel:JOINT`` for the numbers that are such, else ``observation[i]``.

    A reset shows which they are: the observation must begin with the positions, without the first ones, and
    continue with the velocities.
    """
    observation, _ = env.reset(seed=0)
    names = [f"observation[{i}]" for i in range(len(observation))]
    if model is None:
        return names
    data: Any = env.unwrapped.data  # type: ignore[attr-defined]
    positions = [f"qpos:{name}" for name in _of_joints(model, model.jnt_qposadr, model.nq)]
    velocities = [f"qvel:{name}" for name in _of_joints(model, model.jnt_dofadr, model.nv)]
    for skipped in range(3):
        state = np.concatenate([data.qpos[skipped:], data.qvel])
        if len(state) <= len(observation) and np.array_equal(observation[: len(state)], state):
            known = [*positions[skipped:], *velocities]
            return [*known, *names[len(known) :]]
    return names


def _of_joints(model: Any, first: Any, size: int) -> list[str]:
    """Return a name for each number of a state vector: the joint's, with an index if it has several."""
    names: list[str] = []
    ends = [*map(int, first[1:]), size]
    for joint, (start, end) in enumerate(zip(map(int, first), ends, strict=True)):
        name = model.joint(joint).name or f"joint{joint}"
        names += [name] if end - start == 1 else [f"{name}[{i}]" for i in range(end - start)]
    return names


def _layer(layer: Layer) -> dict[str, Any]:
    entry = {
        "units": len(layer.bias),
        "layer_norm": layer.norm is not None,
        "input_layer_norm": layer.input_norm is not None,
        "begins_block": layer.begins_block,
        "ends_block": layer.ends_block,
    }
    if layer.activation is None:
        return {**entry, "activation": None}
    return {
        **entry,
        "activation": layer.activation.canonical,
        "formula": layer.formula.text(),
        "latex": layer.formula.latex(),
        "parameters": {name: _numbers(value) for name, value in layer.parameters.items()},
    }


def _output_layer(layer: Layer) -> dict[str, Any]:
    tanh = {"activation": "tanh", "formula": "tanh(x)", "latex": r"\tanh\left(x\right)"}
    return {**_layer(layer), **tanh}


def _bounds(values: np.ndarray) -> list[float | None]:
    """Return None for an infinite bound, which JSON cannot write."""
    return [value if math.isfinite(value) else None for value in _numbers(values)]


def _numbers(values: np.ndarray) -> list[float]:
    return [float(value) for value in np.asarray(values).ravel()]
