"""A policy as an ONNX graph: opset 17 or as asked, IR version 8, one input, one output, any batch size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from swimrl.errors import InputError
from swimrl.exporting.controller import Controller, Layer, LayerNorm
from swimrl.runs.weights import CLIP, EPSILON

if TYPE_CHECKING:
    from swimrl.activations.onnx.graph import Graph

OPSET = 17
LOWEST_OPSET = 13
"""The graph of a formula is made of operators as they are since this opset."""

IR_VERSION = 8
INPUT, OUTPUT = "observation", "action"


def onnx_bytes(controller: Controller, metadata: Mapping[str, Any], opset: int = OPSET) -> bytes:
    """Return the file: observation [batch, O] -> action [batch, A], float32, in the environment's units.

    The same policy gives the same bytes. Metadata are properties ``swimrl.KEY`` with JSON values.

    Raises:
        InputError: If onnx is not installed, or the policy cannot be written in this opset.
    """
    try:
        import onnx
    except ImportError as error:
        raise InputError("ONNX files need onnx; install it with: pip install 'swimrl[export]'") from error
    from onnx import TensorProto, helper

    newest = onnx.defs.onnx_opset_version()
    if not LOWEST_OPSET <= opset <= newest:
        raise InputError(
            f"--opset is {opset}; expected {LOWEST_OPSET} to {newest}, the newest of onnx "
            f"{onnx.__version__}; {OPSET} is the default"
        )
    graph = _graph(controller)
    sizes = {INPUT: controller.observation_size, OUTPUT: controller.action_size}
    tensors = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])
        for name, size in sizes.items()
    ]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "policy", tensors[:1], tensors[1:], [*graph.constants.values()]),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=IR_VERSION,
        producer_name="swimrl",
    )
    helper.set_model_props(model, {f"swimrl.{key}": json.dumps(value) for key, value in metadata.items()})
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise InputError(
            f"--opset {opset} is not possible for this policy ({' '.join(str(error).split())[:200]}); "
            f"leave it out for {OPSET}"
        ) from error
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _graph(controller: Controller) -> Graph:
    """Return the policy as a graph from `INPUT` to `OUTPUT`."""
    from swimrl.activations.onnx.graph import Graph

    graph = Graph()
    x = INPUT
    if (n := controller.normalisation) is not None:
        mean, rest = controller.mean_in_float32()
        centred = graph.node("Sub", x, graph.constant(mean, "normalisation.mean"))
        centred = graph.node("Sub", centred, graph.constant(rest, "normalisation.mean_rest"))
        deviation = graph.constant(np.sqrt(n.var + EPSILON), "normalisation.deviation")
        x = graph.node("Div", centred, deviation)
        x = graph.node("Clip", x, graph.constant(-CLIP), graph.constant(CLIP))
    for number, layer in enumerate(controller.layers, start=1):
        if layer.begins_block:
            block_input = x
        x = _layer(graph, layer, x, f"layer{number}")
        if layer.ends_block:
            x = graph.node("Add", block_input, x)
    x = graph.node("Tanh", x)
    low, high = controller.low.astype(np.float64), controller.high.astype(np.float64)
    x = graph.node("Mul", x, graph.constant((high - low) / 2, "action.half_width"))
    graph.node("Add", x, graph.constant((high + low) / 2, "action.middle"))
    graph.rename_last(OUTPUT)
    return graph


def _layer(graph: Graph, layer: Layer, x: str, name: str) -> str:
    """Add a layer with its norms and its activation, and return the name of its output."""
    from swimrl.activations.onnx.nodes import add_activation

    x = _layer_norm(graph, layer.input_norm, x, f"{name}.input_norm")
    weight, bias = (graph.constant(getattr(layer, part), f"{name}.{part}") for part in ("weight", "bias"))
    x = graph.node("Gemm", x, weight, bias, transB=1)
    x = _layer_norm(graph, layer.norm, x, f"{name}.norm")
    if layer.activation is None:
        return x
    parameters = {
        key: graph.constant(value, f"{name}.activation.{key}") for key, value in layer.parameters.items()
    }
    return add_activation(graph, layer.formula, x, parameters)


def _layer_norm(graph: Graph, norm: LayerNorm | None, x: str, name: str) -> str:
    """Add a layer norm, if there is one, and return the name of its output."""
    if norm is None:
        return x
    scale, shift = graph.constant(norm.scale, f"{name}.scale"), graph.constant(norm.shift, f"{name}.shift")
    return graph.node("LayerNormalization", x, scale, shift, epsilon=norm.epsilon)
