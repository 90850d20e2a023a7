"""No error of a kernel is larger than the published table of the kernels' largest errors says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from swimrl.activations import REGISTRY

FOLDER = Path(__file__).parents[3] / "results/kernel-errors"
ROWS = {
    cells[0].strip("`"): cells
    for line in (FOLDER / "table.md").read_text().splitlines()[2:]
    if (cells := [cell.strip() for cell in line.strip("|").split("|")])
}


def measuring() -> Any:
    spec = importlib.util.spec_from_file_location("kernel_errors", FOLDER / "measure.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_row_is_a_formula_of_the_catalogue() -> None:
    """Not the other way round: the table was measured once, and formulas are added later."""
    assert len(ROWS) > 100
    assert set(ROWS) <= {d.name for d in REGISTRY.definitions() if d.expression is not None}


@pytest.mark.parametrize("name", ["swim", "ulu", "aulu", "xielu", "mish", "gelu", "tanhshrink", "pau"])
def test_no_error_is_larger_than_the_table_says(name: str) -> None:
    """Or than half of what is allowed: processors differ in the last digit."""
    measure = measuring()
    found = measure.largest_errors(name, measure.grid(20_001))
    for error, published in zip(found, (ROWS[name][1], ROWS[name][4]), strict=True):
        assert error.excess <= max(0.5, 1.5 * float(published))
    assert found[0].excess > 0
