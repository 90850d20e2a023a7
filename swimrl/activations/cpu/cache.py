"""Compiled kernels on disk: each is compiled once on a machine, and loaded in milliseconds from then on.

numba keeps the machine code, but its cache notices neither a changed function that a kernel inlines nor a
damaged file, and kernels are generated, so there is no source file it could belong to. So each kernel has a
folder of its own here: the text, what numba made of it, and a checksum of every file. The folder's name holds
the hash of all that decides what is compiled. It is written aside and renamed when it is complete, so that
any number of processes may compile the same kernel at once; the first to finish publishes it. A folder that
is not what its checksums say is removed and made again. Where none can be written, kernels live in memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import sys
import tempfile
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite.binding
import numpy as np
from numba.core import config

from swimrl.activations.cpu.math import source_digest
from swimrl.host import cache_folder

_config: Any = config  # numba sets its attributes at run time
_CHECKSUMS = "checksums.json"
_lock = threading.RLock()
_loaded: dict[str, Callable[..., None]] = {}


def load(source: str) -> Callable[..., None]:
    """Return the function ``kernel`` of a module, compiled; from disk if it is there.

    Args:
        source: The module's text. It decorates ``kernel`` with ``numba.njit``, with explicit signatures and
            ``cache=_CACHE``; the name ``_CACHE`` is provided.
    """
    name = f"swimrl_kernel_{_digest(source)}"
    with _lock:
        if name not in _loaded:
            _loaded[name] = _from_disk(name, source)
        return _loaded[name]


def cache_directory() -> Path:
    """Return where compiled kernels are kept; the folder can be removed at any time.

    Raises:
        OSError: There is no place for it; see `swimrl.host.cache_folder`.
    """
    return cache_folder() / "kernels"


def _digest(source: str) -> str:
    """Hash all that decides what is compiled: the text, what it inlines, the compilers and the processor."""
    facts = [
        source,
        source_digest(),
        np.__version__,
        sys.implementation.cache_tag,
        _config.CPU_NAME or llvmlite.binding.get_host_cpu_name(),
        _config.CPU_FEATURES or llvmlite.binding.get_host_cpu_features().flatten(),
    ]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:20]


def _from_disk(name: str, source: str) -> Callable[..., None]:
    with _numba_caches_beside_the_text():
        try:
            entry = cache_directory() / name
            if _is_intact(entry):
                return _execute(name, source, entry)
            shutil.rmtree(entry, ignore_errors=True)
            return _compile_and_publish(name, source, entry)
        except (OSError, RuntimeError):  # numba's RuntimeError: it found no folder to write to
            return _execute(name, source, None)


def _compile_and_publish(name: str, source: str, entry: Path) -> Callable[..., None]:
    entry.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=entry.parent))
    try:
        (aside / f"{name}.py").write_text(source)
        kernel = _execute(name, source, aside)
        (aside / _CHECKSUMS).write_text(json.dumps(_checksums(aside)))
        with contextlib.suppress(OSError):  # another process was first; its kernel is as good
            aside.rename(entry)
        return kernel
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _execute(name: str, source: str, folder: Path | None) -> Callable[..., None]:
    """Run the module's text, which compiles the kernel, or loads it where numba finds it in ``folder``."""
    module = types.ModuleType(name)
    # What numba stores names the module and finds it, in this and in later processes, through sys.modules.
    sys.modules[name] = module
    vars(module)["_CACHE"] = folder is not None
    path = name if folder is None else str(folder / f"{name}.py")
    exec(compile(source, path, "exec"), vars(module))  # noqa: S102 - our own text
    kernel: Callable[..., None] = vars(module)["kernel"]
    return kernel


def _is_intact(entry: Path) -> bool:
    try:
        recorded: Any = json.loads((entry / _CHECKSUMS).read_text())
        return bool(recorded == _checksums(entry))
    except (OSError, ValueError):
        return False


def _checksums(folder: Path) -> dict[str, str]:
    """Hash every file below a folder but the list of hashes itself."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != _CHECKSUMS
    }


@contextlib.contextmanager
def _numba_caches_beside_the_text() -> Iterator[None]:
    """Set ``NUMBA_CACHE_DIR`` aside: what lies there is neither published, nor checked, nor found again."""
    given = _config.CACHE_DIR
    _config.CACHE_DIR = ""
    try:
        yield
    finally:
        _config.CACHE_DIR = given
