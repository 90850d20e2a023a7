"""Formulas as straight-line text that is right at NaN and at infinities.

Targets that compute values one after the other print this text in their own language: C, JAX, NumPy, ONNX. It
uses the names of ``language.source``, and beside them ``_x``, the input as it was given, and ``_lowest(x)``,
the lowest finite number of x's dtype.
"""

from __future__ import annotations

import functools

import torch

from swimrl.activations.language.formula import Formula
from swimrl.activations.language.source import Program, code, straight_line
from swimrl.activations.torch.composite import HOLD
from swimrl.activations.torch.edges import VALUE, edges


@functools.lru_cache(maxsize=256)
def value_program(formula: Formula) -> Program:
    """Return text whose one result is the value: NaN where x is NaN, the formula's limit at an infinity."""
    program = straight_line([formula.expr])
    needs = edges(formula, program, (torch.float32, torch.float64))
    lines, (result,) = list(program.assignments), program.results
    for end, limit in needs.limits.items():
        lines.append(f"{VALUE} = {result}")
        result = f"where(_x == {end}, {code(limit)}, {VALUE})"
    if needs.loses_nan[0]:
        result = f"where(_x == _x, {result}, _x)"
    return _with_input((*(HOLD[end] for end in needs.held), *lines), (result,))


@functools.lru_cache(maxsize=256)
def derivative_program(formula: Formula) -> Program:
    """Return text whose results are df/dx and df/dp for each parameter.

    They are NaN where x is NaN. At an infinity they are those at the largest finite number.
    """
    program = straight_line([formula.derivative, *formula.parameter_derivatives])
    results = tuple(f"where(_x == _x, {result}, _x)" for result in program.results)
    return _with_input((*HOLD.values(), *program.assignments), results)


def _with_input(lines: tuple[str, ...], results: tuple[str, ...]) -> Program:
    """Return the program; the input is kept as ``_x`` first if anything asks for it."""
    is_asked_for = any("_x" in text for text in (*lines, *results))
    return Program(("_x = x", *lines) if is_asked_for else lines, results)
