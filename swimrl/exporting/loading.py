"""Runs exported files as other programs do.

Letters in shapes: B batch, O observation, A action.
"""

from __future__ import annotations

import ctypes
import importlib.util
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from swimrl.errors import DamagedFileError, InputError
from swimrl.exporting.c_compiler import STRICT, compile_c
from swimrl.exporting.controller import Controller

Batch = Callable[[np.ndarray], np.ndarray]
"""Observations float32 [B, O] -> actions [B, A]; a file that refuses an observation gives NaN."""


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


def load_c(path: Path, controller: Controller) -> Batch:
    """Compile an exported C file with every warning as an error, run its self-test, and return its function.

    Raises:
        InputError: If it does not compile or the self-test fails; the message has the compiler's first line.
    """
    with tempfile.TemporaryDirectory() as folder:
        library, test = Path(folder, "policy.so"), Path(folder, "test")
        compile_c(path, *STRICT, "-shared", "-fPIC", "-o", library)
        compile_c(path, *STRICT, f"-D{path.stem.upper()}_TEST", "-o", test)
        done = subprocess.run([test], capture_output=True, text=True, check=False)  # noqa: S603 - our own
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
