"""A formula as a function of NumPy arrays: float64, for finite inputs, without torch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from swimrl.activations.language.formula import Formula
from swimrl.activations.language.python_code import in_dtype_of_x, plain_function
from swimrl.activations.language.source import straight_line
from swimrl.activations.language.spec import ActivationSpec
from swimrl.activations.numpy.library import NUMPY
from swimrl.errors import FormulaError

Array = np.ndarray[Any, np.dtype[np.float64]]


def numpy_function(spec: ActivationSpec) -> Callable[[Array], Array]:
    """Return an activation as a function of arrays; learned parameters have their initial values.

    Args:
        spec: A formula.

    Returns:
        A function from finite float64 numbers, of any shape, to the values, in the same shape.

    Raises:
        FormulaError: The activation is a module.
    """
    formula = spec.formula
    if formula is None:
        raise FormulaError(
            f"{spec.canonical!r} is a module, not a formula, so there is no function of a number; "
            "choose a formula, such as swim"
        )
    return _function(formula.fix({value.name: value.initial for value in spec.values}))


@functools.lru_cache(maxsize=256)
def _function(formula: Formula) -> Callable[[Array], Array]:
    program = straight_line([formula.expr])
    text = plain_function("activation", formula, program, NUMPY, in_dtype_of_x("np", []))
    namespace: dict[str, Any] = {}
    exec(compile(text, "<swimrl activation>", "exec"), namespace)  # noqa: S102 - text of our own printer
    activation = namespace["activation"]

    def evaluate(x: Array) -> Array:
        with np.errstate(all="ignore"):  # the branch of a choice that is not taken may overflow
            return np.broadcast_to(np.asarray(activation(x), np.float64), np.shape(x))

    return evaluate
