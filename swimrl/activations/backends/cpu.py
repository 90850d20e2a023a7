"""Fused CPU kernels: bias, value, slope and parameter slopes of an activation in one compiled loop.

The loop is generated from the formula and compiled by numba, once for each formula, set of fixed values and
dtype; numba keeps the machine code on disk, so that the next process loads it in milliseconds.

What numba's cache cannot see belongs in the name of the generated file: the source of the functions that a
kernel inlines and the versions of the compilers. A damaged entry is removed and made again; where no folder
can be written, kernels live in memory.

Letters in shapes: B batch, N units, P trainable parameters.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import os
import sys
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
import sympy

from swimrl.activations.backends.cpu_math import source_digest
from swimrl.activations.backends.source import Program, code, straight_line
from swimrl.activations.formula import Formula
from swimrl.activations.module import Activation

Call = Callable[[], object]
FixedValues = tuple[tuple[str, float], ...]

_FLAGS = 'nogil=True, error_model="numpy", fastmath={"contract"}'


class CpuKernel:
    """The kernels of one activation module in one dtype.

    Args:
        activation: The module; its trainable parameters, in the module's order, are the P parameters.
        dtype: float32 or float64.

    Attributes:
        parameters: P.
    """

    def __init__(self, activation: Activation, dtype: np.dtype[Any]) -> None:
        formula = activation.spec.formula
        assert formula is not None  # Activation's constructor has seen to it
        fixed = tuple((v.name, v.value) for v in activation.spec.values if not v.trainable)
        self.parameters = len(activation.spec.values) - len(fixed)
        self._loops = loops(formula, fixed, np.dtype(dtype).name)
        self._no_theta = np.zeros(0, dtype)

    def bind_value(self, z: np.ndarray, bias: np.ndarray, theta: np.ndarray | None) -> Call:
        """Return the call that replaces ``z`` by f(z + bias).

        Args:
            z: [B, N], C-contiguous.
            bias: [N].
            theta: The trainable parameters, [P]; None if there are none.
        """
        return partial(self._loops.value, z, bias, self._no_theta if theta is None else theta)

    def bind_value_and_slopes(
        self,
        z: np.ndarray,
        bias: np.ndarray,
        theta: np.ndarray | None,
        slope: np.ndarray,
        theta_slope: np.ndarray,
    ) -> Call:
        """Return the call that replaces ``z`` by f(z + bias) and writes the slopes.

        Args:
            z: [B, N], C-contiguous.
            bias: [N].
            theta: The trainable parameters, [P]; None if there are none.
            slope: df/dz, [B, N].
            theta_slope: df/dtheta, [P, B, N].
        """
        parameters = self._no_theta if theta is None else theta
        return partial(self._loops.value_and_slopes, z, bias, parameters, slope, theta_slope)


@dataclass(frozen=True)
class Loops:
    """Compiled loops of one formula."""

    value: Callable[..., None]
    """(z [B, N], bias [N], theta [P]) -> None; replaces z by f(z + bias)."""

    value_and_slopes: Callable[..., None]
    """(z [B, N], bias [N], theta [P], slope [B, N], theta_slope [P, B, N]) -> None."""


@functools.cache
def loops(formula: Formula, fixed: FixedValues, dtype: str) -> Loops:
    """Return the compiled loops of ``formula`` with the parameters ``fixed`` as constants.

    NaN in gives NaN out, in the value and in each slope. At an infinite input the value is the recorded
    limit, and slopes are those at the largest finite number.

    Args:
        formula: What to compute.
        fixed: Names and values of the parameters that are constants.
        dtype: ``"float32"`` or ``"float64"``.
    """
    module = _load(_source(formula, fixed, dtype))
    return Loops(module.value, module.value_and_slopes)


def _source(formula: Formula, fixed: FixedValues, dtype: str) -> str:
    """Return the text of the module that holds the kernels."""
    constants = {sympy.Symbol(name): sympy.Float(value) for name, value in fixed}
    names = [p.name for p in formula.parameters if p.name not in dict(fixed)]
    value = formula.expr.subs(constants)
    limits = None
    if formula.limits is not None:
        limits = [code(limit.subs(constants)) for limit in formula.limits]
    slopes = [formula.derivative.subs(constants)] + [
        derivative.subs(constants)
        for parameter, derivative in zip(formula.parameters, formula.parameter_derivatives, strict=True)
        if parameter.name in names
    ]
    literals = _Literals()
    only_value = _Loop(dtype, names, limits, straight_line([value]), literals).text("value", ["_z[_b, _n]"])
    targets = ["_z[_b, _n]", "_slope[_b, _n]", *(f"_theta_slope[{i}, _b, _n]" for i in range(len(names)))]
    all_slopes = _Loop(dtype, names, limits, straight_line([value, *slopes]), literals).text(
        "value_and_slopes", targets
    )
    called = sorted(set(literals.functions) | {"where"})
    preamble = [
        _HEADER.format(digest=source_digest(), dtype=dtype),
        *(f"{function} = _MATH[{function!r}]" for function in called),
        *(f"{constant} = _KIND({number})" for number, constant in literals.constants.items()),
    ]
    return "\n".join((*preamble, "\n", only_value, "", all_slopes))


_HEADER = '''\
"""Generated by swimrl; inlines the functions of digest {digest}."""

import numba as _numba
import numpy as _np

from swimrl.activations.backends.cpu_math import MATH as _MATH

_KIND = _np.{dtype}
_INF = _KIND(_np.inf)
_HIGHEST = _np.finfo(_KIND).max
_LOWEST = -_HIGHEST
'''

_SIGNATURES = {
    "value": "void({0}[:, ::1], {0}[::1], {0}[::1])",
    "value_and_slopes": "void({0}[:, ::1], {0}[::1], {0}[::1], {0}[:, ::1], {0}[:, :, ::1])",
}
_ARGUMENTS = {
    "value": "_z, _bias, _theta",
    "value_and_slopes": "_z, _bias, _theta, _slope, _theta_slope",
}


@dataclass(frozen=True)
class _Loop:
    """What one generated function needs."""

    dtype: str
    names: Sequence[str]
    limits: Sequence[str] | None
    program: Program
    literals: _Literals

    def text(self, name: str, targets: Sequence[str]) -> str:
        """Return the function's text; the first target is the value, the others are slopes."""
        literals = self.literals
        assignments = [literals.typed(line) for line in self.program.assignments]
        results = [literals.typed(result) for result in self.program.results]
        value = results[0]
        if self.limits is not None:
            at_bottom, at_top = (literals.typed(limit) for limit in self.limits)
            value = f"where(_u == _INF, {at_top}, where(_u == -_INF, {at_bottom}, {value}))"
        body = [
            "_u = _z[_b, _n] + _bias[_n]",
            "x = where(_u > _HIGHEST, _HIGHEST, where(_u < _LOWEST, _LOWEST, _u))",
            *assignments,
            *(
                f"{target} = where(_u == _u, {result}, _u)"
                for target, result in zip(targets, (value, *results[1:]), strict=True)
            ),
        ]
        lines = [
            f'@_numba.njit("{_SIGNATURES[name].format(self.dtype)}", cache=_CACHE, {_FLAGS})',
            f"def {name}({_ARGUMENTS[name]}):",
            *(f"    {parameter} = _theta[{i}]" for i, parameter in enumerate(self.names)),
            "    for _b in range(_z.shape[0]):",
            "        for _n in range(_z.shape[1]):",
            *(f"            {line}" for line in body),
        ]
        return "\n".join(lines) + "\n"


class _Literals(ast.NodeTransformer):
    """Rewrites generated text for numba.

    Numbers become names of constants in the loop's dtype, because numba computes ``float32 * 0.5`` in
    float64; whole powers become calls that multiply.
    """

    def __init__(self) -> None:
        self.constants: dict[str, str] = {}
        self.functions: list[str] = []

    def typed(self, line: str) -> str:
        """Return ``line`` with its numbers and powers replaced."""
        return ast.unparse(ast.fix_missing_locations(self.visit(ast.parse(line))))

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        number = repr(float(node.value))  # type: ignore[arg-type]
        name: str = self.constants.setdefault(number, f"_C{len(self.constants)}")
        return ast.Name(name)

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        right = node.right
        if isinstance(node.op, ast.Pow) and isinstance(right, ast.Constant) and _is_whole(right.value):
            exponent = int(right.value)  # type: ignore[arg-type]
            self.functions.append("power")
            return ast.Call(ast.Name("power"), [self.visit(node.left), ast.Constant(exponent)], [])
        self.generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        assert isinstance(node.func, ast.Name)
        if node.func.id == "_constant":
            literal: ast.AST = self.visit(node.args[0])
            return literal
        if node.func.id == "_rsqrt":
            self.functions.append("sqrt")
            root = ast.Call(ast.Name("sqrt"), [self.visit(node.args[0])], [])
            return ast.BinOp(self.visit(ast.Constant(1.0)), ast.Div(), root)
        if node.func.id in ("_at_least", "_at_most"):
            u, bound = map(self.visit, node.args)
            beyond = ast.Lt() if node.func.id == "_at_least" else ast.Gt()
            return ast.Call(ast.Name("where"), [ast.Compare(u, [beyond], [bound]), bound, u], [])
        self.functions.append(node.func.id)
        arguments = [self.visit(argument) for argument in node.args]
        return ast.Call(node.func, arguments, [])

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return ast.Name("_INF") if node.id == "inf" else node


def _is_whole(value: Any) -> bool:
    return float(value).is_integer()


def _load(source: str) -> types.ModuleType:
    """Return the module made of ``source``, from the cache on disk if it is there."""
    digest = hashlib.sha256(f"{source_digest()}{source}".encode()).hexdigest()[:20]
    name = f"swimrl_kernel_{digest}"
    if name in sys.modules:
        return sys.modules[name]
    path = cache_directory() / f"{name}.py"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            aside = path.with_suffix(f".{os.getpid()}")
            aside.write_text(f"_CACHE = True\n{source}")
            aside.replace(path)
        return _import(name, path)
    except OSError:
        pass  # the cache cannot be written or read; compile in memory
    # Whatever a torn or altered cache entry raises: remove it and build it anew.
    except Exception:
        for damaged in (path, *(path.parent / "__pycache__").glob(f"{name}.*")):
            damaged.unlink(missing_ok=True)
    module = types.ModuleType(name)
    exec(compile(f"_CACHE = False\n{source}", name, "exec"), module.__dict__)  # noqa: S102 - our own text
    sys.modules[name] = module
    return module


def _import(name: str, path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # numba's cache finds a function again only through sys.modules.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def cache_directory() -> Path:
    """Return where compiled kernels are kept."""
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "swimrl" / "kernels"


def multiply_by_slope(
    g: np.ndarray,
    slope: np.ndarray,
    theta_slope: np.ndarray,
    bias_gradient: np.ndarray | None,
    theta_gradient: np.ndarray | None,
) -> Call:
    """Return the call that carries the gradient back through an activation.

    Args:
        g: Gradient by the activation's value, [B, N]; replaced by that by its input.
        slope: df/dz, [B, N].
        theta_slope: df/dtheta, [P, B, N].
        bias_gradient: Gradient by the bias, [N], written; None if it is not wanted.
        theta_gradient: Gradient by theta, [P], written; None if it is not wanted.
    """
    if bias_gradient is None:
        return partial(_times_slope, g, slope)
    if theta_gradient is None or not len(theta_slope):
        return partial(_times_slope_and_sums, g, slope, bias_gradient)
    return partial(_times_slope_and_all_sums, g, slope, theta_slope, bias_gradient, theta_gradient)


_compiled = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


@_compiled
def _times_slope(g: np.ndarray, slope: np.ndarray) -> None:
    for b in range(g.shape[0]):
        for n in range(g.shape[1]):
            g[b, n] *= slope[b, n]


@_compiled
def _times_slope_and_sums(g: np.ndarray, slope: np.ndarray, bias_gradient: np.ndarray) -> None:
    bias_gradient[:] = 0
    for b in range(g.shape[0]):
        for n in range(g.shape[1]):
            product = g[b, n] * slope[b, n]
            g[b, n] = product
            bias_gradient[n] += product


@_compiled
def _times_slope_and_all_sums(
    g: np.ndarray,
    slope: np.ndarray,
    theta_slope: np.ndarray,
    bias_gradient: np.ndarray,
    theta_gradient: np.ndarray,
) -> None:
    # Sums over a column first, in float64: independent of each other, so that the loop over n is vectorised.
    column = np.empty(g.shape[1], np.float64)
    for p in range(theta_slope.shape[0]):
        column[:] = 0
        for b in range(g.shape[0]):
            for n in range(g.shape[1]):
                column[n] += g[b, n] * theta_slope[p, b, n]
        theta_gradient[p] = column.sum()
    _times_slope_and_sums(g, slope, bias_gradient)
