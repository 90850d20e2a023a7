"""An exported ONNX file as a policy that can be scored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from swimrl.envs.make import Env, make
from swimrl.errors import DamagedFileError, InputError
from swimrl.exporting.verification import load_onnx
from swimrl.training.policy_function import Policy


@dataclass(frozen=True)
class OnnxPolicy:
    """The policy of an ONNX file, and the environment that its metadata name."""

    path: Path
    policy: Policy
    env_id: str
    env_kwargs: dict[str, Any]

    @property
    def best_policy(self) -> Policy:
        """Not available, because a file holds one policy.

        Raises:
            InputError: Always.
        """
        raise InputError(f"{self.path} holds one policy; --best needs the directory of a run")

    def make_environment(self, *, render_mode: str | None = None) -> Env:
        """Return a new environment.

        Raises:
            InputError: If it cannot be made or drawn.
        """
        return make(self.env_id, self.env_kwargs, render_mode=render_mode)


def open_onnx(path: Path, env_id: str | None) -> OnnxPolicy:
    """Return the policy of an ONNX file that ``swimrl export`` wrote.

    Args:
        path: The file.
        env_id: An environment in place of the one that the file names.

    Raises:
        InputError: If onnxruntime is not installed.
        DamagedFileError: If it cannot be read, or another program wrote it.
    """
    act, metadata = load_onnx(path)
    try:
        environment = json.loads(metadata["swimrl.environment"])
    except (KeyError, ValueError) as error:
        raise DamagedFileError(
            f"{path} does not say which environment it is for; expected a file that `swimrl export` wrote"
        ) from error

    def policy(observation: np.ndarray) -> np.ndarray:
        action: np.ndarray = act(np.asarray(observation, np.float32)[None])[0]
        return action

    return OnnxPolicy(path, policy, env_id or environment["id"], environment["arguments"])
