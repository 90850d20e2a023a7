"""The checkpoints of one run, in files that cannot run code. Light: no torch, no Stable-Baselines3.

    checkpoint/
      000007/state.json           plain data, with the names of the arrays
      000007/arrays.safetensors   those arrays
      000007/manifest.json        size and SHA-256 of every file that belongs to this checkpoint
      000006/                     the checkpoint before
      replay/                     the replay buffer, in files that checkpoints share: `swimrl.runs.replay_log`

A checkpoint is written under another name, flushed to the disk and then renamed, so that it is either
complete or absent. If a power cut, a failing disk or a person damages it, its files no longer match the
manifest; the checkpoint before it is then used.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy

from swimrl.errors import DamagedFileError
from swimrl.runs.directory import writing

FORMAT = 1

State = dict[str, Any]
"""Nested dictionaries with text keys, lists, numbers, text, None, and NumPy arrays."""

_ARRAY = "array in arrays.safetensors"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Seal:
    """The expected content of a file: its first ``size`` bytes have this hash."""

    size: int
    """Bytes."""

    sha256: str
    """64 hex digits."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint that was read and is sound."""

    place: Path
    state: State
    shared: Mapping[str, Seal]
    """The files in ``replay/`` that belong to it, by name."""


class CheckpointFolder:
    """The folder ``checkpoint`` of a run.

    Args:
        path: The folder; it need not exist yet.
        last: The folder of the sound checkpoint from which the run continues.
    """

    def __init__(self, path: Path, last: Path | None = None) -> None:
        self.path = path
        self.replay = path / "replay"
        self._last = last

    def write(self, state: State, shared: Mapping[str, Seal]) -> None:
        """Add a checkpoint; keep the one before it, and delete the files that neither of them needs.

        Args:
            state: The content of the checkpoint.
            shared: The files in ``replay/`` that belong to it; they are already on the disk.

        Raises:
            StorageError: If it cannot be written; earlier checkpoints are unchanged.
        """
        with writing(self.path):
            aside = self.path / "new"
            shutil.rmtree(aside, ignore_errors=True)
            aside.mkdir(parents=True)
            arrays: dict[str, np.ndarray] = {}
            text = json.dumps(_without_arrays(state, "", arrays), indent=1).encode()
            contents = {"state.json": text, "arrays.safetensors": safetensors.numpy.save(arrays)}
            seals = {name: _write(aside / name, content) for name, content in contents.items()}
            manifest = {
                "format": FORMAT,
                "files": {name: asdict(seal) for name, seal in seals.items()},
                "shared": {name: asdict(seal) for name, seal in shared.items()},
            }
            _write(aside / "manifest.json", json.dumps(manifest, indent=1).encode())
            _flush_folder(aside)
            place = self.path / f"{1 + max(map(_number, self._all()), default=0):06d}"
            aside.rename(place)
            _flush_folder(self.path)
            self._prune(keep=[place, self._last] if self._last else [place])
        self._last = place

    def read(self) -> Checkpoint | None:
        """Return the last checkpoint that is sound, or None if none was ever written.

        A damaged checkpoint is named in the log ``swimrl.runs``, and the one before it is tried.

        Raises:
            DamagedFileError: If there are checkpoints but none is sound.
        """
        complaints = []
        for place in sorted(self._all(), reverse=True):
            try:
                checkpoint = self._read(place)
            except DamagedFileError as error:
                complaints.append(str(error))
                continue
            for complaint in complaints:
                logging.getLogger("swimrl.runs").warning(
                    "%s; the checkpoint before it, %s, is used", complaint, place
                )
            return checkpoint
        if complaints:
            raise DamagedFileError(
                f"no checkpoint in {self.path} is sound: {'; '.join(complaints)}; "
                "restore the folder from a copy, or train again with --overwrite"
            )
        return None

    def _all(self) -> list[Path]:
        return [entry for entry in self.path.glob("[0-9]*") if entry.name.isdecimal()]

    def _read(self, place: Path) -> Checkpoint:
        try:
            manifest = json.loads((place / "manifest.json").read_bytes())
            version = manifest["format"]
            if version != FORMAT:
                raise DamagedFileError(f"{place} has format {version}, this swimrl reads format {FORMAT}")
            files, shared = (
                {name: Seal(**seal) for name, seal in manifest[part].items()} for part in ("files", "shared")
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedFileError(f"{place / 'manifest.json'} is missing or damaged") from error
        for folder, seals in ((place, files), (self.replay, shared)):
            for name, seal in seals.items():
                _check(folder / name, seal)
        arrays = safetensors.numpy.load_file(place / "arrays.safetensors")
        state = json.loads((place / "state.json").read_bytes())
        return Checkpoint(place, _with_arrays(state, arrays), shared)

    def _prune(self, keep: Iterable[Path]) -> None:
        """Delete the checkpoints not in ``keep`` and the shared files that those in ``keep`` do not need."""
        keep = list(keep)
        for place in self._all():
            if place not in keep:
                shutil.rmtree(place)
        needed: set[str] = set()
        for place in keep:
            needed.update(json.loads((place / "manifest.json").read_bytes())["shared"])
        for file in self.replay.glob("*"):
            if file.name not in needed:
                file.unlink()


def _number(place: Path) -> int:
    return int(place.name)


def _write(path: Path, content: bytes) -> Seal:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return Seal(len(content), hashlib.sha256(content).hexdigest())


def _flush_folder(path: Path) -> None:
    """Make the names in a folder durable. Systems that cannot open a folder need no such call."""
    if os.name == "posix":
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _check(path: Path, seal: Seal) -> None:
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size < seal.size:
                raise DamagedFileError(f"{path} is cut off")
            digest, left = hashlib.sha256(), seal.size
            while left:
                block = file.read(min(_BLOCK, left))
                digest.update(block)
                left -= len(block)
    except OSError as error:
        raise DamagedFileError(f"{path} cannot be read ({error.strerror})") from error
    if digest.hexdigest() != seal.sha256:
        raise DamagedFileError(f"{path} was altered")


def _without_arrays(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    """Return ``value`` with each array moved to ``arrays`` and its name there in its place."""
    if isinstance(value, np.ndarray):
        assert name not in arrays
        arrays[name] = np.asarray(value, order="C")
        return {_ARRAY: name}
    if isinstance(value, Mapping):
        return {key: _without_arrays(item, f"{name}/{key}", arrays) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_arrays(item, f"{name}/{number}", arrays) for number, item in enumerate(value)]
    return value.item() if isinstance(value, np.generic) else value


def _with_arrays(value: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    """Undo `_without_arrays`, apart from tuples, which stay lists."""
    if isinstance(value, list):
        return [_with_arrays(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if _ARRAY in value:
        return arrays[value[_ARRAY]]
    return {key: _with_arrays(item, arrays) for key, item in value.items()}
