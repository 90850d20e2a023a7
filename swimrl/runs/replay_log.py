"""The replay buffer on disk: each step is written once, whatever the number of checkpoints.

The buffer is a ring, and checkpoints are frequent; to write all of it each time would cost 200 MB for a
million HalfCheetah transitions. Therefore steps are appended to files in their order, a bounded number to
each file, and a checkpoint seals the files by size and hash. Bytes beyond a sealed size belong to no
checkpoint and are overwritten after a resume. A file whose steps have all left the ring is deleted with the
last checkpoint that needs it, so the disk holds little more than the ring.

Letters in shapes: C capacity in vectorised steps, E environments.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from swimrl.runs.checkpoint import Seal
from swimrl.runs.directory import writing

FILE_STEPS = 65_536
"""Vectorised steps in a file, at most."""


class ReplayLog:
    """The steps of a ring buffer, as files.

    Args:
        folder: The folder of the files; made when the first one is written.
        ring: The buffer's arrays by name, [C, E, ...]; step number n is row n % C.
    """

    def __init__(self, folder: Path, ring: Mapping[str, np.ndarray]) -> None:
        self._folder = folder
        self._ring = ring
        self._capacity = len(next(iter(ring.values())))
        self._file_steps = min(FILE_STEPS, self._capacity)
        self._steps = 0
        """Number of steps since the beginning of the run that are in the files or have left the ring."""
        self._firsts: list[int] = []
        """Number of the first step of each group of files, one file for each array of the ring."""
        self._seals: dict[str, Seal] = {}
        self._hashes = {name: hashlib.sha256() for name in ring}
        """Hashes of the files of the last group, so far."""

    def append(self, steps: int) -> dict[str, Seal]:
        """Write the steps that were added to the ring since the last call.

        Args:
            steps: Number of steps that were ever added to the ring.

        Returns:
            The files that hold the present content of the ring, by name; they are on the disk.

        Raises:
            StorageError: If they cannot be written.
        """
        oldest = max(0, steps - self._capacity)
        with writing(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            for first, last in self._parts(max(self._steps, oldest), steps):
                self._append_part(first, last)
        while len(self._firsts) > 1 and self._firsts[1] <= oldest:
            gone = self._firsts.pop(0)
            for name in self._ring:
                del self._seals[_file_name(gone, name)]
        return dict(self._seals)

    def restore(self, steps: int, seals: Mapping[str, Seal]) -> None:
        """Fill the ring from the files that a checkpoint sealed, and continue from there.

        Args:
            steps: Number of steps that had been added to the ring when the checkpoint was written.
            seals: The result of `append` then; the caller has checked it against the files.
        """
        self._steps, self._seals = steps, dict(seals)
        self._firsts = sorted({int(name.partition(".")[0]) for name in seals})
        for first in self._firsts:
            for name, rows in self._ring.items():
                size = seals[_file_name(first, name)].size
                with (self._folder / _file_name(first, name)).open("rb") as file:
                    content = file.read(size)
                self._hashes[name] = hashlib.sha256(content)
                stored = np.frombuffer(content, rows.dtype).reshape(-1, *rows.shape[1:])
                oldest = max(first, steps - self._capacity)
                for start, stop in self._parts(oldest, first + len(stored)):
                    position = start % self._capacity
                    rows[position : position + stop - start] = stored[start - first : stop - first]

    def _parts(self, start: int, stop: int) -> Iterator[tuple[int, int]]:
        """Yield the steps from ``start`` to ``stop`` in parts that lie in one file and do not wrap around."""
        while start < stop:
            end = min((start // length + 1) * length for length in (self._file_steps, self._capacity))
            yield start, min(end, stop)
            start = end

    def _append_part(self, start: int, stop: int) -> None:
        if start % self._file_steps == 0 or start != self._steps:
            self._firsts.append(start)
            self._hashes = {name: hashlib.sha256() for name in self._ring}
        first, position = self._firsts[-1], start % self._capacity
        for name, rows in self._ring.items():
            content = rows[position : position + stop - start].tobytes()
            before = (start - first) * rows[0].nbytes
            with (self._folder / _file_name(first, name)).open("r+b" if before else "wb") as file:
                file.seek(before)
                file.truncate()
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._hashes[name].update(content)
            self._seals[_file_name(first, name)] = Seal(before + len(content), self._hashes[name].hexdigest())
        self._steps = stop


def _file_name(first: int, name: str) -> str:
    return f"{first:012d}.{name}"
