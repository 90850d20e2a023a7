"""Does the written file do what the policy does?

The criterion is open-loop. At equal observations the file's actions may differ from the reference in float64
by 8 times the policy's own float32 error plus 8 roundings of the largest action. Returns prove little. A file
that forgets to scale its actions can earn nearly the same, and two right files part after some steps.

Letters in shapes: B batch, O observation, A action.
"""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from swimrl.errors import DamagedFileError, InputError
from swimrl.exporting.controller import Controller

Batch = Callable[[np.ndarray], np.ndarray]
"""Observations float32 [B, O] -> actions [B, A]; a file that refuses an observation gives NaN."""

_ROUNDINGS = 8
_TIMED_CALLS = 2000


@dataclass(frozen=True)
class Verification:
    """What came of checking one file."""

    is_right: bool
    observations: int
    """At how many observations the file was asked."""

    largest_difference: float
    """Of the actions from the float64 reference, in the environment's units."""

    allowed: float
    own_error: float
    """The largest difference of the policy in float32 from the reference."""

    reason: str | None
    """Why the file is wrong."""

    median_us: float
    """Microseconds of one action, called from Python."""

    p99_us: float

    def as_json(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)


def difficult_observations(visited: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return the visited observations, float32 [B, O], and noise of ten times their spread."""
    random = np.random.default_rng(seed)
    spread = visited.std(axis=0) + 1e-3
    noise = visited.mean(axis=0) + 10 * spread * random.standard_normal(
        (min(500, len(visited)), visited.shape[1])
    )
    return np.concatenate([visited, noise]).astype(np.float32)


@dataclass(frozen=True)
class Reference:
    """What every file of a policy is compared with."""

    observations: np.ndarray
    """float32 [B, O]."""

    actions: np.ndarray
    """The policy's actions there, computed in float64, [B, A]."""

    own_error: float
    """The largest difference of the policy in float32 from ``actions``."""

    allowed: float
    """The largest difference that a right file may have."""


def reference_of(controller: Controller, observations: np.ndarray) -> Reference:
    """Return the reference of a policy at ``observations``, float32 [B, O]."""
    actions = controller.act(observations, torch.float64)
    own = float(np.abs(controller.act(observations, torch.float32) - actions).max())
    largest = float(np.abs([controller.low, controller.high]).max())
    return Reference(observations, actions, own, _ROUNDINGS * (own + 2.0**-24 * largest))


def verify(reference: Reference, act: Batch) -> Verification:
    """Compare a file with the policy."""
    observations, allowed, own = reference.observations, reference.allowed, reference.own_error
    difference = float(np.abs(act(observations) - reference.actions).max())
    reason = None
    if not difference <= allowed:  # NaN too
        reason = f"its actions differ from the policy's by {difference:.2g}; allowed are {allowed:.2g}"
    else:
        reason = _batches_differ(act, observations, allowed) or _swallows_nan(act, observations[:1])
    median, p99 = _latency(act, observations)
    return Verification(reason is None, len(observations), difference, allowed, own, reason, median, p99)


def _batches_differ(act: Batch, observations: np.ndarray, allowed: float) -> str | None:
    together = act(observations[:64])
    alone = np.concatenate([act(row[None]) for row in observations[:64]])
    if np.abs(together - alone).max() <= allowed:
        return None
    return "a batch of 64 gives other actions than its observations one by one"


def _swallows_nan(act: Batch, observation: np.ndarray) -> str | None:
    for i in range(observation.shape[1]):
        broken = observation.copy()
        broken[0, i] = np.nan
        if not np.isnan(act(broken)).all():
            return f"NaN in number {i} of the observation gives a plausible action"
    return None


def _latency(act: Batch, observations: np.ndarray) -> tuple[float, float]:
    one, seconds = observations[:1], []
    for _ in range(_TIMED_CALLS):
        start = time.perf_counter()
        act(one)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)) * 1e6, float(np.quantile(seconds, 0.99)) * 1e6


def load_onnx(path: Path) -> tuple[Batch, dict[str, str]]:
    """Return what runs an ONNX file with onnxruntime on one thread, and the file's metadata.

    Raises:
        InputError: If onnxruntime is not installed.
        DamagedFileError: If the file cannot be read.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(
            "ONNX files are checked with onnxruntime; install it with: pip install 'swimrl[export]'"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own classes have no public name
        raise DamagedFileError(f"{path} cannot be read as ONNX: {' '.join(str(error).split())}") from error
    metadata: dict[str, str] = session.get_modelmeta().custom_metadata_map

    def act(observations: np.ndarray) -> np.ndarray:
        (actions,) = session.run(["action"], {"observation": observations})
        result: np.ndarray = actions
        return result

    return act, metadata


def load_numpy(path: Path) -> Batch:
    """Return ``act`` of an exported Python file."""
    spec = importlib.util.spec_from_file_location(f"swimrl_exported_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def act(observations: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            actions: np.ndarray = module.act(observations)
        return actions

    return act


def compiler() -> str | None:
    """Return the C compiler of this machine, if there is one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def load_c(path: Path, controller: Controller) -> Batch:
    """Compile an exported C file with every warning as an error, run its self-test, and return its function.

    Raises:
        InputError: If it does not compile or the self-test fails; the message has the compiler's first line.
    """
    found = compiler()
    assert found is not None
    flags = ["-std=c99", "-O3", "-fno-math-errno", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror"]
    with tempfile.TemporaryDirectory() as folder:
        library, test = Path(folder, "policy.so"), Path(folder, "test")
        builds: tuple[list[str | Path], ...] = (
            ["-shared", "-fPIC", "-o", library],
            [f"-D{path.stem.upper()}_TEST", "-o", test],
        )
        for build in builds:
            done = subprocess.run(  # noqa: S603 - the compiler of this machine on our own file
                [found, *flags, path, *build, "-lm"], capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise InputError(
                    f"{path.name} does not compile: {(done.stderr or done.stdout).splitlines()[0]}"
                )
        done = subprocess.run([test], capture_output=True, text=True, check=False)  # noqa: S603 - as above
        if done.returncode:
            raise InputError(f"the self-test of {path.name} fails: {done.stdout.strip()}")
        function = getattr(ctypes.CDLL(str(library)), f"{path.stem}_act")
    function.argtypes = [ctypes.c_void_p, ctypes.c_void_p]

    def act(observations: np.ndarray) -> np.ndarray:
        observations = np.ascontiguousarray(observations, np.float32)
        actions = np.full((len(observations), controller.action_size), np.nan, np.float32)
        for observation, action in zip(observations, actions, strict=True):
            function(observation.ctypes.data, action.ctypes.data)
        return actions

    return act


def memory_of_c(path: Path, controller: Controller) -> tuple[str, ...]:
    """Return how many bytes of constants, code and stack a C file needs here; nothing without the tools."""
    found, size = compiler(), shutil.which("size")
    if found is None or size is None:
        return ()
    constants = 4 * sum(array.size for array in controller.constants())
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, "policy.o")
        command: list[str | Path] = [found, "-std=c99", "-O2", "-fstack-usage", "-c", path, "-o", target]
        if subprocess.run(command, capture_output=True, check=False).returncode:  # noqa: S603 - as above
            return ()
        table = subprocess.run([size, target], capture_output=True, text=True, check=False)  # noqa: S603
        stack = max(int(line.split("\t")[1]) for line in target.with_suffix(".su").read_text().splitlines())
    text = int(table.stdout.splitlines()[1].split()[0])
    return (
        f"memory here: {constants:,} bytes of constants, {text - constants:,} of code, {stack:,} of stack",
    )
