"""An observation that hardly varies keeps its precision: its deviation is 1e-4, its mean 4."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="an optional library; pip install 'swimrl[dev]'")

from swimrl.exporting.c_file import c_header, c_source
from swimrl.exporting.controller import Controller, controller_of
from swimrl.exporting.loading import load_c, load_numpy, load_onnx
from swimrl.exporting.numpy_file import numpy_arrays, numpy_module
from swimrl.exporting.onnx_file import onnx_bytes
from swimrl.exporting.verification import reference_of, verify
from swimrl.runs.weights import Normalisation
from swimrl.training import Run


@pytest.fixture
def controller(run: Run) -> Controller:
    policy, normalisation = run.td3_policy()
    assert normalisation is not None
    mean, var = np.array([4.0123456789, 0.0, 0.0, 0.0]), np.array([0.0, 1.0, 1.0, 1.0])
    return controller_of(policy, Normalisation(mean, var), run.path)


def test_all_formats(controller: Controller, tmp_path: Path) -> None:
    observations = np.random.default_rng(0).standard_normal((64, 4))
    observations[:, 0] = 4.0123456789 + 1e-4 * observations[:, 0]
    reference = reference_of(controller, observations.astype(np.float32))
    (tmp_path / "p.onnx").write_bytes(onnx_bytes(controller, {}))
    (tmp_path / "p.py").write_text(numpy_module(controller, "p.npz"))
    (tmp_path / "p.npz").write_bytes(numpy_arrays(controller, {}))
    (tmp_path / "p.h").write_text(c_header(controller, {}, "p"))
    test = (reference.observations[:4], reference.actions[:4], reference.allowed)
    (tmp_path / "p.c").write_text(c_source(controller, *test, name="p"))
    onnx, _ = load_onnx(tmp_path / "p.onnx")
    for act in (onnx, load_numpy(tmp_path / "p.py"), load_c(tmp_path / "p.c", controller)):
        assert verify(reference, act).is_right
