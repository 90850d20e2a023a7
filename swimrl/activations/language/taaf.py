"""TAAF: any activation, scaled and shifted on both sides.

Kunc & Kléma 2021; Kunc 2024, arXiv:2402.09249:

    taaf(f)(x) = alpha f(beta x + gamma) + delta

The authors' layer (kunc/TAAF-D-GEX) starts at the identity, has four parameters for each neuron, and omits
the bias of the linear layer before it, because gamma replaces it. Here that bias stays, so gamma is fixed at
0 by default: to learn both would be to learn one number twice.
"""

from __future__ import annotations

from dataclasses import replace

import sympy

from swimrl.activations.language.definition import WRAPPER, Definition
from swimrl.activations.language.formula import text_of
from swimrl.activations.language.parameters import OneOf, Parameter
from swimrl.activations.language.primitives import Affine, X
from swimrl.activations.language.spec import ActivationSpec
from swimrl.errors import FormulaError

PREFIX = "f_"
"""The prefix of the inner activation's parameters in the wrapped one."""

_PARAMETERS = (
    Parameter("alpha", 1.0, trainable=True, doc="scale of the output"),
    Parameter("beta", 1.0, trainable=True, doc="scale of the input"),
    Parameter("gamma", 0.0, doc="shift of the input; fixed, because the layer before it has a bias"),
    Parameter("delta", 0.0, trainable=True, doc="shift of the output"),
)


def taaf(inner: ActivationSpec) -> Definition:
    """Return the definition of a wrapped activation.

    Args:
        inner: The activation to wrap. The parameters that it learns are learned here too; those that cannot
            be learned become constants.

    Raises:
        FormulaError: It is a module, not a formula, or it has bounded parameters.
    """
    formula = inner.formula
    if formula is None:
        raise FormulaError(
            f"taaf cannot wrap {inner.canonical!r}, which is a module; wrap a formula, such as taaf(swim)"
        )
    if any(value.is_bounded for value in inner.values):
        raise FormulaError(
            f"taaf cannot wrap {inner.canonical!r} with its bounds; set them outside: "
            f"taaf({inner.definition.name}, {PREFIX}NAME=trainable(NUMBER, low=NUMBER))"
        )
    choices = [p.name for p in inner.definition.parameters if isinstance(p.domain, OneOf)]
    formula = formula.fix({value.name: value.value for value in inner.values if value.name in choices})
    alpha, beta, gamma, delta = (sympy.Symbol(parameter.name) for parameter in _PARAMETERS)
    renamed = {symbol: sympy.Symbol(f"{PREFIX}{symbol.name}") for symbol in formula.symbols}
    argument = Affine(X, beta, gamma)
    expr = alpha * formula.expr.subs({X: argument, **renamed}, simultaneous=True) + delta
    own = (
        replace(
            parameter,
            name=f"{PREFIX}{parameter.name}",
            default=value.value,
            trainable=value.trainable,
            effective="",
        )
        for parameter, value in zip(inner.definition.parameters, inner.values, strict=True)
        if parameter.name not in choices
    )
    return Definition(
        f"{WRAPPER}({inner.canonical})",
        text_of(expr),
        (*_PARAMETERS, *own),
        family="adaptive",
        reference="Kunc 2024, arXiv:2402.09249",
        summary=f"{inner.canonical}, scaled and shifted on both sides",
        kind="wrapper",
        inner=inner.canonical,
    )
