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
from swimrl.exporting.controller import Controller
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
        if layer.norm is not None:
            arrays[f"layer{number}.norm.scale"] = layer.norm.scale
            arrays[f"layer{number}.norm.shift"] = layer.norm.shift
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
        body.append(f'x = x @ A["layer{number}.weight"] + A["layer{number}.bias"]')
        if layer.norm is not None:
            body += [
                "x = x - x.mean(-1, keepdims=True)",
                f"x = x / np.sqrt((x * x).mean(-1, keepdims=True) + {layer.norm.epsilon!r})",
                f'x = x * A["layer{number}.norm.scale"] + A["layer{number}.norm.shift"]',
            ]
        if layer.activation is None:
            body.append("x = np.tanh(x)")
            continue
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
        body.append(f"x = {name}({', '.join(['x', *arguments])})")
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
