"""PyTorch functions to paste, against the composite form in float64."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from swimrl.activations.torch.source import torch_code
from tests.activations.formulas import NAMES, POINTS, formula_of, largest_error


@pytest.mark.parametrize("name", NAMES)
def test_torch_computes_the_formula(name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(torch_code(formula_of(name), "f"), namespace)
    value = namespace["f"](torch.from_numpy(POINTS))
    assert largest_error(name, value.numpy()) < 1e-14
