"""The code of an activation for people to paste: C, JAX, NumPy, PyTorch, or its LaTeX."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable

from swimrl.activations.language.spec import ActivationSpec
from swimrl.errors import InputError

_WRITERS = {
    "c": ("c.source", "c_code"),
    "jax": ("jax.source", "jax_code"),
    "numpy": ("numpy.source", "numpy_code"),
    "torch": ("torch.source", "torch_code"),
}
LANGUAGES = (*_WRITERS, "latex")


def code_of(spec: ActivationSpec, language: str) -> str:
    """Return code that computes an activation and needs nothing of swimrl.

    Fixed parameters are numbers in the code; the parameters that would be learned are arguments.

    Args:
        spec: A formula; a module has no code of its own.
        language: One of `LANGUAGES`.

    Raises:
        InputError: If the activation is a module.
    """
    if spec.formula is None:
        raise InputError(
            f"{spec.canonical} is a module, not a formula, so there is no {language} code for it; its Python "
            "code is in swimrl/activations/torch/handwritten.py"
        )
    if language == "latex":
        return f"{spec.settled.latex()}\n"
    module, function = _WRITERS[language]
    write: Callable[..., str] = getattr(importlib.import_module(f"swimrl.activations.{module}"), function)
    return write(spec.settled, re.sub(r"\W", "_", spec.slug))
