"""The weights of a policy on disk, in safetensors; nothing is unpickled.

Besides the policy's own tensors a file may hold the running mean and variance of ``--normalize-obs`` under
``normalisation.mean`` and ``normalisation.var``, float64 [O]. Letters in shapes: O observation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch

from swimrl.errors import DamagedFileError
from swimrl.runs.directory import replace, writing

# Defaults of Stable-Baselines3's VecNormalize, with which training normalises.
EPSILON = 1e-8
CLIP = 10.0

_MEAN, _VAR = "normalisation.mean", "normalisation.var"


@dataclass(frozen=True)
class Normalisation:
    """Running statistics of the observations."""

    mean: np.ndarray
    """[O]."""

    var: np.ndarray
    """[O]."""

    def __call__(self, observation: np.ndarray) -> np.ndarray:
        """Return the normalised observation [O], float32."""
        scaled = (observation - self.mean) / np.sqrt(self.var + EPSILON)
        clipped: np.ndarray = np.clip(scaled, -CLIP, CLIP)
        return clipped.astype(np.float32)


def write_weights(
    path: Path, tensors: Mapping[str, torch.Tensor], normalisation: Normalisation | None = None
) -> None:
    """Write tensors to ``path`` in one step, so that no reader sees half a file.

    Raises:
        StorageError: If the file cannot be written; the file before is kept.
    """
    # Copies, because safetensors refuses tensors that share memory, as layers with shared parameters do.
    content = {name: tensor.clone().contiguous() for name, tensor in tensors.items()}
    if normalisation:
        content[_MEAN] = torch.from_numpy(normalisation.mean)
        content[_VAR] = torch.from_numpy(normalisation.var)
    with writing(path):
        replace(path, safetensors.torch.save(content))


def read_weights(path: Path, *, device: str = "cpu") -> tuple[dict[str, torch.Tensor], Normalisation | None]:
    """Return the policy's tensors in ``path`` by name, and the statistics of the observations if it has any.

    Raises:
        DamagedFileError: If the file cannot be read.
    """
    try:
        tensors = safetensors.torch.load_file(path, device=device)
    except OSError as error:
        raise DamagedFileError(f"cannot read {path}: {error.strerror or error}") from error
    except safetensors.SafetensorError as error:
        raise DamagedFileError(
            f"{path} is no policy (damaged or cut off: {error}); restore it from a copy or train again"
        ) from error
    mean, var = tensors.pop(_MEAN, None), tensors.pop(_VAR, None)
    if mean is None or var is None:
        return tensors, None
    return tensors, Normalisation(mean.cpu().numpy(), var.cpu().numpy())
