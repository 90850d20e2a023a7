"""Fit the best polynomial in place of an activation.

examples:
  swimrl polynomial fit swim --bound 10 --precision 2^-9
  swimrl polynomial fit "expr: x*sigmoid(b*x); b=1.5" --degree 6 --out fit.png
  swimrl polynomial fit relu --precision 2^-6 --json
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import tyro

from swimrl.errors import InputError
from swimrl.fields import Count

if TYPE_CHECKING:
    from swimrl.activations.language.spec import ActivationSpec
    from swimrl.polynomials import CompositeRelu, Fit


@dataclass(frozen=True)
class Args:
    """Options of `swimrl polynomial`."""

    request: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="REQUEST")]
    """fit NAME: fit a polynomial to an activation."""

    bound: float = 10.0
    """The polynomial is best for inputs in [-BOUND, BOUND]."""

    precision: Annotated[str | None, tyro.conf.arg(metavar="ERROR")] = None
    """Largest error that is allowed, such as 2^-9; the smallest degree that keeps it is fitted. 2^-9 when
    neither --precision nor --degree is given."""

    degree: Annotated[Count | None, tyro.conf.arg(metavar="INT")] = None
    """Degree of the polynomial, instead of a precision."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Draw function, polynomial and error into this file; .png or .svg."""

    json: bool = False
    """Print JSON."""


def run(args: Args) -> None:
    """Fit and print."""
    match args.request:
        case ("fit", name):
            _fit(name, args)
        case _:
            raise InputError(
                f"cannot read {' '.join(args.request)!r}; write 'fit NAME', with a name that holds spaces or "
                "parentheses in quotes"
            )


def _fit(name: str, args: Args) -> None:
    from swimrl.activations.language.names import parse_name
    from swimrl.activations.polynomial import composite_fit, plot_fit, polynomial_fit
    from swimrl.polynomials import parse_precision
    from swimrl.polynomials.remez import MAX_DEGREE

    if args.degree is not None and args.precision is not None:
        raise InputError("--degree and --precision exclude each other; leave one of them out")
    spec = parse_name(name)
    precision = None
    if args.degree is None:
        precision = parse_precision("2^-9" if args.precision is None else args.precision)
    composition = None if precision is None else composite_fit(spec, precision, args.bound)
    fit = None
    try:
        fit = polynomial_fit(spec, degree=args.degree, precision=precision, bound=args.bound)
    except InputError:
        if composition is None:
            raise
    if args.out is not None and fit is not None:
        plot_fit(spec, fit, args.out)
    if args.json:
        print(json.dumps(_as_json(spec, fit, composition), indent=2))
        return
    print(f"{spec.canonical} on [-{args.bound:g}, {args.bound:g}]")
    print(
        "\n".join(_lines(fit))
        if fit is not None
        else f"  no single polynomial of a degree up to {MAX_DEGREE}"
    )
    if composition is not None:
        print(_composition_line(composition))
    if args.out is not None and fit is not None:
        print(args.out)


def _lines(fit: Fit) -> list[str]:
    from swimrl.polynomials import precision_text

    series, cost = fit.series, fit.series.cost
    return [
        f"  degree        {series.degree}",
        f"  error         {fit.upper:.6g} = {precision_text(fit.upper)} at most",
        f"  lower bound   {fit.lower:.6g}: no polynomial of this degree has a smaller largest error",
        f"  depth         {cost.depth} multiplications one after the other, {cost.products} products in all",
        f"  coefficients  of T_0, T_1, ... in x/{series.bound:g}:",
        *(f"    {k:>3}  {c: .17g}" for k, c in enumerate(series.coefficients) if c),
    ]


def _composition_line(composition: CompositeRelu) -> str:
    from swimrl.polynomials import precision_text

    degrees = ", ".join(str(stage.degree) for stage in composition.stages)
    cost = composition.cost
    return (
        f"  composition   of degrees {degrees}: error {precision_text(composition.upper)}, "
        f"depth {cost.depth}, {cost.products} products"
    )


def _as_json(spec: ActivationSpec, fit: Fit | None, composition: CompositeRelu | None) -> dict[str, Any]:
    described: dict[str, Any] = {"activation": spec.canonical}
    if fit is not None:
        cost = fit.series.cost
        described |= {
            "degree": fit.series.degree,
            "error": fit.upper,
            "lower_bound": fit.lower,
            "depth": cost.depth,
            "products": cost.products,
            "series": fit.series.as_json(),
        }
    if composition is not None:
        cost = composition.cost
        described["composition"] = {
            "alpha": composition.alpha,
            "error": composition.upper,
            "depth": cost.depth,
            "products": cost.products,
            "stages": [stage.as_json() for stage in composition.stages],
        }
    return described
