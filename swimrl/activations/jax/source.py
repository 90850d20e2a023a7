"""A formula as the text of a JAX function whose derivatives are the formula's own."""

from __future__ import annotations

from pathlib import Path

from swimrl.activations.language.formula import Formula
from swimrl.activations.language.python_code import Library, as_module, function_lines, in_dtype_of_x
from swimrl.activations.torch.programs import derivative_program, value_program

JAX = Library(("import jax", "import jax.numpy as jnp"), Path(__file__).with_name("operations.py"))


def jax_code(formula: Formula, name: str) -> str:
    """Return Python text with the function ``name(x, *parameters)``; it needs JAX alone.

    ``x`` is a floating array of any shape; the result has its shape and dtype. The parameters have the
    formula's defaults, and JAX can differentiate by them. At kinks JAX's own rules would give other
    derivatives (1/2 at the kink of a maximum), so the function brings the formula's. NaN in gives NaN
    out, and an infinity gives the limit.
    """
    names = [parameter.name for parameter in formula.parameters]
    value, used_by_value = function_lines(value_program(formula), JAX)
    slopes, used_by_slopes = function_lines(derivative_program(formula), JAX)
    defaults = [f"{parameter.name}={parameter.default!r}" for parameter in formula.parameters]
    inputs = ", ".join(["x", *names])
    slope_names = [f"_d{i}" for i in range(len(names) + 1)]
    *steps, results = slopes
    tangent = " + ".join(f"_d{i} * _tangents[{i}]" for i in range(len(names) + 1))
    function = [
        "@jax.custom_jvp",
        f"def {name}({', '.join(['x', *defaults])}):",
        f'    """Return {formula.text()}."""',
        *(f"    {line}" for line in (*in_dtype_of_x("jnp", names), *value)),
        "",
        "",
        f"@{name}.defjvp",
        f"def _{name}_jvp(_primals, _tangents):",
        f"    {inputs}{',' if not names else ''} = _primals",
        f"    _value = {name}({inputs})",
        *(f"    {line}" for line in (*in_dtype_of_x("jnp", names), *steps)),
        f"    {', '.join(slope_names)} = {results.removeprefix('return ')}",
        f"    return _value, {tangent}",
    ]
    return as_module(JAX, used_by_value | used_by_slopes, function)
