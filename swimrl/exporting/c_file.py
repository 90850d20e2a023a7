"""A policy as C99: one source file and one header, no allocation, no state, nothing but libm.

The weights of a hidden layer are stored by input, so that the inner loop runs over its units. Compilers
vectorise such a loop without permission to reorder sums. A layer of few units has 16 sums for each unit
instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from swimrl.activations.c.operations import helper_source
from swimrl.activations.c.source import c_function
from swimrl.exporting.c_compiler import FAST
from swimrl.exporting.c_math import C_MATH, without_calls
from swimrl.exporting.controller import Controller, Layer, LayerNorm
from swimrl.runs.weights import CLIP, EPSILON

_FEW = 16
"""Layers with fewer units store their weights by unit."""

_RESTRICT = """\
#ifdef __cplusplus
#define restrict __restrict
#endif
"""

_DENSE = """\
static void dense(const float *restrict w, const float *restrict b, const float *restrict x, int inputs,
                  float *restrict y, int units)
{
    int i = 0;
    for (int u = 0; u < units; ++u) {
        y[u] = b[u];
    }
    for (; i + 4 <= inputs; i += 4, w += 4 * units) {
        const float x0 = x[i], x1 = x[i + 1], x2 = x[i + 2], x3 = x[i + 3];
        for (int u = 0; u < units; ++u) {
            y[u] += w[u] * x0 + w[units + u] * x1 + w[2 * units + u] * x2 + w[3 * units + u] * x3;
        }
    }
    for (; i < inputs; ++i, w += units) {
        for (int u = 0; u < units; ++u) {
            y[u] += w[u] * x[i];
        }
    }
}
"""

_DENSE_FEW = """\
/* For few units: 16 sums for each of them, so that the compiler can vectorise. */
static void dense_few(const float *restrict w, const float *restrict b, const float *restrict x, int inputs,
                      float *restrict y, int units)
{
    for (int u = 0; u < units; ++u, w += inputs) {
        float sums[16] = {0.0f};
        float total = b[u];
        int i = 0;
        for (; i + 16 <= inputs; i += 16) {
            for (int k = 0; k < 16; ++k) {
                sums[k] += w[i + k] * x[i + k];
            }
        }
        for (int k = 0; k < 16; ++k) {
            total += sums[k];
        }
        for (; i < inputs; ++i) {
            total += w[i] * x[i];
        }
        y[u] = total;
    }
}
"""

_LAYER_NORM = """\
static void layer_norm(const float *restrict scale, const float *restrict shift, float epsilon,
                       float *restrict y, int units)
{
    float mean = 0.0f, variance = 0.0f;
    for (int u = 0; u < units; ++u) {
        mean += y[u];
    }
    mean /= (float)units;
    for (int u = 0; u < units; ++u) {
        variance += (y[u] - mean) * (y[u] - mean);
    }
    const float factor = 1.0f / sqrtf(variance / (float)units + epsilon);
    for (int u = 0; u < units; ++u) {
        y[u] = (y[u] - mean) * factor * scale[u] + shift[u];
    }
}
"""

_TEST = """\
#ifdef {NAME}_TEST
#include <stdio.h>
#include <time.h>

/* Recorded observations, and the actions that the policy takes there. */
{arrays}
int main(void)
{{
    float action[{A}];
    volatile float used; /* otherwise a compiler may leave out the loop that is timed */
    double worst = 0.0;
    for (int k = 0; k < {count}; ++k) {{
        if ({name}_act(test_observations + k * {O}, action) != 0) {{
            printf("observation %d was refused\\n", k);
            return 1;
        }}
        for (int a = 0; a < {A}; ++a) {{
            const double difference = fabs((double)action[a] - (double)test_actions[k * {A} + a]);
            worst = difference > worst ? difference : worst;
        }}
    }}
    const clock_t start = clock();
    for (int k = 0; k < 10000; ++k) {{
        {name}_act(test_observations + (k % {count}) * {O}, action);
        used = action[0];
    }}
    const double microseconds = 1e6 * (double)(clock() - start) / (double)CLOCKS_PER_SEC / 10000.0;
    printf("largest difference %.3g, allowed %.3g; %.2f us an action\\n", worst, {tolerance}, microseconds);
    (void)used;
    return worst <= {tolerance} ? 0 : 1;
}}
#endif
"""


def c_header(controller: Controller, metadata: Mapping[str, Any], name: str) -> str:
    """Return the header."""
    lines = [f"   {key}: {json.dumps(value)}".replace("*/", "* /") for key, value in metadata.items()]
    about = "\n".join(lines)
    NAME = name.upper()  # noqa: N806 - as it stands in the text below
    return f"""\
/* A policy that swimrl exported. Compile {name}.c with: cc {" ".join(FAST)} -c {name}.c
   Do not use -ffast-math: with it, the test for NaN in the observation is removed.

{about}
*/
#ifndef {NAME}_H
#define {NAME}_H

#ifdef __cplusplus
extern "C" {{
#endif

#define {NAME}_OBSERVATION_SIZE {controller.observation_size}
#define {NAME}_ACTION_SIZE {controller.action_size}

/* Writes the action, in the environment's units, for an observation as the environment gives it. Returns 0.
   If a number of the observation is not finite, it returns 1 and leaves the action as it was. */
int {name}_act(const float observation[{NAME}_OBSERVATION_SIZE], float action[{NAME}_ACTION_SIZE]);

#ifdef __cplusplus
}}
#endif

#endif
"""


def c_source(
    controller: Controller, observations: np.ndarray, actions: np.ndarray, tolerance: float, name: str
) -> str:
    """Return the source file.

    Args:
        controller: The policy.
        observations: Recorded observations for the self-test, [K, O].
        actions: The actions that the reference takes there, [K, A].
        tolerance: The largest difference that the self-test allows.
        name: Of the files; the function is called NAME_act.
    """
    functions, helpers = _activations(controller)
    test = _TEST.format(
        arrays=_array("test_observations", observations) + _array("test_actions", actions),
        count=len(observations),
        O=controller.observation_size,
        A=controller.action_size,
        tolerance=repr(float(tolerance)),
        name=name,
        NAME=name.upper(),
    )
    has_norm = any(layer.norm or layer.input_norm for layer in controller.layers)
    return "\n".join(
        [
            f"/* See {name}.h. */",
            f'#include "{name}.h"',
            "",
            "#include <float.h>",
            "#include <math.h>",
            "#include <stdint.h>",
            "#include <string.h>",
            "",
            _RESTRICT,
            *_constants(controller),
            C_MATH,
            *(without_calls(helper_source(helper, "float")) for helper in sorted(helpers)),
            *(without_calls(definition) for _, definition in functions.values()),
            *([_DENSE] if not all(map(_has_few_units, controller.layers)) else []),
            *([_DENSE_FEW] if any(map(_has_few_units, controller.layers)) else []),
            *([_LAYER_NORM] if has_norm else []),
            *_act(controller, {canonical: f for canonical, (f, _) in functions.items()}, name),
            test,
        ]
    )


def _has_few_units(layer: Layer) -> bool:
    return len(layer.bias) < _FEW


def _activations(controller: Controller) -> tuple[dict[str, tuple[str, str]], set[str]]:
    """Return name and definition of each activation by its canonical name, and the helpers they call."""
    functions: dict[str, tuple[str, str]] = {}
    helpers: set[str] = set()
    for layer in controller.layers:
        if layer.activation is not None and layer.activation.canonical not in functions:
            name = f"activation{len(functions) + 1}"
            function = c_function(layer.formula, name)
            functions[layer.activation.canonical] = (name, function.definition)
            helpers |= {*function.helpers}
    return functions, helpers


def _constants(controller: Controller) -> Iterator[str]:
    if (n := controller.normalisation) is not None:
        mean, rest = controller.mean_in_float32()
        yield _array("observation_mean", mean)
        yield _array("observation_mean_rest", rest)
        yield _array("observation_deviation", np.sqrt(n.var + EPSILON))
    for number, layer in enumerate(controller.layers, start=1):
        yield _array(f"weight{number}", layer.weight if _has_few_units(layer) else layer.weight.T)
        yield _array(f"bias{number}", layer.bias)
        for prefix, norm in (("input_norm", layer.input_norm), ("norm", layer.norm)):
            if norm is not None:
                yield _array(f"{prefix}_scale{number}", norm.scale)
                yield _array(f"{prefix}_shift{number}", norm.shift)
        for key, value in layer.parameters.items():
            yield _array(f"parameter{number}_{key}", value)
    low, high = controller.low.astype(np.float64), controller.high.astype(np.float64)
    yield _array("action_half_width", (high - low) / 2)
    yield _array("action_middle", (high + low) / 2)


def _act(controller: Controller, functions: Mapping[str, str], name: str) -> Iterator[str]:
    size, widest = controller.observation_size, max(layer.weight.shape[0] for layer in controller.layers)
    yield f"int {name}_act(const float observation[{size}], float action[{controller.action_size}])"
    yield "{"
    blocks = [layer.weight.shape[1] for layer in controller.layers if layer.begins_block]
    block_input = f", block_input[{max(blocks)}]" if blocks else ""
    yield f"    float x[{max(size, widest)}], y[{max(size, widest)}]{block_input};"
    yield f"    for (int i = 0; i < {size}; ++i) {{"
    yield "        if (!isfinite(observation[i])) {\n            return 1;\n        }"
    if controller.normalisation is not None:
        yield "        const float centred ="
        yield "            (observation[i] - observation_mean[i]) - observation_mean_rest[i];"
        yield "        const float z = centred / observation_deviation[i];"
        yield f"        x[i] = z < {-CLIP}f ? {-CLIP}f : z > {CLIP}f ? {CLIP}f : z;"
    else:
        yield "        x[i] = observation[i];"
    yield "    }"
    for number, layer in enumerate(controller.layers, start=1):
        yield from _layer(number, layer, functions)
    yield f"    for (int a = 0; a < {controller.action_size}; ++a) {{"
    yield "        action[a] = action_middle[a] + action_half_width[a] * act_tanh(x[a]);\n    }"
    yield "    return 0;\n}\n"


def _layer(number: int, layer: Layer, functions: Mapping[str, str]) -> Iterator[str]:
    units, inputs = layer.weight.shape
    if layer.begins_block:
        yield f"    memcpy(block_input, x, {inputs} * sizeof(float));"
    yield from _layer_norm(
        layer.input_norm, f"input_norm_scale{number}, input_norm_shift{number}", "x", inputs
    )
    dense = "dense_few" if _has_few_units(layer) else "dense"
    yield f"    {dense}(weight{number}, bias{number}, x, {inputs}, y, {units});"
    yield from _layer_norm(layer.norm, f"norm_scale{number}, norm_shift{number}", "y", units)
    output = "y[u]"
    if layer.activation is not None:
        arguments = [
            f"parameter{number}_{key}[{'u' if value.size > 1 else 0}]"
            for key, value in layer.parameters.items()
        ]
        output = f"{functions[layer.activation.canonical]}({', '.join(['y[u]', *arguments])})"
    if layer.ends_block:
        output = f"block_input[u] + {output}"
    yield f"    for (int u = 0; u < {units}; ++u) {{\n        x[u] = {output};\n    }}"


def _layer_norm(norm: LayerNorm | None, arrays: str, values: str, units: int) -> Iterator[str]:
    if norm is not None:
        yield f"    layer_norm({arrays}, {norm.epsilon:.9g}f, {values}, {units});"


def _array(name: str, values: np.ndarray) -> str:
    """Return the definition of a constant array; nine digits determine a float."""
    numbers = [_number(value) for value in np.asarray(values, np.float32).ravel()]
    rows = [", ".join(numbers[start : start + 8]) for start in range(0, len(numbers), 8)]
    return f"static const float {name}[{len(numbers)}] = {{\n    " + ",\n    ".join(rows) + "\n};\n"


def _number(value: np.float32) -> str:
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"
