"""List the activations.

examples:
  swimrl activations
  swimrl activations --search swish
  swimrl activations --family self-gated --json
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import tyro

from swimrl.errors import InputError, UnknownNameError

if TYPE_CHECKING:
    from swimrl.activations.definition import Definition

_WIDTH = 80


@dataclass(frozen=True)
class Args:
    """Which activations, and in what form."""

    search: Annotated[str | None, tyro.conf.arg(metavar="TEXT")] = None
    """Only those with this text in a name, the family, the reference or the summary."""

    family: Annotated[str | None, tyro.conf.arg(metavar="FAMILY")] = None
    """Only those of this family."""

    as_json: Annotated[bool, tyro.conf.arg(name="json"), tyro.conf.FlagCreatePairsOff] = False
    """Print JSON."""


def run(args: Args) -> None:
    """Print the activations that were asked for."""
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
        "reference": definition.reference,
        "summary": definition.summary,
    }


def _print_table(definitions: list[Definition]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from swimrl.activations.settings import format_number

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("family")
    table.add_column("parameters")
    table.add_column("reference")
    for definition in definitions:
        parameters = (
            f"{parameter.name}={format_number(round(parameter.default, 4))}{'*' * parameter.trainable}"
            for parameter in definition.parameters
        )
        names = "\n".join((definition.name, *(f"= {alias}" for alias in definition.aliases)))
        table.add_row(names, definition.family, "\n".join(parameters), definition.reference)
    console = Console(width=_WIDTH, highlight=False)
    console.print(table)
    console.print("* learned by default. Any parameter can be set, swim(k=1), or learned, swim(k=trainable).")
