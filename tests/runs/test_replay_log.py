"""The files hold the ring as it is, whatever the rhythm of adding and writing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from swimrl.runs import replay_log
from swimrl.runs.checkpoint import CheckpointFolder
from swimrl.runs.replay_log import ReplayLog


def empty(capacity: int) -> dict[str, np.ndarray]:
    return {"a": np.zeros((capacity, 2, 3), np.float32), "b": np.zeros((capacity, 2), np.float64)}


def add(ring: dict[str, np.ndarray], start: int, stop: int) -> None:
    """Add steps that hold their own number, one by one."""
    for step in range(start, stop):
        for rows in ring.values():
            rows[step % len(rows)] = step + 1


def restored(folder: CheckpointFolder, capacity: int) -> tuple[dict[str, np.ndarray], ReplayLog]:
    """A new ring filled from the last checkpoint, and its log."""
    found = CheckpointFolder(folder.path).read()  # checks every size and hash
    assert found is not None
    ring = empty(capacity)
    log = ReplayLog(folder.replay, ring)
    log.restore(found.state["steps"], found.shared)
    return ring, log


@pytest.mark.parametrize("file_steps", [3, 5, 1000])
@pytest.mark.parametrize("rhythm", [3, 4, 7, 30], ids=lambda rhythm: f"every {rhythm}")
def test_the_ring_comes_back(
    file_steps: int, rhythm: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay_log, "FILE_STEPS", file_steps)
    capacity = 11  # no multiple of anything here, so that files and ring break at different steps
    folder, ring = CheckpointFolder(tmp_path), empty(capacity)
    log = ReplayLog(folder.replay, ring)
    for steps in range(rhythm, 61, rhythm):
        add(ring, steps - rhythm, steps)
        folder.write({"steps": steps}, log.append(steps))
        found, log_of_found = restored(folder, capacity)
        for name, rows in ring.items():
            np.testing.assert_array_equal(found[name], rows, strict=True)
        if steps % 2:  # go on from the files, as after a kill
            ring, log = found, log_of_found


def test_a_step_is_written_once(tmp_path: Path) -> None:
    ring = empty(10)
    log = ReplayLog(tmp_path, ring)
    add(ring, 0, 4)
    first = log.append(4)
    (path,) = tmp_path.glob("*.a")
    path.chmod(0o400)  # a file that is opened again fails the test, unless run by root
    before = path.stat().st_mtime_ns
    assert log.append(4) == first
    assert path.stat().st_mtime_ns == before
    path.chmod(0o600)
    add(ring, 4, 6)
    seal = log.append(6)["000000000000.a"]
    assert seal.size == path.stat().st_size == 6 * 2 * 3 * 4


def test_the_disk_holds_little_more_than_the_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replay_log, "FILE_STEPS", 10)
    folder, ring = CheckpointFolder(tmp_path), empty(100)
    log = ReplayLog(folder.replay, ring)
    row = sum(rows[0].nbytes for rows in ring.values())
    for steps in range(5, 260, 5):
        add(ring, steps - 5, steps)
        folder.write({"steps": steps}, log.append(steps))
        stored = sum(path.stat().st_size for path in folder.replay.iterdir())
        # The ring, the steps that only the checkpoint before needs, and the rest of the oldest file.
        assert stored <= (100 + 5 + 10) * row


def test_steps_after_the_checkpoint_are_forgotten(tmp_path: Path) -> None:
    folder, ring = CheckpointFolder(tmp_path), empty(10)
    log = ReplayLog(folder.replay, ring)
    add(ring, 0, 4)
    folder.write({"steps": 4}, log.append(4))
    add(ring, 4, 8)
    log.append(8)  # and killed before the checkpoint is written
    ring, log = restored(folder, 10)
    assert ring["b"][:, 0].tolist() == [1, 2, 3, 4, 0, 0, 0, 0, 0, 0]
    ring["b"][4] = 50.0
    folder.write({"steps": 5}, log.append(5))
    ring, _ = restored(folder, 10)
    assert ring["b"][:, 0].tolist() == [1, 2, 3, 4, 50, 0, 0, 0, 0, 0]
    assert (folder.replay / "000000000000.b").stat().st_size == 5 * 2 * 8
