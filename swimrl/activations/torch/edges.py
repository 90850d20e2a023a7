"""What generated code needs to be right at NaN and at infinities; for most formulas, little.

The decision is made once for each program, and every target prints it in its own language: see
``torch.composite`` and ``cpu.kernel_source``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy
import torch

from swimrl.activations.language.formula import Formula
from swimrl.activations.language.parameters import Parameter
from swimrl.activations.language.source import Program
from swimrl.activations.torch.operations import NAMESPACE

VALUE = sympy.Symbol("_y")
"""The program's first result, in `Edges.limits`."""

_PROBES = (None, 1.0, 0.5, 2.0, -1.0)
"""Parameter values, ``None`` for the default, at which a program is tried. Not 0, where limits jump."""


@dataclass(frozen=True)
class Edges:
    """What must be added to a program whose first result is the value, and whose others are slopes."""

    held: tuple[float, ...]
    """The infinities at which the program is computed with x at the largest finite number instead."""

    limits: Mapping[float, sympy.Expr]
    """The infinities at which the value is replaced, and by what: an expression in the parameters and
    `VALUE`."""

    loses_nan: tuple[bool, ...]
    """For each result, whether it can be a number where x is NaN; then x must be returned instead."""


def edges(formula: Formula, program: Program, dtypes: Sequence[torch.dtype]) -> Edges:
    """Decide what a program needs, by trying it at NaN, at both infinities and at the largest finite numbers.

    At an infinity the value must be the recorded limit; where none is recorded, what the program gives, or
    if that is NaN, the value at the largest finite number. Slopes must be those at the largest finite number.
    If the program gives all that, nothing is added. If only the value is wrong, and holding x does not help,
    the limit is selected. Otherwise x is held; if the value is still wrong, the limit is selected as well.

    Args:
        formula: The formula, with its limits.
        program: Code made from it.
        dtypes: In which to try; float32, float64 or both.
    """
    trials = [
        (dtype, evaluator(program, dtype), probe)
        for dtype in dtypes
        for probe in parameter_probes(formula.parameters)
    ]
    held, limits = [], {}
    for side, end in enumerate((-math.inf, math.inf)):
        limit = None if formula.limits is None else formula.limits[side]
        at_end = [evaluate(end, probe) for _, evaluate, probe in trials]
        at_largest = [
            evaluate(math.copysign(torch.finfo(dtype).max, end), probe) for dtype, evaluate, probe in trials
        ]
        bare, at_hold = ([values[0] for values in results] for results in (at_end, at_largest))
        if limit is None:
            wanted = [h if math.isnan(b) else b for b, h in zip(bare, at_hold, strict=True)]
            # Held, a function without recorded limits can only miss an infinity.
            limit = sympy.oo * VALUE if all(map(math.isinf, wanted)) else None
        else:
            wanted = [limit_value(limit, probe) for _, _, probe in trials]
        slopes_are_right = all(
            agree(a, b)
            for ours, theirs in zip(at_end, at_largest, strict=True)
            for a, b in zip(ours[1:], theirs[1:], strict=True)
        )
        if slopes_are_right and all(map(agree, bare, wanted)):
            continue
        misses_limit = limit is not None and not all(map(agree, at_hold, wanted))
        if misses_limit:
            limits[end] = limit
        if not (misses_limit and slopes_are_right):
            held.append(end)
    at_nan = [evaluate(math.nan, probe) for _, evaluate, probe in trials]
    loses_nan = tuple(not all(map(math.isnan, values)) for values in zip(*at_nan, strict=True))
    return Edges(tuple(held), limits, loses_nan)


def agree(a: float, b: float) -> bool:
    """Return whether two numbers are equal to rounding, or both NaN."""
    return math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-30) or (math.isnan(a) and math.isnan(b))


def evaluator(program: Program, dtype: torch.dtype) -> Callable[[float, Mapping[str, float]], list[float]]:
    """Return what computes a program's results at one x and one set of parameter values."""
    lines = [*program.assignments, f"_results = [{', '.join(program.results)}]"]
    body = compile("\n".join(lines), "<swimrl program>", "exec")

    def evaluate(x: float, parameters: Mapping[str, float]) -> list[float]:
        names = dict(NAMESPACE)
        with torch.no_grad(), torch.device("cpu"):
            names |= {
                name: torch.tensor(value, dtype=dtype) for name, value in {**parameters, "x": x}.items()
            }
            exec(body, names)  # noqa: S102 - text of our own printer
        return [float(result) for result in names["_results"]]

    return evaluate


def parameter_probes(parameters: Sequence[Parameter]) -> list[dict[str, float]]:
    """Return sets of values within the parameters' domains; one empty set if there are no parameters."""
    probes = [
        {p.name: probe if probe is not None and probe in p.domain else p.default for p in parameters}
        for probe in _PROBES
    ]
    return probes if parameters else probes[:1]


def limit_value(limit: Any, values: Mapping[str, float]) -> float:
    """Return a limit of a formula as a number, at the values of the parameters that occur in it."""
    return float(limit.subs({sympy.Symbol(name): sympy.Float(value) for name, value in values.items()}))
