"""A run's directory on two machines: what arrives, in which order, and what if one is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from swimrl.errors import RunExistsError
from swimrl.runs.directory import RunDirectory
from swimrl.sweeps.executors.mirror import PIECE, Mirror, StudyStore

RUN = "Hopper-v4/swim-1a2b3c4d/seed-0"


class Wire:
    """A store that records the calls, and can be cut off."""

    def __init__(self, folder: Path) -> None:
        self.store = StudyStore(folder)
        self.calls: list[tuple[Any, ...]] = []
        self.left: int | None = None

    def __getattr__(self, name: str) -> Any:
        def call(run: str, worker: str, *arguments: Any) -> Any:
            if self.left is not None:
                if self.left == 0:
                    raise ConnectionError
                self.left -= 1
            self.calls.append((name, *arguments))
            return getattr(self.store, name)(run, worker, *arguments)

        return call

    def take(self) -> list[tuple[Any, ...]]:
        calls, self.calls = self.calls, []
        return calls


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    return Wire(tmp_path / "study")


def mirror(tmp_path: Path, wire: Wire, worker: str = "first") -> Mirror:
    found = Mirror(tmp_path / worker, wire, RUN, worker)  # type: ignore[arg-type]
    found.fetch()
    return found


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file() and file.name != "lock"
    }


def write(folder: Path, content: dict[str, bytes]) -> None:
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


FIRST = {
    "run.json": b"running",
    "evaluations.csv": b"step\n0\n",
    "empty": b"",
    "checkpoint/000001/manifest.json": b"seals 1",
    "checkpoint/000001/arrays.safetensors": bytes(range(256)) * (PIECE // 100),  # several pieces
    "checkpoint/replay/000000000000.observations": b"abc",
}


def test_the_study_gets_everything_and_a_new_worker_fetches_it(tmp_path: Path, wire: Wire) -> None:
    first = mirror(tmp_path, wire)
    write(tmp_path / "first", FIRST)
    write(tmp_path / "first", {"checkpoint/new/state.json": b"half", "run.json.new": b"half", "lock": b""})
    first.close()
    assert files(tmp_path / "study" / RUN) == FIRST
    mirror(tmp_path, wire, "second")
    assert files(tmp_path / "second") == FIRST


def test_only_what_changed_is_sent(tmp_path: Path, wire: Wire) -> None:
    first = mirror(tmp_path, wire)
    write(tmp_path / "first", FIRST)
    first.push()
    wire.take()
    first.push()
    assert wire.take() == []
    arrays = "checkpoint/000001/arrays.safetensors"
    changed = bytearray(FIRST[arrays])
    changed[PIECE + 5] ^= 1
    write(tmp_path / "first", {arrays: bytes(changed), "evaluations.csv": b"step\n0\n5\n"})
    first.push()
    sent = [(call[1], call[2]) for call in wire.take()]
    assert (arrays, PIECE) in sent
    assert (arrays, 0) not in sent
    assert files(tmp_path / "study" / RUN)[arrays] == bytes(changed)


def test_what_is_deleted_here_is_deleted_there(tmp_path: Path, wire: Wire) -> None:
    first = mirror(tmp_path, wire)
    write(tmp_path / "first", FIRST)
    first.push()
    for name in ("arrays.safetensors", "manifest.json"):
        (tmp_path / "first/checkpoint/000001" / name).unlink()
    first.push()
    assert not (tmp_path / "study" / RUN / "checkpoint/000001").exists()


def test_wherever_it_breaks_off_one_checkpoint_is_whole_and_run_json_is_not_ahead(
    tmp_path: Path, wire: Wire
) -> None:
    first = mirror(tmp_path, wire)
    write(tmp_path / "first", FIRST)
    first.push()
    there = tmp_path / "study" / RUN
    for name in ("arrays.safetensors", "manifest.json"):
        (tmp_path / "first/checkpoint/000001" / name).unlink()
    second = {
        "run.json": b"done",
        "checkpoint/000002/manifest.json": b"seals 2",
        "checkpoint/000002/arrays.safetensors": b"new",
    }
    write(tmp_path / "first", second)
    for _ in range(20):
        wire.left = 1
        try:
            first.push()
            break
        except ConnectionError:
            pass
        found = files(there)
        whole = [
            number
            for number in ("000001", "000002")
            if {f"checkpoint/{number}/{name}" for name in ("manifest.json", "arrays.safetensors")}
            <= set(found)
        ]
        assert whole
        if found["run.json"] == b"done":
            assert found["checkpoint/000002/manifest.json"] == b"seals 2"
    assert files(there)["run.json"] == b"done"
    assert not (there / "checkpoint/000001").exists()


def test_a_checkpoint_of_which_a_part_has_arrived_does_not_exist(tmp_path: Path, wire: Wire) -> None:
    """A node can be lost while it sends the first checkpoint of a run."""
    first = mirror(tmp_path, wire)
    write(tmp_path / "first", FIRST)
    checkpoint = tmp_path / "study" / RUN / "checkpoint"
    broken_off = 0
    for calls in range(1, 30):
        wire.left = calls
        try:
            first.push()
            break
        except ConnectionError:
            broken_off += 1
            assert not (checkpoint / "000001").exists() or (checkpoint / "000001/manifest.json").exists()
    assert broken_off > 2
    assert files(tmp_path / "study" / RUN) == FIRST


def test_parts_of_a_checkpoint_from_a_lost_worker_are_gone_for_the_next(tmp_path: Path, wire: Wire) -> None:
    first = mirror(tmp_path, wire)
    write(tmp_path / "first", FIRST)
    wire.left = 1
    with pytest.raises(ConnectionError):
        first.push()
    wire.left = None
    assert files(tmp_path / "study" / RUN)
    second = mirror(tmp_path, wire, "second")
    assert not any(
        "000001" in name for name in [*files(tmp_path / "study" / RUN), *files(tmp_path / "second")]
    )
    write(tmp_path / "second", FIRST)
    second.close()
    assert files(tmp_path / "study" / RUN) == FIRST


def test_a_worker_that_was_given_up_can_write_no_more(tmp_path: Path, wire: Wire) -> None:
    first = mirror(tmp_path, wire)
    write(tmp_path / "first", {"run.json": b"first"})
    first.push()
    second = mirror(tmp_path, wire, "second")
    write(tmp_path / "first", {"run.json": b"late"})
    with pytest.raises(RunExistsError, match="another worker goes on"):
        first.push()
    assert files(tmp_path / "study" / RUN) == {"run.json": b"first"}
    write(tmp_path / "second", {"run.json": b"second"})
    second.close()
    assert files(tmp_path / "study" / RUN) == {"run.json": b"second"}


def test_a_run_at_which_a_process_outside_is_at_work_is_refused(tmp_path: Path, wire: Wire) -> None:
    directory = RunDirectory(tmp_path / "study" / RUN)
    with directory.at_work(), pytest.raises(RunExistsError, match="another process is at work"):
        mirror(tmp_path, wire)
    claimed = mirror(tmp_path, wire)
    with pytest.raises(RunExistsError), RunDirectory(directory.path).at_work():
        pass
    claimed.close()
    with RunDirectory(directory.path).at_work():
        pass


def test_a_run_that_its_worker_lost_is_free_for_a_process_that_is_no_worker(
    tmp_path: Path, wire: Wire
) -> None:
    first = mirror(tmp_path, wire)
    wire.store.give_up(RUN)
    with RunDirectory(tmp_path / "study" / RUN).at_work():
        pass
    write(tmp_path / "first", {"run.json": b"late"})
    with pytest.raises(RunExistsError, match="another worker goes on"):
        first.push()
