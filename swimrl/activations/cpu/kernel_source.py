"""A formula as the text of a fused CPU kernel: one loop that numba compiles.

Letters in shapes: B batch, N units, P parameters of the formula.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

import torch

from swimrl.activations.language.formula import Formula
from swimrl.activations.language.source import Program, code, straight_line
from swimrl.activations.torch.edges import VALUE, edges

_IMPORTS = """\
import numpy as _np

from swimrl.activations.cpu.lanes import wide_vectors as _wide_vectors
from swimrl.activations.cpu.math import MATH as _MATH
"""
_DIMENSIONS = {"_z": 2, "_bias": 1, "_theta": 1, "_slope": 2, "_theta_slope": 3}


def decorator(dtype: str, dimensions: Iterable[int]) -> str:
    """Return the decorator that compiles the function below it; `cache.load` provides its name.

    Args:
        dtype: Of every array that the function takes.
        dimensions: Of each array; all are C-contiguous.
    """
    arrays = ", ".join(f"{dtype}[{':, ' * (dimension - 1)}::1]" for dimension in dimensions)
    return f'@compiled("void({arrays})")'


def kernel_source(
    formula: Formula, dtype: str, *, slopes: bool, theta_slopes: bool = True, per_unit: bool = False
) -> str:
    """Return the text of a module with a function ``kernel``.

    Its arguments are z [B, N], bias [N], theta [P] and, with slopes, slope [B, N] and theta_slope [P, B, N];
    all C-contiguous. It replaces z by f(z + bias) and writes df/dz and df/dtheta. NaN in gives NaN out in
    each. At an infinite input the value is the recorded limit, and slopes are those at the largest number.

    Args:
        formula: The function; each of its parameters is an element of theta.
        dtype: ``"float32"`` or ``"float64"``.
        slopes: Whether to compute slopes.
        theta_slopes: Whether these include df/dtheta; without it the kernel takes no theta_slope.
        per_unit: Whether each unit has parameters of its own; theta is [P, N] then.
    """
    outputs = [formula.expr]
    targets = ["_z[_b, _n]"]
    if slopes:
        outputs += [formula.derivative]
        targets += ["_slope[_b, _n]"]
    if slopes and theta_slopes:
        outputs += formula.parameter_derivatives
        targets += [f"_theta_slope[{i}, _b, _n]" for i in range(len(formula.parameters))]
    program = straight_line(outputs, confined=False)
    lines, results = _body(formula, program, dtype)
    typed = _Typed()
    body = [
        "_u = _z[_b, _n] + _bias[_n]",
        "x = _u",
        *map(typed.text, lines),
        *(f"{target} = {typed.text(result)}" for target, result in zip(targets, results, strict=True)),
    ]
    index = ", _n" if per_unit else ""
    theta = [f"{parameter.name} = _theta[{i}{index}]" for i, parameter in enumerate(formula.parameters)]
    dimensions = _DIMENSIONS | {"_theta": 2 if per_unit else 1}
    arrays = list(dimensions)[: 3 + slopes + (slopes and theta_slopes)]
    return "\n".join(
        [
            _IMPORTS,
            f"_KIND = _np.{dtype}",
            "_INF = _KIND(_np.inf)",
            "_HIGHEST = _np.finfo(_KIND).max",
            "_LOWEST = -_HIGHEST",
            '_where = _MATH["where"]',
            *(f'_{function} = _MATH["{function}"]' for function in sorted(typed.functions - {"where"})),
            *(f"{name} = _KIND({number})" for number, name in typed.constants.items()),
            "\n",
            decorator(dtype, (dimensions[name] for name in arrays)),
            f"def kernel({', '.join(arrays)}):",
            "    _wide_vectors()",
            *(f"    {line}" for line in theta if not per_unit),
            "    for _b in range(_z.shape[0]):",
            "        for _n in range(_z.shape[1]):",
            *(f"            {line}" for line in (*(theta if per_unit else ()), *body)),
            "",
        ]
    )


_HOLD = {
    -math.inf: "x = where(x < _LOWEST, _LOWEST, x)",
    math.inf: "x = where(x > _HIGHEST, _HIGHEST, x)",
}
"""For each infinity, the line that holds ``x`` at the largest finite number of that side."""


def _body(formula: Formula, program: Program, dtype: str) -> tuple[list[str], list[str]]:
    """Return the lines that compute a program, right at the edges, and its results."""
    needs = edges(formula, program, (getattr(torch, dtype),))
    lines = [*(_HOLD[end] for end in needs.held), *program.assignments]
    value, *slopes = program.results
    if needs.limits:
        lines.append(f"{VALUE} = {value}")
        lines += [
            f"{VALUE} = where(_u == {end}, {code(limit)}, {VALUE})" for end, limit in needs.limits.items()
        ]
        value = str(VALUE)
    results = [
        f"where(_u == _u, {result}, _u)" if loses_nan else result
        for result, loses_nan in zip((value, *slopes), needs.loses_nan, strict=True)
    ]
    return lines, results


@dataclass
class _Typed(ast.NodeTransformer):
    """Rewrites generated text for numba.

    The printer writes for torch, where a tensor decides the dtype. numba decides it by each operand, so:

    - ``0.5*x`` becomes ``_C0*x`` with a constant of the loop's dtype, because numba computes
      ``float32 * 0.5`` in float64;
    - ``exp(x)`` becomes ``_exp(x)``, a function of ``cpu.math``; with the underscore no parameter hides it;
    - ``x**2`` becomes ``_power(x, 2)``, repeated products, and ``x**a`` becomes ``_pow(x, a)``;
    - ``_rsqrt(x)`` becomes ``_C0/_sqrt(x)``, and ``_constant(a, x)``, which gives a number the dtype of a
      tensor, becomes ``a``.

    Example: ``_Typed().text("_0 = 2*exp(x)**3")`` is ``"_0 = _C0 * _power(_exp(x), 3)"``.
    """

    constants: dict[str, str] = field(default_factory=dict)
    """Numbers, as text, and the names that stand for them."""

    functions: set[str] = field(default_factory=set)
    """The functions of ``cpu.math`` that occur."""

    def text(self, line: str) -> str:
        """Return one line rewritten."""
        return ast.unparse(ast.fix_missing_locations(self.visit(ast.parse(line))))

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name("_INF") if node.id == "inf" else node

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        assert isinstance(node.value, int | float)
        return ast.Name(self.constants.setdefault(repr(float(node.value)), f"_C{len(self.constants)}"))

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        left: ast.expr = self.visit(node.left)
        if not isinstance(node.op, ast.Pow):
            return ast.BinOp(left, node.op, self.visit(node.right))
        if isinstance(node.right, ast.Constant) and isinstance(node.right.value, int):
            return self._call("power", left, node.right)
        return self._call("pow", left, self.visit(node.right))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        assert isinstance(node.func, ast.Name)
        first, *others = map(self.visit, node.args)
        if node.func.id == "_constant":
            return cast("ast.expr", first)
        if node.func.id == "_rsqrt":
            return ast.BinOp(self.visit(ast.Constant(1)), ast.Div(), self._call("sqrt", first))
        return self._call(node.func.id, first, *others)

    def _call(self, function: str, *arguments: ast.expr) -> ast.expr:
        self.functions.add(function)
        return ast.Call(ast.Name(f"_{function}"), list(arguments), [])
