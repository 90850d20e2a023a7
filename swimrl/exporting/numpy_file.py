"""A policy as a Python file and an array file that need NumPy alone."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from swimrl.activations.language.python_code import as_module, function_lines, in_dtype_of_x
from swimrl.activations.numpy.library import NUMPY
from swimrl.activations.torch.programs import value_program
from swimrl.exporting.controller import Controller, Layer, LayerNorm
from swimrl.runs.weights import CLIP, EPSILON


def numpy_arrays(controller: Controller, metadata: Mapping[str, Any]) -> bytes:
    """Return the npz file: the controller's arrays by name, and the metadata as JSON text."""
    arrays: dict[str, np.ndarray] = {"metadata": np.array(json.dumps(metadata))}
    if (n := controller.normalisation) is not None:
        arrays["normalisation.mean"] = n.mean
        arrays["normalisation.deviation"] = np.sqrt(n.var + EPSILON)
    for number, layer in enumerate(controller.layers, start=1):
        arrays[f"layer{number}.weight"] = np.ascontiguousarray(layer.weight.T)
        arrays[f"layer{number}.bias"] = layer.bias
        for name, norm in (("input_norm", layer.input_norm), ("norm", layer.norm)):
            if norm is not None:
                arrays[f"layer{number}.{name}.scale"] = norm.scale
                arrays[f"layer{number}.{name}.shift"] = norm.shift
        for key, value in layer.parameters.items():
            arrays[f"layer{number}.activation.{key}"] = value
    arrays["action.low"], arrays["action.high"] = controller.low, controller.high
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # NumPy's stub takes the names for its own options
    return buffer.getvalue()


def numpy_module(controller: Controller, arrays_name: str) -> str:
    """Return the Python file with ``act(observation)``, which reads the arrays from the file beside it."""
    functions: dict[str, list[str]] = {}
    used: set[str] = set()
    body: list[str] = []
    for number, layer in enumerate(controller.layers, start=1):
        if layer.begins_block:
            body.append("block_input = x")
        body += _layer_norm(layer.input_norm, f"layer{number}.input_norm")
        body.append(f'x = x @ A["layer{number}.weight"] + A["layer{number}.bias"]')
        body += _layer_norm(layer.norm, f"layer{number}.norm")
        if layer.activation is not None:
            body.append(_activation(number, layer, functions, used))
        if layer.ends_block:
            body.append("x = block_input + x")
    body.append("x = np.tanh(x)")
    normalise = (
        [
            'x = np.asarray(observation, np.float64) - A["normalisation.mean"]',
            'x = x / A["normalisation.deviation"]',
            f"x = np.clip(x, {-CLIP!r}, {CLIP!r}).astype(np.float32)",
        ]
        if controller.normalisation is not None
        else ["x = np.asarray(observation, np.float32)"]
    )
    size = controller.observation_size
    act = [
        "def act(observation):",
        '    """Return the action in the environment\'s units, float32 [A] or [B, A].',
        "",
        f"    The observation is as the environment gives it, [{size}] or [B, {size}].",
        '    """',
        *(f"    {line}" for line in (*normalise, *body)),
        '    low, high = A["action.low"], A["action.high"]',
        "    return low + np.float32(0.5) * (x + np.float32(1)) * (high - low)",
    ]
    load = [
        f'A = np.load(pathlib.Path(__file__).with_name("{arrays_name}"))',
        "A = {name: A[name] for name in A.files}",
    ]
    blocks = [load, *functions.values(), act]
    lines = "\n\n\n".join("\n".join(block) for block in blocks).splitlines()
    text = as_module(NUMPY, used, lines)
    about = '"""A policy that swimrl exported. It needs NumPy alone; ``act(observation)`` acts."""\n\n'
    return f"{about}import pathlib\n{text}"


def _layer_norm(norm: LayerNorm | None, name: str) -> list[str]:
    """Return the lines of a layer norm whose arrays begin with ``name``; none if there is no norm."""
    if norm is None:
        return []
    return [
        "x = x - x.mean(-1, keepdims=True)",
        f"x = x / np.sqrt((x * x).mean(-1, keepdims=True) + {norm.epsilon!r})",
        f'x = x * A["{name}.scale"] + A["{name}.shift"]',
    ]


def _activation(number: int, layer: Layer, functions: dict[str, list[str]], used: set[str]) -> str:
    """Return the line that calls a layer's activation.

    Args:
        number: Of the layer.
        layer: The layer.
        functions: Lines of each activation's function by its canonical name, filled here.
        used: The helpers that they call, filled here.
    """
    assert layer.activation is not None
    function = functions.setdefault(layer.activation.canonical, [])
    name = f"activation{list(functions).index(layer.activation.canonical) + 1}"
    if not function:
        lines, helpers = function_lines(value_program(layer.formula), NUMPY)
        used |= helpers
        names = [parameter.name for parameter in layer.formula.parameters]
        function += [
            f"def {name}({', '.join(['x', *names])}):",
            f'    """Return {layer.formula.text()}."""',
            *(f"    {line}" for line in (*in_dtype_of_x("np", names), *lines)),
        ]
    arguments = [f'A["layer{number}.activation.{key}"]' for key in layer.parameters]
    return f"x = {name}({', '.join(['x', *arguments])})"
