"""The best polynomial in place of an activation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from swimrl.activations.language.spec import ActivationSpec
from swimrl.activations.numpy.function import numpy_function
from swimrl.errors import InputError
from swimrl.polynomials import CompositeRelu, Fit, minimax, smallest_composite_relu, smallest_fit
from swimrl.polynomials.remez import MAX_DEGREE

DEFAULT_BOUND = 10.0


def polynomial_fit(
    spec: ActivationSpec,
    *,
    degree: int | None = None,
    precision: float | None = None,
    bound: float = DEFAULT_BOUND,
    most: int = MAX_DEGREE,
) -> Fit:
    """Return the best polynomial in place of an activation; learned parameters have their initial values.

    Args:
        spec: A formula.
        degree: Degree of the polynomial; or
        precision: the largest error that is allowed, for the smallest degree that keeps it.
        bound: The polynomial is best on [-bound, bound].
        most: The largest degree to try for a precision.

    Raises:
        InputError: If not exactly one of degree and precision is given, or the fit is impossible.
        FormulaError: If the activation is a module.
    """
    function = numpy_function(spec)
    if degree is not None and precision is None:
        return minimax(function, degree, bound)
    if precision is not None and degree is None:
        return smallest_fit(function, precision, bound, most=most)
    raise InputError("a polynomial needs either a degree or a precision, such as degree 6 or precision 2^-9")


def composite_fit(spec: ActivationSpec, precision: float, bound: float) -> CompositeRelu | None:
    """Return the composition of polynomials in place of relu; None for every other activation.

    Raises:
        InputError: If no composition keeps the precision.
    """
    return smallest_composite_relu(precision, bound) if spec.definition.name == "relu" else None


def plot_fit(spec: ActivationSpec, fit: Fit, path: Path) -> None:
    """Draw an activation with its polynomial, also a little outside the bound, and the error inside.

    Args:
        spec: The activation.
        fit: Its polynomial.
        path: A ``.png`` or ``.svg`` file to write.

    Raises:
        InputError: Another kind of file, or matplotlib is not installed.
    """
    from swimrl.activations.figure import pyplot_for, save, style_axes
    from swimrl.colours import ACCENT, FAINT, INK, SOFT

    pyplot = pyplot_for(path)
    function, bound = numpy_function(spec), fit.series.bound
    figure, (above, below) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
    x = np.linspace(-1.15 * bound, 1.15 * bound, 1201)
    inside = np.abs(x) <= bound
    values = function(x)
    above.plot(x, values, color=INK, linewidth=1.8, label=spec.canonical)
    above.plot(
        x,
        fit.series(x),
        color=ACCENT,
        linewidth=1.4,
        linestyle=(0, (4, 2)),
        label=f"degree {fit.series.degree}",
    )
    reach = float(np.ptp(values)) or 1.0
    above.set_ylim(float(values.min()) - 0.25 * reach, float(values.max()) + 0.25 * reach)
    above.legend(frameon=False, fontsize=9, labelcolor=INK)
    below.plot(x[inside], (fit.series(x) - values)[inside], color=ACCENT, linewidth=1.2)
    for level in (-fit.upper, fit.upper):
        below.axhline(level, color=FAINT, linewidth=0.8, linestyle=(0, (1, 2)))
    for axis, title in ((above, "f(x) and polynomial"), (below, "error of the polynomial")):
        style_axes(axis)
        for edge in (-bound, bound):
            axis.axvline(edge, color=FAINT, linewidth=0.8, linestyle=(0, (1, 2)))
        axis.set_title(title, color=INK, fontsize=11, loc="left")
        axis.tick_params(labelsize=9, colors=SOFT)
    save(pyplot, figure, path)
