"""Measure the precision that a policy needs, or fit a polynomial to an activation.

docs/polynomial.md says what is played, and what a precision means.

examples:
  swimrl polynomial runs/default/HalfCheetah-v4/swim-1a2b3c4d/seed-0
  swimrl polynomial runs/default/HalfCheetah-v4/swim-1a2b3c4d/seed-* --range 40
  swimrl polynomial RUN --fit composite --degrees 6 9 12
  swimrl polynomial RUN --degrees 6 --fit observed --save runs/polynomial/swim-6
  swimrl polynomial fit swim --bound 10 --precision 2^-9
  swimrl polynomial fit "expr: x*sigmoid(b*x); b=1.5" --degree 6 --out fit.png
  swimrl polynomial fit relu --precision 2^-6 --json
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from swimrl.cli.progress import counted
from swimrl.errors import InputError
from swimrl.fields import Count

if TYPE_CHECKING:
    from swimrl.activations.language.spec import ActivationSpec
    from swimrl.approximating import Approximated
    from swimrl.polynomials import CompositeRelu, Fit


@dataclass(frozen=True)
class Args:
    """Options of `swimrl polynomial`."""

    request: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="REQUEST")]
    """Directories of runs that differ in their seed; or, fit NAME: fit a polynomial to an activation."""

    degrees: tuple[int, ...] = (2, 6, 14, 30)
    """Of runs: degrees of the polynomials; of --fit composite their alpha, 4 to 14."""

    fit: Literal["minimax", "observed", "composite"] = "minimax"
    """Of runs: minimax makes the largest error on the range smallest, observed the mean squared error at the
    pre-activations that the policy has; composite: compositions in place of relu, with an error of at most
    2^-alpha of the range."""

    range: Annotated[str, tyro.conf.arg(metavar="RANGE")] = "layer"
    """Of runs: where polynomials are fitted: layer, unit (a polynomial for each unit), or a number, the same
    bound for all."""

    margin: float = 1.5
    """Of runs: a measured range reaches to this multiple of the largest pre-activation."""

    errors: Literal["both", "negative", "positive", "shift", "noise"] = "both"
    """Of runs: the error of the polynomial for all inputs, or for negative or positive ones only; or a
    constant shift, or noise, of the size of its largest error."""

    episodes: Count = 50
    """Of runs: episodes of each policy, from the same starts."""

    best: bool = False
    """Of runs: take the policy of the best evaluation instead of the last."""

    threads: Count = 1
    """Of runs: processor threads for the simulation; results do not depend on it."""

    save: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Of one run with one degree: write the polynomial policy as a run, for `swimrl eval` and `export`."""

    bound: float = 10.0
    """Of fit: the polynomial is best for inputs in [-BOUND, BOUND]."""

    precision: Annotated[str | None, tyro.conf.arg(metavar="ERROR")] = None
    """Of fit: largest error that is allowed, such as 2^-9; the smallest degree that keeps it is fitted. 2^-9
    when neither --precision nor --degree is given."""

    degree: Annotated[Count | None, tyro.conf.arg(metavar="INT")] = None
    """Of fit: degree of the polynomial, instead of a precision."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="PATH")] = None
    """Of runs: the folder for polynomial.json and the page; when not given, polynomial in the first run. Of
    fit: draw function, polynomial and error into this file; .png or .svg."""

    json: bool = False
    """Print JSON."""


def run(args: Args) -> None:
    """Fit or measure, and print."""
    match args.request:
        case ("fit", name):
            _fit(name, args)
        case ("fit", *_):
            raise InputError(
                f"cannot read {' '.join(args.request)!r}; write 'fit NAME', with a name that holds spaces or "
                "parentheses in quotes"
            )
        case _:
            _measure(args)


def _measure(args: Args) -> None:
    from swimrl.approximating import Settings, approximate, write_policy
    from swimrl.training import open_run

    if args.precision is not None or args.degree is not None:
        raise InputError("--precision and --degree belong to 'fit NAME'; with runs, give --degrees")
    if args.save is not None and (len(args.request) > 1 or len(args.degrees) > 1):
        raise InputError("--save writes one policy; name one run and one of --degrees")
    settings = Settings(
        degrees=args.degrees,
        fit=args.fit,
        range=args.range,
        margin=args.margin,
        errors=args.errors,
        episodes=args.episodes,
    )
    runs = [open_run(path) for path in args.request]
    with counted("episodes") as on_end:
        done = approximate(runs, settings, out=args.out, best=args.best, threads=args.threads, on_end=on_end)
    if args.save is not None:
        write_policy(done.measured[0], done.measured[0].arms[1], args.save, best=args.best)
    if args.json:
        print(done.record.read_text(encoding="utf-8"), end="")
        return
    _print_measured(done)
    if args.save is not None:
        print(f"policy  {args.save}")


def _print_measured(done: Approximated) -> None:
    from swimrl.approximating.page import table

    rows = table(done.measured)
    shown = rows.only("arm", "depth", "error", "return", "interval", "outside", "worst", "failures")
    cells = [[column.title for column in shown.columns], *shown.texts()]
    widths = [max(len(row[place]) for row in cells) for place in range(len(shown.columns))]
    for row in cells:
        print("  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)))
    print(done.answer.sentence if done.answer is not None else f"Undetermined: {done.undetermined}.")
    if done.answer is not None and done.answer.needed is None:
        print(_advice(done))
    print(f"page    {done.page}")


def _advice(done: Approximated) -> str:
    """Return what to try when not even the finest polynomial suffices."""
    first = done.measured[0]
    if done.answer is not None and done.answer.losses[0].failures:
        is_given = first.settings.range not in ("layer", "unit")
        wider = (
            f"--range {2 * first.settings.bound:g}" if is_given else f"--margin {2 * first.settings.margin:g}"
        )
        return f"Inputs left the range, where polynomials grow fast; try a wider one, such as {wider}."
    if first.settings.fit == "composite":
        return "Finer ones: larger --degrees, up to 14."
    finest = max(first.settings.degrees)
    is_relu = all(spec.definition.name == "relu" for spec in first.actor.activations)
    compositions = "; or compositions, --fit composite --degrees 6 9 12" if is_relu else ""
    return f"Finer ones: larger --degrees; {2 * finest + 2} is one level deeper{compositions}."


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
