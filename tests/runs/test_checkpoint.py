"""What is written comes back bit for bit; what was damaged is named, and the checkpoint before it is used."""

from __future__ import annotations

import json
import logging
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from swimrl.errors import DamagedFileError, StorageError
from swimrl.runs.checkpoint import CheckpointFolder, Seal
from swimrl.runs.replay_log import ReplayLog

RING = {"rows": np.arange(12, dtype=np.float32).reshape(6, 2)}


def folder_with_two(path: Path) -> CheckpointFolder:
    """Checkpoints of steps 2 and 4, each with its part of the ring."""
    folder = CheckpointFolder(path)
    log = ReplayLog(folder.replay, RING)
    for step in (2, 4):
        folder.write({"step": step, "weights": np.full(3, step, np.float64)}, log.append(step))
    return folder


def test_a_state_comes_back_bit_for_bit(tmp_path: Path) -> None:
    generator = np.random.RandomState(0)
    generator.normal()
    state = {
        "generator": generator.get_state(legacy=False),
        "large": 2**127 + 1,
        "floats": [0.1, 1e-310, math.inf, -0.0],
        "scalar": np.float32(0.1),
        "arrays": {
            "columns": np.arange(6.0).reshape(2, 3).T,
            "single": np.array(7, np.float32),
            "none": np.zeros((0, 3)),
            "bytes": np.arange(256, dtype=np.uint8),
        },
        "nothing": None,
        "text": "Schwimmer – ü",
    }
    CheckpointFolder(tmp_path).write(state, {})
    found = CheckpointFolder(tmp_path).read()
    assert found is not None
    for name, array in state["arrays"].items():
        assert found.state["arrays"][name].dtype == array.dtype
        np.testing.assert_array_equal(found.state["arrays"][name], array, strict=True)
    other = np.random.RandomState(1)
    other.set_state(found.state["generator"])
    assert other.normal() == generator.normal()
    assert [math.copysign(1, x) for x in found.state["floats"]] == [1, 1, 1, -1]
    for name in ("large", "floats", "nothing", "text"):
        assert found.state[name] == state[name]
    assert found.state["scalar"] == float(np.float32(0.1))


def test_there_may_be_none(tmp_path: Path) -> None:
    assert CheckpointFolder(tmp_path / "checkpoint").read() is None


def test_the_last_two_are_kept(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    for step in range(5):
        folder.write({"step": step}, {})
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["000004", "000005"]
    found = folder.read()
    assert found is not None
    assert found.state["step"] == 4


def _cut_manifest(place: Path) -> str:
    path = place / "manifest.json"
    path.write_bytes(path.read_bytes()[:-20])
    return "manifest.json is missing or damaged"


def _no_manifest(place: Path) -> str:
    (place / "manifest.json").unlink()
    return "manifest.json is missing or damaged"


def _list_for_manifest(place: Path) -> str:
    (place / "manifest.json").write_text("[]")
    return "manifest.json is missing or damaged"


def _other_format(place: Path) -> str:
    path = place / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    return "has format 99"


def _flip_bit(path: Path, position: int) -> str:
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    return f"{path} was altered"


def _altered_weights(place: Path) -> str:
    return _flip_bit(place / "arrays.safetensors", -1)


def _altered_state(place: Path) -> str:
    return _flip_bit(place / "state.json", 0)


def _cut_weights(place: Path) -> str:
    path = place / "arrays.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    return f"{path} is cut off"


def _missing_weights(place: Path) -> str:
    (place / "arrays.safetensors").unlink()
    return "arrays.safetensors cannot be read (No such file or directory)"


def _altered_end_of_replay(place: Path) -> str:
    # Step 3 belongs to the last checkpoint alone.
    return _flip_bit(place.parent / "replay" / "000000000000.rows", 3 * 8)


DAMAGES = [
    _cut_manifest,
    _no_manifest,
    _list_for_manifest,
    _other_format,
    _altered_weights,
    _altered_state,
    _cut_weights,
    _missing_weights,
    _altered_end_of_replay,
]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__[1:])
def test_the_one_before_a_damaged_one_is_used(
    damage: Callable[[Path], str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder_with_two(tmp_path)
    complaint = damage(tmp_path / "000002")
    with caplog.at_level(logging.WARNING, "swimrl.runs"):
        found = CheckpointFolder(tmp_path).read()
    assert found is not None
    assert found.state["step"] == 2
    assert found.state["weights"].tolist() == [2, 2, 2]
    (message,) = caplog.messages
    assert complaint in message
    assert f"{tmp_path / '000001'}, is used" in message


def test_without_a_sound_one_every_damage_is_named(tmp_path: Path) -> None:
    folder = folder_with_two(tmp_path)
    complaints = [_altered_weights(tmp_path / "000002"), _cut_weights(tmp_path / "000001")]
    with pytest.raises(DamagedFileError, match=r"no checkpoint in .* is sound") as caught:
        folder.read()
    assert all(complaint in str(caught.value) for complaint in complaints)
    assert "\n" not in str(caught.value)


def test_a_damaged_one_is_never_kept_as_the_one_before(tmp_path: Path) -> None:
    folder_with_two(tmp_path)
    _altered_weights(tmp_path / "000002")
    sound = CheckpointFolder(tmp_path).read()
    assert sound is not None
    folder = CheckpointFolder(tmp_path, sound.place)
    folder.write({"step": 5}, {})
    assert sorted(entry.name for entry in tmp_path.glob("0*")) == ["000001", "000003"]
    _altered_state(tmp_path / "000003")
    found = folder.read()
    assert found is not None
    assert found.state["step"] == 2


def test_an_unfinished_one_counts_for_nothing(tmp_path: Path) -> None:
    folder_with_two(tmp_path)
    shutil.copytree(tmp_path / "000001", tmp_path / "new")
    found = CheckpointFolder(tmp_path).read()
    assert found is not None
    assert found.state["step"] == 4
    CheckpointFolder(tmp_path, found.place).write({"step": 6}, {})
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["000002", "000003", "replay"]


def test_shared_files_stay_as_long_as_one_needs_them(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path)
    folder.replay.mkdir()
    for name in "abc":
        (folder.replay / name).touch()
    empty = Seal(0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    for needed in ("ab", "b", "b"):
        folder.write({}, dict.fromkeys(needed, empty))
        if needed == "ab":
            assert sorted(path.name for path in folder.replay.iterdir()) == ["a", "b"]
    assert [path.name for path in folder.replay.iterdir()] == ["b"]
    assert folder.read() is not None


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_text("a file where the folder should be")
    with pytest.raises(StorageError, match=r"cannot write .*checkpoint"):
        CheckpointFolder(tmp_path / "checkpoint").write({}, {})
