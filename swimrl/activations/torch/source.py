"""A formula as the text of a PyTorch function, for people to paste."""

from __future__ import annotations

from pathlib import Path

from swimrl.activations.language.formula import Formula
from swimrl.activations.language.python_code import Library, plain_function
from swimrl.activations.torch.programs import value_program

TORCH = Library(("import math", "", "import torch"), Path(__file__).with_name("operations.py"))


def torch_code(formula: Formula, name: str) -> str:
    """Return Python text with the function ``name(x, *parameters)``; it needs PyTorch alone.

    ``x`` is a floating tensor of any shape; the result has its shape and dtype. The parameters have the
    formula's defaults; they may be numbers or tensors. NaN in gives NaN out, and an infinity gives the limit.
    """
    convert = [
        f"{p.name} = torch.as_tensor({p.name}, dtype=x.dtype, device=x.device)" for p in formula.parameters
    ]
    return plain_function(name, formula, value_program(formula), TORCH, convert)
