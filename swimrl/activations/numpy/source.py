"""A formula as the text of a NumPy function, for people to paste."""

from __future__ import annotations

from swimrl.activations.language.formula import Formula
from swimrl.activations.language.python_code import in_dtype_of_x, plain_function
from swimrl.activations.numpy.library import NUMPY
from swimrl.activations.torch.programs import value_program


def numpy_code(formula: Formula, name: str) -> str:
    """Return Python text with the function ``name(x, *parameters)``; it needs NumPy alone.

    ``x`` is a float32 or float64 array of any shape; the result has its shape and dtype. The parameters have
    the formula's defaults. NaN in gives NaN out, and an infinity gives the limit.
    """
    convert = in_dtype_of_x("np", [parameter.name for parameter in formula.parameters])
    return plain_function(name, formula, value_program(formula), NUMPY, convert)
