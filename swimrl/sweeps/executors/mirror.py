"""A run's directory on two machines: the worker's own, and its copy in the study's folder. Light.

Files are sent in pieces, and only pieces that changed. So memory is bounded, and a replay buffer of gigabytes
costs no more than what was added to it. The order leaves a usable directory wherever the sending breaks off:
a checkpoint gets its name when its manifest, which follows its other files, has arrived; then the checkpoint
before is deleted; and run.json, which says that a run is done, comes last.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import ExitStack
from pathlib import Path

from swimrl.errors import RunExistsError
from swimrl.runs.directory import RunDirectory, replace, writing
from swimrl.runs.lock import LOCK_NAME

PIECE = 4 << 20
"""Bytes sent at once."""

_LAST = "run.json"
_SEALING = "manifest.json"
_CHECKPOINT, _INCOMPLETE = "checkpoint", "new"


class StudyStore:
    """Reads and writes a study's folder for workers that do not see it. Each run has one worker at a time.

    Args:
        folder: The study's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._workers: dict[str, str] = {}
        self._locks: dict[str, ExitStack] = {}

    def claim(self, run: str, worker: str) -> list[str]:
        """Give a run to a worker, and take it from the one that had it before.

        Args:
            run: The run's directory below the study's folder.
            worker: A name that no other attempt has.

        Returns:
            The files of the run, as paths below its directory.

        Raises:
            RunExistsError: If a process that is no worker works in the directory.
            ConfigError: If it cannot be written.
        """
        if run not in self._locks:
            lock = ExitStack()
            lock.enter_context(RunDirectory(self._folder / run).at_work())
            self._locks[run] = lock
        self._workers[run] = worker
        shutil.rmtree(self._folder / run / _CHECKPOINT / _INCOMPLETE, ignore_errors=True)
        return list(_files(self._folder / run))

    def read(self, run: str, worker: str, name: str, offset: int) -> bytes:
        """Return `PIECE` bytes of a file from ``offset`` on, or what is left of it."""
        with self._path(run, worker, name).open("rb") as file:
            file.seek(offset)
            return file.read(PIECE)

    def write(self, run: str, worker: str, name: str, offset: int, piece: bytes, size: int) -> None:
        """Write a piece of a file that will have ``size`` bytes in all.

        Raises:
            RunExistsError: If the run was given to another worker.
            StorageError: If it cannot be written.
        """
        final = self._path(run, worker, name)
        path = _until_complete(final)
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if len(piece) == size:  # so a reader finds the old or the new file
                replace(path, piece)
            else:
                with path.open("r+b" if path.exists() else "wb") as file:
                    file.seek(offset)
                    file.write(piece)
                    file.truncate(size)
                    file.flush()
                    os.fsync(file.fileno())
            if path != final and name.endswith(_SEALING) and offset + len(piece) == size:
                path.parent.rename(final.parent)

    def delete(self, run: str, worker: str, name: str) -> None:
        """Delete a file, and the folder that it leaves empty."""
        path = self._path(run, worker, name)
        with writing(path):
            path.unlink(missing_ok=True)
            if path.parent.exists() and not any(path.parent.iterdir()):
                path.parent.rmdir()

    def release(self, run: str, worker: str) -> None:
        """Let go of a run, if the worker still has it."""
        if self._workers.get(run) == worker:
            self.give_up(run)

    def give_up(self, run: str) -> None:
        """Take a run from its worker, which was lost, and unlock its directory."""
        self._workers.pop(run, None)
        if lock := self._locks.pop(run, None):
            lock.close()

    def _path(self, run: str, worker: str, name: str) -> Path:
        if self._workers.get(run) != worker:
            raise RunExistsError(f"another worker goes on with {self._folder / run}; this one stops")
        return self._folder / run / name


def _until_complete(path: Path) -> Path:
    """Return where a file is kept until its checkpoint has arrived as a whole; other files have one place."""
    folder = path.parent
    if folder.parent.name != _CHECKPOINT or not folder.name.isdecimal() or folder.exists():
        return path
    return folder.parent / _INCOMPLETE / folder.name / path.name


class Mirror:
    """Keeps the study's copy of a run like the worker's own directory.

    Args:
        directory: The worker's directory. It is empty or does not exist yet.
        store: Writes to the study's folder.
        run: The run's directory below the study's folder.
        worker: A name that no other attempt has.
    """

    def __init__(self, directory: Path, store: StudyStore, run: str, worker: str) -> None:
        self._directory = directory
        self._store = store
        self._claim = (run, worker)
        self._sent: dict[str, _Sent] = {}

    def fetch(self) -> None:
        """Claim the run and copy the files of the run here.

        Raises:
            RunExistsError: If a process that is no worker works in its directory.
        """
        for name in self._store.claim(*self._claim):
            path, digests = self._directory / name, list[bytes]()
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                while piece := self._store.read(*self._claim, name, file.tell()):
                    file.write(piece)
                    digests.append(_digest(piece))
            self._sent[name] = _Sent(_stamp(path), digests)

    def push(self) -> None:
        """Make the study's copy like this directory. Meanwhile files may grow, but not change otherwise.

        Raises:
            RunExistsError: If another worker was given the run.
            StorageError: If it cannot be written there.
        """
        names = _files(self._directory)
        for name in names:
            if name != _LAST:
                self._send(name)
        for name in [name for name in self._sent if name not in names]:
            self._store.delete(*self._claim, name)
            del self._sent[name]
        if _LAST in names:
            self._send(_LAST)

    def close(self) -> None:
        """Send the last changes, and let go of the run."""
        self.push()
        self._store.release(*self._claim)

    def _send(self, name: str) -> None:
        path, before = self._directory / name, self._sent.get(name, _Sent(None, []))
        try:
            stamp = _stamp(path)
            if stamp == before.stamp:
                return
            with path.open("rb") as file:
                self._sent[name] = _Sent(stamp, self._send_pieces(name, file.fileno(), before.digests))
        except FileNotFoundError:
            return  # progress.json is replaced and deleted at any time

    def _send_pieces(self, name: str, descriptor: int, before: list[bytes]) -> list[bytes]:
        size, digests = os.fstat(descriptor).st_size, list[bytes]()
        for offset in range(0, max(size, 1), PIECE):
            piece = os.pread(descriptor, min(PIECE, size - offset), offset)
            number = len(digests)
            digests.append(_digest(piece))
            is_last = offset + PIECE >= size  # always sent, because it carries the length of the file
            if is_last or before[number : number + 1] != digests[number:]:
                self._store.write(*self._claim, name, offset, piece, size)
        return digests


class _Sent:
    """The version of a file that the store has."""

    def __init__(self, stamp: tuple[int, int, int] | None, digests: list[bytes]) -> None:
        self.stamp = stamp
        self.digests = digests


def _files(directory: Path) -> list[str]:
    """Return the files below a run's directory, manifests last, without the lock and half-written ones."""
    files = []
    for folder, folders, names in os.walk(directory):
        folders[:] = [name for name in folders if (Path(folder).name, name) != (_CHECKPOINT, _INCOMPLETE)]
        files += [
            str(Path(folder, name).relative_to(directory))
            for name in names
            if name != LOCK_NAME and not name.endswith(".new")
        ]
    return sorted(files, key=lambda name: (name.endswith(_SEALING), name))


def _stamp(path: Path) -> tuple[int, int, int]:
    """Return numbers that change when the file does."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _digest(piece: bytes) -> bytes:
    return hashlib.blake2b(piece, digest_size=16).digest()
