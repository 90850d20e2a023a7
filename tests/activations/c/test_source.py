"""C functions of formulas: compiled with every warning, and compared with the composite form in float64."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from swimrl.activations import parse_name
from swimrl.activations.c.operations import HELPERS, Real, helper_source
from swimrl.activations.c.source import c_code, c_function, c_name
from tests.activations.formulas import NAMES, POINTS, formula_of, is_accurate_float32, largest_error

WARNINGS = ["-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Wdouble-promotion", "-Wshadow", "-Werror"]
INCLUDES = "#include <float.h>\n#include <math.h>\n"


def library_source(real: Real) -> str:
    """One file with every helper, every formula, and a loop over an array for each."""
    helpers = "\n".join(helper_source(helper, real) for helper in HELPERS)
    unused = "".join(f"(void)act_{helper.strip('_')}; " for helper in HELPERS)
    parts = [INCLUDES, helpers, f"void all_used(void);\nvoid all_used(void) {{ {unused}}}\n"]
    for number, name in enumerate(NAMES):
        formula = formula_of(name)
        parameters = "".join(f", ({real}){parameter.default!r}" for parameter in formula.parameters)
        signature = f"void run{number}(const {real} *x, {real} *y, int n)"
        parts += [
            c_function(formula, f"f{number}", real).definition,
            f"{signature};\n{signature}\n",
            f"{{ for (int i = 0; i < n; ++i) y[i] = f{number}(x[i]{parameters}); }}\n",
        ]
    return "\n".join(parts)


@pytest.fixture(scope="session", params=["float", "double"])
def compiled(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Real, Callable[[str], np.ndarray]]:
    """A type, and a function that computes a formula at `POINTS` in C with that type."""
    real: Real = request.param
    folder = tmp_path_factory.mktemp("c")
    source, library = folder / "all.c", folder / "all.so"
    source.write_text(library_source(real))
    command = ["cc", "-std=c99", "-O1", *WARNINGS, "-shared", "-fPIC", source, "-o", library, "-lm"]
    subprocess.run(command, check=True)
    functions = ctypes.CDLL(str(library))
    dtype = np.float32 if real == "float" else np.float64

    def values(name: str) -> np.ndarray:
        x = POINTS.astype(dtype)
        y = np.empty_like(x)
        run = getattr(functions, f"run{NAMES.index(name)}")
        run(*(array.ctypes.data_as(ctypes.c_void_p) for array in (x, y)), len(x))
        return y

    return real, values


@pytest.mark.parametrize("name", NAMES)
def test_c_computes_the_formula(name: str, compiled: tuple[Real, Callable[[str], np.ndarray]]) -> None:
    real, values = compiled
    if real == "float":
        assert is_accurate_float32(name, values(name))
    else:
        assert largest_error(name, values(name)) < 1e-12


def test_the_same_file_is_c_plus_plus(tmp_path: Path) -> None:
    (tmp_path / "all.cpp").write_text(library_source("float"))
    command = ["c++", "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", tmp_path / "all.cpp"]
    subprocess.run(command, check=True)


def test_code_to_paste_compiles_alone(tmp_path: Path) -> None:
    code = c_code(parse_name("taaf(mish)").settled, "taaf mish")
    (tmp_path / "mish.c").write_text(
        f"{code}\nint main(void) {{ return taaf_mish(0.0f, 1, 1, 0) != 0.0f; }}\n"
    )
    program = tmp_path / "mish"
    subprocess.run(["cc", "-std=c99", *WARNINGS, tmp_path / "mish.c", "-o", program, "-lm"], check=True)
    assert subprocess.run([program]).returncode == 0


@pytest.mark.parametrize(
    ("name", "in_c"),
    [
        ("k", "k"),
        ("double", "double_"),
        ("x", "x_"),
        ("exp", "exp_"),
        ("_3", "3_"),
        ("act_relu", "act_relu_"),
    ],
)
def test_names_collide_with_nothing(name: str, in_c: str) -> None:
    assert c_name(name) == in_c
