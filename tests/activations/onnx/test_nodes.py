"""ONNX graphs of formulas, run by onnxruntime, against the composite form in float64."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("onnx", reason="an optional library; pip install 'swimrl[dev]'")
import onnx
import onnxruntime
from onnx import TensorProto, helper

from swimrl.activations.onnx.graph import Graph
from swimrl.activations.onnx.nodes import add_activation
from tests.activations.formulas import NAMES, POINTS, formula_of, is_accurate_float32


def model_of(name: str) -> onnx.ModelProto:
    formula, graph = formula_of(name), Graph()
    parameters = {p.name: graph.constant(p.default, f"parameter.{p.name}") for p in formula.parameters}
    result = add_activation(graph, formula, "x", parameters)
    tensors = [helper.make_tensor_value_info(value, TensorProto.FLOAT, ["n"]) for value in ("x", result)]
    content = helper.make_graph(graph.nodes, "f", tensors[:1], tensors[1:], [*graph.constants.values()])
    return helper.make_model(content, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("name", NAMES)
def test_onnx_computes_the_formula(name: str) -> None:
    model = model_of(name)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (value,) = session.run(None, {"x": POINTS.astype(np.float32)})
    assert is_accurate_float32(name, value)


def test_the_same_formula_gives_the_same_bytes() -> None:
    first, second = (model_of("taaf(mish)").SerializeToString(deterministic=True) for _ in range(2))
    assert first == second
