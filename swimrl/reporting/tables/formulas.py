"""The formulas of the activations in a run, as text, LaTeX and MathML."""

from __future__ import annotations

import functools
import html
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from swimrl.errors import SwimrlError

_LONGEST = 120
"""A formula with more characters is easier to read as text than drawn in a cell."""


@dataclass(frozen=True)
class OneFormula:
    """The formula of one activation."""

    text: str
    """In the language of ``--act "expr: ..."``; of a module, its name."""

    latex: str | None = None
    parameters: tuple[str, ...] = ()
    """The names of its parameters."""

    def to_html(self) -> str:
        """Return the formula as MathML, or as text where it is long or no formula."""
        mathml = None if self.latex is None else _mathml(self.text, self.parameters)
        return mathml or html.escape(self.text)

    def to_latex(self) -> str | None:
        """Return the formula as LaTeX in mathematical mode, or None if it is none."""
        return None if self.latex is None else f"${self.latex}$"


@dataclass(frozen=True)
class Formulas:
    """The different formulas of a network's layers, in order."""

    of: tuple[OneFormula, ...]

    @staticmethod
    def recorded(layers: Iterable[Mapping[str, Any]]) -> Formulas:
        """Return the formulas of layers as run.json describes them."""
        of = (
            OneFormula(
                str(layer.get("formula") or layer.get("name")),
                layer.get("latex") if layer.get("formula") else None,
                tuple(layer.get("parameters", ())),
            )
            for layer in layers
        )
        return Formulas(tuple(dict.fromkeys(of)))

    def __str__(self) -> str:
        return "; ".join(one.text for one in self.of)

    def to_html(self) -> str:
        """Return all of them for an HTML page."""
        return "; ".join(one.to_html() for one in self.of)


@functools.cache
def _mathml(text: str, parameters: tuple[str, ...]) -> str | None:
    if len(text) > _LONGEST:
        return None
    from swimrl.activations.language.mathml import mathml
    from swimrl.activations.language.parser import parse_expression

    try:
        return mathml(parse_expression(text, parameters))
    except SwimrlError:
        return None  # written by a version whose language had other functions
