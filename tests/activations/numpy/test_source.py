"""NumPy functions of formulas, against the composite form in float64."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from swimrl.activations import parse_name
from swimrl.activations.numpy.source import numpy_code
from tests.activations.formulas import NAMES, POINTS, formula_of, is_accurate_float32, largest_error


def function(name: str) -> Callable[..., Any]:
    namespace: dict[str, Any] = {}
    exec(numpy_code(formula_of(name), "f"), namespace)
    f: Callable[..., Any] = namespace["f"]
    return f


@pytest.mark.parametrize("name", NAMES)
def test_numpy_computes_the_formula(name: str) -> None:
    f = function(name)
    with np.errstate(all="ignore"):
        in_float64, in_float32 = f(POINTS), f(POINTS.astype(np.float32))
    assert in_float32.dtype == np.float32
    assert in_float32.shape == POINTS.shape
    assert largest_error(name, in_float64) < 1e-11
    assert is_accurate_float32(name, in_float32)


def test_it_runs_where_neither_swimrl_nor_torch_is_imported() -> None:
    code = numpy_code(parse_name("gelu").settled, "gelu")
    check = "import sys\nassert abs(float(gelu(1.0)) - 0.8413447460685429) < 1e-15\n"
    check += "assert not {'torch', 'swimrl', 'scipy'} & {*sys.modules}"
    subprocess.run([sys.executable, "-I", "-c", f"{code}\n{check}"], check=True)
