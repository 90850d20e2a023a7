"""Compiled code on disk: every function is compiled once on a machine, and loaded in milliseconds after that.

numba's own cache is not enough. It does not notice a changed function that another one inlines, a truncated
file ends every later run, and it needs a folder that can be written. So compiled functions of swimrl have a
cache of their own. It keeps one file for each function and signature:

- The file's name contains a hash of all that decides the machine code: the source text, the elementary
  functions it may inline, the options, the signature, the versions of the compilers, and the processor.
- The file begins with a checksum. A file that does not match it is ignored and written again.
- A file is written under another name and then renamed, so any number of processes may compile the same
  function at once, and none reads a half-written file.
- Where nothing can be written, functions are compiled in memory, and one warning says so.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import os
import pickle
import sys
import tempfile
import threading
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
import numpy as np
from numba.core import config
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from swimrl.host import cache_folder

_config: Any = config  # numba sets its attributes at run time
_njit: Any = numba.njit  # its types lack an option
_CompileResult: Any = CompileResult  # numba leaves it and ``dumps`` untyped
_dumps: Any = dumps
_lock = threading.RLock()
_loaded: dict[str, Callable[..., None]] = {}


def cache_directory() -> Path:
    """Return the folder of compiled functions; it can be removed at any time.

    Raises:
        OSError: There is no place for it; see `swimrl.host.cache_folder`.
    """
    return cache_folder() / "kernels"


def compiled(
    function: Callable[..., Any],
    signature: str | None = None,
    *,
    source: str | None = None,
    contract: bool = False,
    reassociate: bool = False,
) -> Any:
    """Return a function compiled by numba, which loads its machine code from disk where it can.

    Args:
        function: The function. It may call nothing but NumPy, ``math`` and `swimrl.activations.cpu.math`.
        signature: The types of its arguments, to compile at once; None to compile for the types of each call.
        source: Its source text, if Python cannot find it.
        contract: Whether a product and a sum may be rounded once, together.
        reassociate: Whether a sum may be computed in another order, as a sum along a row must be to use
            vectors. No other fast-math flag is set: each operation rounds as NumPy's does, NaN stays NaN.
    """
    flags = {"contract"} if contract else set()
    options = f"contract={contract}"
    if reassociate:
        flags.add("reassoc")
        options += " reassociate=True"
    dispatcher = _njit(
        nogil=True,
        no_cfunc_wrapper=True,
        error_model="numpy",
        fastmath=flags or False,
    )(function)
    dispatcher._cache = _DiskCache(function, source, options)
    if signature is not None:
        dispatcher.compile(signature)
        dispatcher.disable_compile()
    return dispatcher


def load(source: str) -> Callable[..., None]:
    """Return the compiled function ``kernel`` of a generated module; the same object for the same text.

    Args:
        source: The module's text. It decorates ``kernel`` with ``@compiled(SIGNATURE)``, a name that is
            provided.
    """
    name = f"swimrl_kernel_{_digest(source)}"
    with _lock:
        if name not in _loaded:
            _loaded[name] = _execute(name, source)
        return _loaded[name]


def _execute(name: str, source: str) -> Callable[..., None]:
    module = types.ModuleType(name)
    sys.modules[name] = module  # the stored code refers to its module by name
    vars(module)["compiled"] = lambda signature: functools.partial(
        compiled, signature=signature, source=source
    )
    exec(compile(source, name, "exec"), vars(module))  # noqa: S102 - our own text
    kernel: Callable[..., None] = vars(module)["kernel"]
    return kernel


class _DiskCache(_Cache):
    """The machine code of one function, a file for each signature; numba's dispatcher calls it.

    Args:
        function: The function.
        source: Its source text, if Python cannot find it.
        options: Everything else that decides the machine code.
    """

    def __init__(self, function: Callable[..., Any], source: str | None, options: str) -> None:
        self._function = function
        self._source = source
        self._options = options

    @property
    def cache_path(self) -> str:
        return str(cache_directory())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return numba's compile result for a signature; None if it is not there or damaged."""
        target_context.refresh()  # as numba's own cache does, so that its types are known
        try:
            content = self._file(sig).read_bytes()
        except OSError:
            return None
        checksum, payload = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
        if hashlib.sha256(payload).digest() != checksum:
            return None
        reduced = pickle.loads(payload)  # noqa: S301 - a file that this user wrote, with a right checksum
        return _CompileResult._rebuild(target_context, *reduced)

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write numba's compile result for a signature."""
        payload = _dumps(data._reduce())
        try:
            file = self._file(sig)
            file.parent.mkdir(parents=True, exist_ok=True)
            _write(file, hashlib.sha256(payload).digest() + payload)
        except OSError as error:
            _warn(str(error))

    def enable(self) -> None:
        """Do nothing: the cache is always enabled."""

    def disable(self) -> None:
        """Do nothing: the cache is always enabled."""

    def flush(self) -> None:
        """Do nothing: a file with a wrong checksum is replaced anyway."""

    def _file(self, sig: Any) -> Path:
        source = self._source or inspect.getsource(self._function)
        digest = _digest(source, self._options, str(sig))
        return cache_directory() / f"{self._function.__name__}-{digest}.bin"


_CHECKSUM_BYTES = hashlib.sha256().digest_size


def _digest(*texts: str) -> str:
    """Return a hash of texts and of all else that decides what they are compiled to."""
    return hashlib.sha256("\n".join([*texts, *_surroundings()]).encode()).hexdigest()[:20]


@functools.cache
def _surroundings() -> tuple[str, ...]:
    """Return a hash of the functions that may be inlined, the compilers' versions, and the processor."""
    from swimrl.activations.cpu.math import source_digest  # not needed until something is compiled

    return (
        source_digest(),
        np.__version__,
        sys.implementation.cache_tag,
        _config.CPU_NAME or llvmlite.binding.get_host_cpu_name(),
        _config.CPU_FEATURES or llvmlite.binding.get_host_cpu_features().flatten(),
    )


def _write(file: Path, content: bytes) -> None:
    """Write a file so that another process sees all of it or nothing."""
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    aside = Path(name)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        aside.replace(file)
    except BaseException:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise


@functools.cache
def _warn(reason: str) -> None:
    """Warn, once for each reason."""
    warnings.warn(
        f"compiled code cannot be kept on disk ({reason}), so each process compiles it again; "
        f"set XDG_CACHE_HOME to a folder that can be written",
        RuntimeWarning,
        stacklevel=2,
    )
