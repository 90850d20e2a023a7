"""The weights of a policy in safetensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from swimrl.errors import DamagedFileError, StorageError
from swimrl.runs.weights import Normalisation, read_weights, write_weights

SHARED = torch.arange(6.0).reshape(2, 3)
TENSORS = {"mu.weight": SHARED, "mu.again": SHARED, "mu.transposed": SHARED.T}


@pytest.mark.parametrize("normalisation", [None, Normalisation(np.array([1.0, 2.0]), np.array([3.0, 4.0]))])
def test_tensors_and_statistics_come_back(normalisation: Normalisation | None, tmp_path: Path) -> None:
    file = tmp_path / "policy.safetensors"
    write_weights(file, TENSORS, normalisation)
    tensors, read = read_weights(file)
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], tensor) for name, tensor in TENSORS.items())
    if normalisation is None:
        assert read is None
    else:
        assert read is not None
        np.testing.assert_array_equal([read.mean, read.var], [normalisation.mean, normalisation.var])


@pytest.mark.parametrize("content", [None, b"", b"\x01" * 500])
def test_a_damaged_file_is_named(content: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "policy.safetensors"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(DamagedFileError, match=str(file)):
        read_weights(file)


def test_a_full_disk_keeps_the_file_before(tmp_path: Path) -> None:
    file = tmp_path / "policy.safetensors"
    write_weights(file, TENSORS)
    before = file.read_bytes()
    (tmp_path / "policy.safetensors.new").symlink_to("/dev/full")
    with pytest.raises(StorageError, match=r"policy\.safetensors: No space left on device"):
        write_weights(file, TENSORS)
    assert file.read_bytes() == before
