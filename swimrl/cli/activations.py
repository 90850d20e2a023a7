"""List the activations; show one, plot some, compare two.

examples:
  swimrl activations
  swimrl activations --search swish
  swimrl activations --family self-gated --json
  swimrl activations show swim
  swimrl activations show mish --code c
  swimrl activations plot swim silu "tgate(nu=4)" --out gates.svg
  swimrl activations compare "swim(k=1)" pflu --interval -50 50
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from swimrl.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from swimrl.activations.language.definition import Definition
    from swimrl.activations.language.spec import ActivationSpec

_WIDTH = 80
_MOST_PARAMETERS = 4
_LONGEST_FORMULA = 600


@dataclass(frozen=True)
class Args:
    """Which activations to show, and how."""

    search: Annotated[str | None, tyro.conf.arg(metavar="TEXT")] = None
    """List only activations with this text in a name, the family, the reference or the summary."""

    family: Annotated[str | None, tyro.conf.arg(metavar="FAMILY")] = None
    """List only activations of this family."""

    as_json: Annotated[bool, tyro.conf.arg(name="json"), tyro.conf.FlagCreatePairsOff] = False
    """Print JSON; a bound of null is infinite."""

    request: Annotated[tuple[str, ...], tyro.conf.Positional, tyro.conf.arg(metavar="[REQUEST]")] = ()
    """Leave out to list all, or: show NAME, plot NAME..., compare NAME NAME."""

    out: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("activations.png")
    """The file that plot writes; .png or .svg."""

    code: Annotated[str | None, tyro.conf.arg(metavar="LANGUAGE")] = None
    """With show: print code to paste that needs nothing of swimrl: c, jax, latex, numpy or torch."""

    interval: Annotated[tuple[float, float], tyro.conf.arg(metavar="LOW HIGH")] = (-5.0, 5.0)
    """The interval that show and plot draw, and that compare searches."""


def run(args: Args) -> None:
    """Run the command."""
    match args.request:
        case ():
            _list(args)
        case ("show", name):
            _show(name, args)
        case ("plot", _, *_):
            _plot(args.request[1:], args)
        case ("compare", first, second):
            _compare(first, second, args)
        case _:
            raise InputError(
                f"cannot read {' '.join(args.request)!r}; write 'show NAME', 'plot NAME...' or "
                f"'compare NAME NAME', with names that hold spaces or parentheses in quotes"
            )


def _list(args: Args) -> None:
    from swimrl.activations import REGISTRY

    chosen = _choose(REGISTRY.definitions(), args)
    if args.as_json:
        print(json.dumps([_as_json(definition) for definition in chosen], indent=2))
    else:
        _print_table(chosen)


def _choose(definitions: tuple[Definition, ...], args: Args) -> list[Definition]:
    families = {definition.family: None for definition in definitions}
    if args.family is not None and args.family not in families:
        raise UnknownNameError("family", args.family, families, "swimrl activations")
    chosen = [
        definition
        for definition in definitions
        if args.family in (None, definition.family) and _mentions(definition, args.search or "")
    ]
    if not chosen:
        raise InputError(f"no activation mentions {args.search!r}; list all with: swimrl activations")
    return chosen


def _mentions(definition: Definition, text: str) -> bool:
    words = (
        definition.name,
        *definition.aliases,
        definition.family,
        definition.reference,
        definition.summary,
    )
    return text.casefold() in " ".join(words).casefold()


def _as_json(definition: Definition) -> dict[str, object]:
    from swimrl.activations.language.spec import ActivationSpec

    return {
        "name": definition.name,
        "aliases": list(definition.aliases),
        "family": definition.family,
        "formula": definition.expression,
        "parameters": {
            parameter.name: {
                "default": parameter.default,
                "trainable": parameter.trainable,
                "domain": str(parameter.domain),
                "doc": parameter.doc,
            }
            for parameter in definition.parameters
        },
        **_derived_as_json(definition.name),
        **_engine_as_json(ActivationSpec(definition, granularity=definition.granularity)),
        "reference": definition.reference,
        "summary": definition.summary,
    }


def _derived_as_json(name: str) -> dict[str, object]:
    from swimrl.activations.catalogue.derived import DERIVED

    if name not in DERIVED:
        return {}
    derived = DERIVED[name]._asdict()
    return {
        "range": [_finite(derived.pop("infimum")), _finite(derived.pop("supremum"))],
        **{key: _finite(value) if isinstance(value, float) else value for key, value in derived.items()},
    }


def _engine_as_json(spec: ActivationSpec) -> dict[str, object]:
    from swimrl.activations.cpu.modules import why_not_fused

    reason = why_not_fused(spec)
    return {"fused": reason is None, "why_not_fused": reason}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _print_table(definitions: list[Definition]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from swimrl.activations.catalogue.derived import DERIVED
    from swimrl.activations.language.settings import format_number

    console = Console(width=_WIDTH, highlight=False)
    families: dict[str, list[Definition]] = {}
    for definition in definitions:
        families.setdefault(definition.family, []).append(definition)
    for family, members in families.items():
        table = Table(
            box=SIMPLE_HEAD, pad_edge=False, title=family, title_justify="left", padding=(0, 1, 0, 0)
        )
        table.add_column("name", no_wrap=True)
        table.add_column("parameters")
        table.add_column("range", no_wrap=True)
        table.add_column("rises")
        table.add_column("smooth", no_wrap=True)
        table.add_column("reference", overflow="fold")
        for definition in members:
            parameters = [
                f"{p.name}={format_number(round(p.default, 3))}{'*' * p.trainable}"
                for p in definition.parameters
            ]
            if len(parameters) > _MOST_PARAMETERS:
                parameters[_MOST_PARAMETERS - 1 :] = [f"and {len(parameters) - _MOST_PARAMETERS + 1} more"]
            names = "\n".join((definition.name, *(f"= {alias}" for alias in definition.aliases)))
            known = ("", "", "")
            if (derived := DERIVED.get(definition.name)) is not None:
                bounds = f"{derived.infimum:.2g}..{derived.supremum:.2g}"
                smoothness = {"discontinuous": "jumps", "smooth": "yes"}.get(
                    derived.smoothness, derived.smoothness
                )
                rises = {"rising": "yes", "falling": "falls"}.get(derived.monotone, "no")
                known = (bounds, rises, smoothness)
            table.add_row(names, "\n".join(parameters), *known, definition.reference)
        console.print(table)
    console.print(
        "* learned by default. Any parameter of a formula can be set, swim(k=1), or learned, "
        "swim(k=trainable). taaf(NAME) wraps any formula. More: swimrl activations show NAME"
    )


def _show(name: str, args: Args) -> None:
    from swimrl.activations.language.names import parse_name

    spec = parse_name(name)
    if args.code is not None:
        _print_code(spec, args.code)
        return
    if args.as_json:
        print(json.dumps(spec.describe() | _measured(spec) | _engine_as_json(spec), indent=2))
        return
    definition = spec.definition
    lines = [f"{spec.canonical}    {definition.family}"]
    if definition.aliases:
        lines.append(f"  also       {', '.join(definition.aliases)}")
    if definition.summary:
        lines.append(f"  {definition.summary}")
    lines.append(f"  reference  {definition.reference or 'none given'}")
    for parameter, value in zip(definition.parameters, spec.values, strict=True):
        learned = ", learned" if value.trainable else ""
        lines.append(
            f"  {parameter.name:<10} {value.value:.6g}{learned}; {parameter.domain}; {parameter.doc}".rstrip(
                "; "
            )
        )
        if parameter.effective:
            lines.append(f"  {'':<10} the formula computes with {parameter.effective}")
    from swimrl.activations.cpu.modules import why_not_fused

    reason = why_not_fused(spec)
    engine = "fused" if reason is None else f"partly fused: {reason}"
    lines.append(f"  engine     {engine}")
    if spec.formula is not None:
        lines += _formula_lines(spec, args)
    print("\n".join(lines))


def _print_code(spec: ActivationSpec, language: str) -> None:
    from swimrl.activations.code import LANGUAGES, code_of

    if language not in LANGUAGES:
        raise UnknownNameError("language", language, LANGUAGES, "swimrl activations --help")
    print(code_of(spec, language), end="")


def _formula_lines(spec: ActivationSpec, args: Args) -> list[str]:
    from swimrl.activations.catalogue.derived import DERIVED
    from swimrl.activations.figure import curve, sketch
    from swimrl.activations.language.formula import text_of
    from swimrl.activations.properties import properties

    assert spec.formula is not None  # the caller checks it
    known = properties(spec)
    lines = [
        f"  f(x)       {spec.formula.text()}",
        f"  f'(x)      {_shortened(text_of(spec.formula.derivative))}",
        f"  LaTeX      {_shortened(spec.formula.latex())}",
        f"  range      {known.infimum:.6g} .. {known.supremum:.6g}",
        f"  at -+inf   {known.limits[0]:.6g}, {known.limits[1]:.6g}",
        f"  at 0       f = {known.value_at_0:.6g}, f' = {known.slope_at_0:.6g}",
        f"  monotone   {known.monotone}",
        f"  smooth     {known.smoothness}",
        f"  Lipschitz  {known.lipschitz:.6g}",
        f"  mean       {known.mean:.6g} for a standard normal input"
        + (", zero-centred" if known.zero_centred else ""),
    ]
    if spec.definition.name in DERIVED:
        lines.append(f"  similar    {', '.join(DERIVED[spec.definition.name].similar)}")
    low, high = args.interval
    lines += ["", *sketch(curve(spec, low, high).value), f"{'':>5}x from {low:g} to {high:g}"]
    return lines


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_FORMULA else f"{len(text)} characters; --json has all"


def _measured(spec: ActivationSpec) -> dict[str, object]:
    """Return derivative and properties for JSON; nothing for a module."""
    if spec.formula is None:
        return {}
    from swimrl.activations.language.formula import text_of
    from swimrl.activations.properties import properties

    known = properties(spec)
    return {
        "derivative": text_of(spec.formula.derivative),
        "range": [_finite(known.infimum), _finite(known.supremum)],
        "limits": [None if math.isnan(limit) else str(limit) for limit in known.limits],
        "monotone": known.monotone,
        "smoothness": known.smoothness,
        "value_at_0": known.value_at_0,
        "slope_at_0": known.slope_at_0,
        "lipschitz": _finite(known.lipschitz),
        "mean": _finite(known.mean),
        "zero_centred": known.zero_centred,
    }


def _plot(names: tuple[str, ...], args: Args) -> None:
    from swimrl.activations.figure import curve, plot
    from swimrl.activations.language.names import parse_name

    plot([curve(parse_name(name), *args.interval) for name in names], args.out)
    print(args.out)


def _compare(first: str, second: str, args: Args) -> None:
    from swimrl.activations.figure import curve
    from swimrl.activations.language.names import parse_name

    points = 200_001
    a, b = (curve(parse_name(name), *args.interval, points=points) for name in (first, second))
    differences = {}
    for quantity, ours, theirs in (("value", a.value, b.value), ("derivative", a.slope, b.slope)):
        at = int(abs(ours - theirs).argmax())
        differences[quantity] = {
            "largest_difference": float(abs(ours - theirs)[at]),
            "x": float(a.x[at]),
            a.name: float(ours[at]),
            b.name: float(theirs[at]),
        }
    if args.as_json:
        print(json.dumps(differences, indent=2))
        return
    low, high = args.interval
    print(f"{a.name} and {b.name} on [{low:g}, {high:g}], at {points} points")
    for quantity, row in differences.items():
        x, difference = row["x"], row["largest_difference"]
        print(
            f"  {quantity:<10} differs most, by {difference:.6g}, at x = {x:.6g}: "
            f"{row[a.name]:.6g}, {row[b.name]:.6g}"
        )
