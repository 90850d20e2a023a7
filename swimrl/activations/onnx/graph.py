"""An ONNX graph under construction: nodes, constants, and a name for each value.

Equal nodes and equal constants stand in the graph once. Names count up from 1, so the same calls give
the same bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper


class Graph:
    """Nodes and constants in float32."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}
        self._values: dict[tuple[Any, ...], str] = {}

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output; return the output's name."""
        key = (operator, inputs, tuple(sorted(attributes.items())))
        if key not in self._values:
            name = f"v{len(self.nodes) + 1}"
            self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
            self._values[key] = name
        return self._values[key]

    def constant(self, value: Any, name: str | None = None) -> str:
        """Add a float32 constant of any shape; return its name.

        Args:
            value: A number or an array.
            name: What to call it; a number without a name gets one.
        """
        array = np.asarray(value, np.float32)
        key = ("constant", array.shape, array.tobytes())
        if name is None and key in self._values:
            return self._values[key]
        name = name or f"c{len(self.constants) + 1}"
        self._values.setdefault(key, name)
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def rename_last(self, name: str) -> None:
        """Give the output of the last node another name."""
        self.nodes[-1].output[0] = name
