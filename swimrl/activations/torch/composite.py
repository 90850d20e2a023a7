"""Formulas as composite torch operations: any device, any dtype, differentiable as often as the function is.

The generated text is compiled once for each formula and set of fixed values; tracebacks and
debuggers show it.
"""

from __future__ import annotations

import functools
import hashlib
import linecache
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import sympy
import torch
from torch import Tensor

from swimrl.activations.language.formula import Formula, between
from swimrl.activations.language.parameters import Parameter, ParameterValue
from swimrl.activations.language.parser import parse_limit
from swimrl.activations.language.source import Program, code, straight_line

_PROBES = (None, 1.0, 0.5, 2.0, -1.0)
"""Parameter values, ``None`` for the default, at which behaviour at infinity is looked at. Not 0,
where limits jump."""


@functools.lru_cache(maxsize=4096)
def value_function(formula: Formula) -> Callable[..., Tensor]:
    """Return ``f(x, *parameters)``, with the formula's parameters in order.

    NaN in gives NaN out. At an infinite input the bare expression may be NaN (``-inf * 0``); so
    each side is looked at here, once. If the expression gives the recorded limit, nothing is added;
    else, if it does so at the largest finite number, ``x`` is held there (one cheap operation);
    else the limit is selected. Without recorded limits, NaN at infinity becomes the value at the
    largest number.

    Args:
        formula: What to compute.

    Returns:
        A function of tensors: ``x`` of any shape, float32 or float64, and parameters of the same
        dtype that broadcast against it. The result has the shape and dtype of ``x``.
    """
    limits = formula.limits or (None, None)
    draft = _Draft(formula, straight_line([formula.expr]))
    before, after = [], []
    for end, hold, limit in zip((-math.inf, math.inf), (_HOLD_BELOW, _HOLD_ABOVE), limits, strict=True):
        if _is_right(draft.compile(), draft, end, limit):
            continue
        if limit is None or _is_right(draft.compile([hold]), draft, end, limit):
            before.append(hold)
        else:
            after.append(f"_y = where(_x == {end}, {code(limit)}, _y)")
    if not all(value.isnan() for value in _values(draft.compile(), draft, math.nan)):
        after.append("_y = where(_x == _x, _y, _x)")
    return draft.compile(before, after)


def value_and_derivatives(formula: Formula) -> Callable[..., tuple[Tensor, ...]]:
    """Return ``g(x, *parameters) -> (y, dy/dx, dy/dp for each parameter)``, by the formula's own derivatives.

    This is what kernels are compared with. At a kink the derivative is torch's, else the left one.
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
    """Return what the formula makes of a learned number.

    Args:
        parameter: Its definition, which may say that it is raw.
        value: Its settings, which may bound it.
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
    draft = _Draft(formula, Program(program.assignments, (f"({', '.join(keep_nan)},)",)))
    return cast("Callable[..., tuple[Tensor, ...]]", draft.compile([_HOLD_BELOW, _HOLD_ABOVE]))


_HOLD_BELOW = "x = _at_least(x, _lowest(x))"
_HOLD_ABOVE = "x = _at_most(x, -_lowest(x))"


@dataclass(frozen=True)
class _Draft:
    """Generated code, before it is settled what infinities and NaN need.

    Args:
        formula: Where it comes from.
        program: The code.
    """

    formula: Formula
    program: Program

    def compile(self, before: Sequence[str] = (), after: Sequence[str] = ()) -> Callable[..., Any]:
        """Compile with lines in front, which may change ``x``, and behind, which may change ``_y``."""
        body = [*before, *self.program.assignments, f"_y = {self.program.results[0]}", *after]
        if any("_x" in line for line in body):
            body.insert(0, "_x = x")
        names = ", ".join(("x", *(p.name for p in self.formula.parameters)))
        lines = [f"def activation({names}):", repr(self.formula.text()), *body, "return _y"]
        return _function("\n    ".join(lines) + "\n")


def _function(source: str) -> Callable[..., Any]:
    """Make a function of generated text: all of it comes from the printer of ``source``, none from a user."""
    filename = f"<swimrl activation {hashlib.sha256(source.encode()).hexdigest()[:12]}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace = dict(NAMESPACE)
    exec(compile(source, filename, "exec"), namespace)  # noqa: S102
    return cast("Callable[..., Any]", namespace["activation"])


def parameter_probes(parameters: Sequence[Parameter]) -> list[dict[str, float]]:
    """Return sets of values within the parameters' domains; one empty set if there are no parameters."""
    probes = [
        {p.name: probe if probe is not None and probe in p.domain else p.default for p in parameters}
        for probe in _PROBES
    ]
    return probes if parameters else probes[:1]


def _values(function: Callable[..., Any], draft: _Draft, x: float) -> list[Tensor]:
    """Evaluate at one ``x``, at every probe of the parameters, in float32 and float64."""
    with torch.no_grad(), torch.device("cpu"):
        return [
            torch.as_tensor(function(*(torch.tensor(v, dtype=dtype) for v in (x, *probe.values()))))
            for dtype in (torch.float32, torch.float64)
            for probe in parameter_probes(draft.formula.parameters)
        ]


def _is_right(function: Callable[..., Any], draft: _Draft, end: float, limit: Any) -> bool:
    """Whether a function has the limit recorded for one end; if none is, any value but NaN is right."""
    values = _values(function, draft, end)
    if limit is None:
        return not any(value.isnan() for value in values)
    wanted = [limit_value(limit, probe) for probe in parameter_probes(draft.formula.parameters)] * 2
    return all(
        math.isclose(value.item(), number, rel_tol=1e-6, abs_tol=1e-30)
        for value, number in zip(values, wanted, strict=True)
    )


def limit_value(limit: Any, values: Mapping[str, float]) -> float:
    """Return a limit of a formula as a number, at the values of the parameters that occur in it."""
    return float(limit.subs({sympy.Symbol(name): sympy.Float(value) for name, value in values.items()}))


def _at_least(u: Tensor, bound: Tensor | float) -> Tensor:
    # torch.maximum would halve the gradient at the bound; here u keeps it all.
    return torch.where(u < bound, bound, u) if isinstance(bound, Tensor) else u.clamp(min=bound)


def _at_most(u: Tensor, bound: Tensor | float) -> Tensor:
    return torch.where(u > bound, bound, u) if isinstance(bound, Tensor) else u.clamp(max=bound)


def _clip(u: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    # torch.clamp has slope 1 at its bounds, our primitive 0.
    return torch.where(u <= low, low, torch.where(u >= high, high, u))


def _isru_gate(u: Tensor) -> Tensor:
    """Compute (1 + u/sqrt(1 + u^2))/2 without cancellation for u < 0.

    With r = sqrt(1 + u^2) and t = 1/(2 r (r + |u|)), it is t for u <= 0 and 1 - t for u > 0.
    ``torch.where`` costs ten times as much as arithmetic on a CPU, so the side is a factor; and
    with ``side`` constant, |u| has slope -1 at 0, which makes the derivatives at 0 right. Dividing
    twice keeps r (r + |u|) from overflowing.
    """
    side = torch.sign(u.detach()).clamp(min=0.0)  # 0 for u <= 0, else 1
    r = torch.sqrt(1.0 + u * u)
    t = 0.5 / r / (r + u * (2.0 * side - 1.0))
    return t + side * (1.0 - 2.0 * t)


def _sech2(u: Tensor) -> Tensor:
    # In this form neither the value nor any derivative overflows, as 1/cosh(u)**2 would.
    return 4.0 * torch.sigmoid(2.0 * u) * torch.sigmoid(-2.0 * u)


def _softplus(u: Tensor) -> Tensor:
    # Beyond its threshold torch returns u: at the default of 20 that is wrong in float64, at 40 it is exact.
    return torch.nn.functional.softplus(u, threshold=40.0)


NAMESPACE: Mapping[str, Any] = {
    "_at_least": _at_least,
    "_at_most": _at_most,
    "_constant": lambda value, x: x.new_full((), value),
    "_lowest": lambda x: torch.finfo(x.dtype).min,
    "_rsqrt": torch.rsqrt,
    "abs": torch.abs,
    "atan": torch.atan,
    "atan_gate": lambda u: torch.atan2(torch.ones_like(u), -u) / math.pi,
    "clip": _clip,
    "cos": torch.cos,
    "erf": torch.erf,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "inf": math.inf,
    "isru_gate": _isru_gate,
    "isru_slope": lambda u: 0.5 * torch.rsqrt(1.0 + u * u) ** 3,
    "log": torch.log,
    "log1p": torch.log1p,
    # erfc keeps its digits in the left tail, where 1 + erf cancels.
    "ndtr": lambda u: 0.5 * torch.erfc(-math.sqrt(0.5) * u),
    "normal_pdf": lambda u: torch.exp(-0.5 * u * u) * (1.0 / math.sqrt(2.0 * math.pi)),
    "relu": torch.relu,
    "sech2": _sech2,
    "sigmoid": torch.sigmoid,
    "sign": torch.sign,
    "sin": torch.sin,
    "softplus": _softplus,
    "sqrt": torch.sqrt,
    "step": lambda u: (u > 0.0).to(u.dtype),
    "tanh": torch.tanh,
    "tanh_softplus": lambda u: torch.tanh(_softplus(u)),
    "tanh_softplus_slope": lambda u: _sech2(_softplus(u)) * torch.sigmoid(u),
    "where": torch.where,
}
"""What the names in generated code mean here."""
