"""Which activations can be computed on encrypted numbers: polynomials in x, of a whole layer."""

from __future__ import annotations

import sympy

from swimrl.activations.language.polynomial import MAX_DEGREE
from swimrl.activations.language.primitives import Chebyshev, X
from swimrl.activations.language.spec import ActivationSpec
from swimrl.errors import InputError


def degree_of(spec: ActivationSpec) -> int:
    """Return the degree of a polynomial activation.

    Raises:
        InputError: If it is no polynomial, or its degree is too large.
    """
    degree = _degree(spec.settled.expr)
    if degree is None and spec.definition.kind == "polynomial":
        raise InputError(
            f"{spec.canonical} compares its input with the bound, and encrypted numbers cannot be "
            f"compared; train with "
            "outside=polynomial, the default"
        )
    if degree is None:
        raise InputError(
            f"{spec.canonical} is no polynomial in x, and encrypted numbers have only sums and products; "
            f"train with "
            "--act-actor quadratic_gate or 'poly(...)', or write a polynomial policy with: swimrl "
            "polynomial RUN --degrees 6 --save DIR"
        )
    if degree > MAX_DEGREE:
        raise InputError(
            f"{spec.canonical} is a polynomial of degree {degree}; expected at most {MAX_DEGREE}; choose "
            f"degree= or a "
            "lower precision"
        )
    return degree


def _degree(expr: sympy.Basic) -> int | None:
    """Return the degree in x; None for what is no polynomial."""
    if X not in expr.free_symbols:
        return 0
    if expr == X:
        return 1
    if isinstance(expr, sympy.Pow):
        base, exponent = _degree(expr.base), expr.exp
        is_power = base is not None and exponent.is_Integer and int(exponent) > 0
        return base * int(exponent) if base is not None and is_power else None
    if isinstance(expr, Chebyshev):
        u, *coefficients = expr.args
        inner = _degree(u)
        is_constant = all(not c.free_symbols for c in coefficients)
        return inner * (len(coefficients) - 1) if inner is not None and is_constant else None
    if isinstance(expr, sympy.Add | sympy.Mul):
        degrees = [_degree(arg) for arg in expr.args]
        known = [degree for degree in degrees if degree is not None]
        if len(known) < len(degrees):
            return None
        return max(known) if isinstance(expr, sympy.Add) else sum(known)
    return None
