"""An exported ONNX file as a policy that can be scored."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from swimrl.errors import DamagedFileError
from swimrl.exporting.loading import load_onnx
from swimrl.training.stored import FilePolicy


def open_onnx(path: Path, env_id: str | None) -> FilePolicy:
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

    return FilePolicy(path, policy, env_id or environment["id"], environment["arguments"])
