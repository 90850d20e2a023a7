"""Facts about this machine and the installed libraries, and limits of threads. Standard library only."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

LIBRARIES = (
    "swimrl",
    "torch",
    "numpy",
    "gymnasium",
    "mujoco",
    "stable-baselines3",
    "numba",
    "sympy",
)
"""The libraries whose versions can change a run's numbers."""

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""OpenMP (PyTorch's own loops), Intel's library, OpenBLAS (NumPy) and Numba."""


def library_versions() -> dict[str, str | None]:
    """Return the versions of Python and of `LIBRARIES`, and the commit if swimrl runs from a checkout."""
    versions: dict[str, str | None] = {"python": platform.python_version()}
    versions |= {name: _version(name) for name in LIBRARIES}
    versions["git_commit"] = _git_commit()
    return versions


@cache  # finding one takes two milliseconds
def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None


def host_facts() -> dict[str, Any]:
    """Return the processor's model, the cores that this process may use, and the operating system."""
    return {
        "processor": processor_model(),
        "cores": usable_cores(),
        "system": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
    }


def processor_model() -> str:
    """Return the processor's model as the system names it."""
    return _cpu_fields().get("model name") or platform.processor() or platform.machine()


def processor_numbers() -> str:
    """Return the numbers of family and model, which differ where generations share a name; else nothing.

    Example:
        >>> processor_numbers()  # doctest: +SKIP
        '25-17'
    """
    fields = _cpu_fields()
    names = ("cpu family", "model", "CPU implementer", "CPU part")  # x86, then ARM
    return "-".join(fields[name] for name in names if name in fields)


@cache
def _cpu_fields() -> dict[str, str]:
    """Return what Linux says of the first core; nothing elsewhere."""
    if sys.platform != "linux":
        return {}
    first, _, _ = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")
    pairs = (line.partition(":") for line in first.splitlines())
    return {name.strip(): value.strip() for name, _, value in pairs}


def cache_folder() -> Path:
    """Return the folder of what swimrl keeps on this machine for later runs; it can be removed at any time.

    Raises:
        OSError: If this user has no home directory and ``XDG_CACHE_HOME`` is not set.
    """
    given = os.environ.get("XDG_CACHE_HOME")
    try:
        root = Path(given) if given else Path.home() / ".cache"
    except RuntimeError as error:
        raise FileNotFoundError(str(error)) from error
    return root / "swimrl"


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_average() -> float | None:
    """Return how many processes wanted a core, averaged over the last minute; None where nobody counts."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def limited_threads(threads: int) -> dict[str, str]:
    """Return this process's environment variables for a child whose libraries use so many threads each.

    Libraries read these variables once, when they are loaded; so the limit is for a new process.
    """
    return {**os.environ, **dict.fromkeys(_THREAD_VARIABLES, str(threads))}


def _git_commit() -> str | None:
    """Return the commit of the checkout that holds this package, with ``+`` if files have changed since."""
    package = Path(__file__).resolve().parent
    if not (package.parent / ".git").exists():
        return None
    git = ["git", "-C", str(package)]
    try:
        commit = subprocess.run(  # noqa: S603 - fixed arguments
            [*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(  # noqa: S603 - fixed arguments
            [*git, "status", "--porcelain", "--untracked-files=no", "--", "."],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}+" if changed else commit
