"""exp and tanh of exported C are right for every kind of float."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable

import numpy as np
import pytest

from swimrl.exporting.c_math import C_MATH

PROGRAM = f"""
#include <math.h>
#include <stdint.h>
#include <string.h>
{C_MATH}
void all_exp(const float *u, float *y, int n) {{ for (int i = 0; i < n; ++i) y[i] = act_exp(u[i]); }}
void all_tanh(const float *u, float *y, int n) {{ for (int i = 0; i < n; ++i) y[i] = act_tanh(u[i]); }}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder = tmp_path_factory.mktemp("c")
    (folder / "m.c").write_text(PROGRAM)
    build = ["cc", "-std=c99", "-O3", "-Wall", "-Werror", "-shared", "-fPIC", folder / "m.c", "-o"]
    subprocess.run([*build, folder / "m.so", "-lm"], check=True)
    return ctypes.CDLL(str(folder / "m.so"))


def values(function: Callable[..., None], u: np.ndarray) -> np.ndarray:
    y = np.empty_like(u)
    function(ctypes.c_void_p(u.ctypes.data), ctypes.c_void_p(y.ctypes.data), len(u))
    return y


@pytest.mark.parametrize("name", ["exp", "tanh"])
def test_errors_are_below_1_5_units_in_the_last_place(name: str, library: ctypes.CDLL) -> None:
    patterns = np.arange(0, 2**32, 4099, dtype=np.uint64).astype(np.uint32)  # a million floats of every size
    u = patterns.view(np.float32)
    u = u[(u > -87.3) & (u < 88.3)] if name == "exp" else u[np.isfinite(u)]
    exact = getattr(np, name)(u.astype(np.float64))
    unit = np.spacing(np.abs(exact).astype(np.float32)).astype(np.float64)
    assert np.max(np.abs(values(getattr(library, f"all_{name}"), u) - exact) / unit) < 1.5


def test_special_values(library: ctypes.CDLL) -> None:
    u = np.array([np.nan, np.inf, -np.inf, 88.8, -88.1, 0.0], np.float32)
    np.testing.assert_array_equal(values(library.all_exp, u), [np.nan, np.inf, 0, np.inf, 0, 1])
    np.testing.assert_array_equal(values(library.all_tanh, u), [np.nan, 1, -1, 1, -1, 0])
