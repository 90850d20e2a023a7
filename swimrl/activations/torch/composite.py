"""Formulas as composite torch operations: any device, any dtype, differentiable as often as the function is.

The generated text is compiled once for each formula; tracebacks and debuggers show it.
"""

from __future__ import annotations

import functools
import hashlib
import linecache
import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import sympy
import torch
from torch import Tensor

from swimrl.activations.language.formula import Formula, between
from swimrl.activations.language.parameters import Parameter, ParameterValue
from swimrl.activations.language.parser import parse_limit
from swimrl.activations.language.source import Program, code, straight_line
from swimrl.activations.torch.edges import edges
from swimrl.activations.torch.operations import NAMESPACE

HOLD = {-math.inf: "x = _at_least(x, _lowest(x))", math.inf: "x = _at_most(x, -_lowest(x))"}
"""For each infinity, the line that holds ``x`` at the largest finite number of that side."""


@functools.lru_cache(maxsize=4096)
def value_function(formula: Formula) -> Callable[..., Tensor]:
    """Return ``f(x, *parameters)``, with the formula's parameters in order.

    NaN in gives NaN out, and an infinite input gives the limit; see ``edges``.

    Args:
        formula: What to compute.

    Returns:
        A function of tensors: ``x`` of any shape, float32 or float64, and parameters of the same
        dtype that broadcast against it. The result has the shape and dtype of ``x``.
    """
    program = straight_line([formula.expr])
    needs = edges(formula, program, (torch.float32, torch.float64))
    before = [HOLD[end] for end in needs.held]
    after = [f"_y = where(_x == {end}, {code(limit)}, _y)" for end, limit in needs.limits.items()]
    if needs.loses_nan[0]:
        after.append("_y = where(_x == _x, _y, _x)")
    return _compiled(formula, program, before, after)


def value_and_derivatives(formula: Formula) -> Callable[..., tuple[Tensor, ...]]:
    """Return ``g(x, *parameters) -> (y, dy/dx, dy/dp for each parameter)``, by the formula's own derivatives.

    Tests compare kernels with it. At a kink the derivative is torch's, or if torch has none, the left one.
    NaN in gives NaN out in each result; at an infinite ``x`` the derivatives are those at the
    largest finite number.

    Args:
        formula: What to compute.

    Returns:
        A function of a float32 or float64 tensor and of one number or tensor for each parameter,
        broadcasting against it. Each result has the shape of ``x``.
    """
    value, derivatives = value_function(formula), derivative_function(formula)

    def evaluate(x: Tensor, *parameters: Tensor | float) -> tuple[Tensor, ...]:
        tensors = [torch.as_tensor(parameter, dtype=x.dtype, device=x.device) for parameter in parameters]
        return (value(x, *tensors), *derivatives(x, *tensors))

    return evaluate


def effective_value(parameter: Parameter, value: ParameterValue, raw: Tensor) -> Tensor:
    """Return the value that the formula uses for a learned number.

    Args:
        parameter: Its definition; see `Parameter.effective`.
        value: Its settings, with bounds or without.
        raw: The learned number, of any shape.
    """
    symbol = sympy.Symbol(value.name)
    expr = parse_limit(parameter.effective, [value.name]) if parameter.effective else symbol
    if value.is_bounded:
        expr = expr.subs(symbol, between(value.low, value.high, symbol))
    function = _function(f"def activation({value.name}):\n    return {code(expr)}\n")
    return cast("Tensor", function(raw.detach()))


@functools.lru_cache(maxsize=4096)
def derivative_function(formula: Formula) -> Callable[..., tuple[Tensor, ...]]:
    """Return ``d(x, *parameters) -> (dy/dx, dy/dp for each parameter)``, differentiable in its turn.

    Args:
        formula: What to compute.

    Returns:
        A function of tensors as in ``value_function``; for NaN and infinities see ``value_and_derivatives``.
    """
    program = straight_line([formula.derivative, *formula.parameter_derivatives])
    keep_nan = tuple(f"where(_x == _x, {result}, _x)" for result in program.results)
    program = Program(program.assignments, (f"({', '.join(keep_nan)},)",))
    return cast("Callable[..., tuple[Tensor, ...]]", _compiled(formula, program, [*HOLD.values()]))


def _compiled(
    formula: Formula, program: Program, before: Sequence[str], after: Sequence[str] = ()
) -> Callable[..., Any]:
    """Compile a program with lines in front, which may change ``x``, and behind, which may change ``_y``.

    The lines may use ``_x``, the input as it was given.
    """
    body = [*before, *program.assignments, f"_y = {program.results[0]}", *after]
    if any("_x" in line for line in body):
        body.insert(0, "_x = x")
    names = ", ".join(("x", *(p.name for p in formula.parameters)))
    lines = [f"def activation({names}):", repr(formula.text()), *body, "return _y"]
    return _function("\n    ".join(lines) + "\n")


def _function(source: str) -> Callable[..., Any]:
    """Compile generated text; all of it was printed by ``language.source``, none of it by a user."""
    filename = f"<swimrl activation {hashlib.sha256(source.encode()).hexdigest()[:12]}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace = dict(NAMESPACE)
    exec(compile(source, filename, "exec"), namespace)  # noqa: S102
    return cast("Callable[..., Any]", namespace["activation"])
