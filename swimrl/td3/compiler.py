"""Leaves PyTorch's compiler out of a program that compiles nothing with it.

When an optimiser of PyTorch is built, saved or loaded, PyTorch imports `torch._dynamo`, which takes 0.7 s.
It does so only to exclude the optimiser's methods from compilation, and nothing is compiled as long as
nothing else has imported it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

_COMPILER = "torch._dynamo"
_EXCLUDED = "__dynamo_disable"
"""Where PyTorch's methods keep what they call in place of themselves once the compiler is loaded."""

_METHODS = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")


@contextmanager
def compiler_unloaded() -> Iterator[None]:
    """Let optimisers be built, saved and loaded without importing the compiler.

    Usable as a context and as a decorator. If the compiler has been imported already, this does nothing; nor
    with a version of PyTorch that keeps its methods elsewhere, which then costs time and nothing else.
    """
    changed: list[Any] = []
    try:
        for name in _METHODS if _COMPILER not in sys.modules else ():
            method = getattr(getattr(torch.optim.Optimizer, name), "__wrapped__", None)
            if method is not None and not hasattr(method, _EXCLUDED):
                setattr(method, _EXCLUDED, method)
                changed.append(method)
        yield
    finally:
        for method in changed:
            delattr(method, _EXCLUDED)
