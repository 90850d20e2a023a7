"""Writes ``catalogue/derived.json``, which the listing shows, and ``docs/activations.md`` with its figures.

    python -m tools.document_activations

writes all of them; tests fail until it was run. The page holds a digest of the numbers that each figure
shows, because the bytes of a figure depend on the version of matplotlib.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from swimrl.activations.catalogue.derived import FILE, Derived, read, written
from swimrl.activations.figure import curve, gallery
from swimrl.activations.language.definition import Definition
from swimrl.activations.language.names import parse_name
from swimrl.activations.language.registry import REGISTRY
from swimrl.activations.language.settings import format_number
from swimrl.activations.properties import properties
from swimrl.activations.torch.composite import value_and_derivatives
from swimrl.activations.torch.gain import normal_quadrature

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/activations.md"
FIGURES = ROOT / "docs/activations"

_STAR = "\\*"

_PAGE_HEAD = """\
# Activations

`python -m tools.document_activations` writes this page from the catalogue. In the figures, the solid line is
the function and the dashed line its derivative, at the initial parameters. A star marks a parameter that is
learned by default. Ranges, slopes and smoothness are computed from the formulas: "C1" has one continuous
derivative; "smooth" has no jump in the first four.

Parameters are set in parentheses after the name: `swim(k=1)` fixes a parameter, `swim(k=trainable)` learns
it, `swim(k=trainable(0.5, low=0))` learns it within bounds. `granularity=neuron` learns one set of parameters
for each neuron instead of each layer, `granularity=network` one for all layers. `taaf(swim)` scales and
shifts any of them on both sides by learned numbers. `poly(swim, degree=6, bound=8)` is the best polynomial in
place of any of them. `expr: x*sigmoid(b*x); b=1` is a formula of your own.
`swimrl activations show NAME` describes one activation in full.
"""


def formulas() -> list[Definition]:
    """Return the definitions that are formulas, in the order of the catalogue."""
    return [definition for definition in REGISTRY.definitions() if definition.expression is not None]


def table() -> str:
    """Return the text of ``catalogue/derived.json``."""
    nearest = _nearest()
    return written({definition.name: _derived(definition.name, nearest) for definition in formulas()})


def _derived(name: str, nearest: Mapping[str, list[str]]) -> Derived:
    known = properties(parse_name(name))
    return Derived(
        infimum=_rounded(known.infimum),
        supremum=_rounded(known.supremum),
        monotone=known.monotone,
        smoothness=known.smoothness,
        value_at_0=_rounded(known.value_at_0),
        slope_at_0=_rounded(known.slope_at_0),
        lipschitz=_rounded(known.lipschitz),
        mean=_rounded(known.mean),
        similar=tuple(nearest[name]),
    )


def _rounded(value: float) -> float:
    """Return a number with six digits; noise around 0 is 0."""
    if math.isinf(value):
        return value
    return float(f"{value:.6g}") if abs(value) > 1e-9 else 0.0


def _nearest(count: int = 3) -> Mapping[str, list[str]]:
    """Return for each formula the names of those that differ least under a standard normal input."""
    points, weights = normal_quadrature()
    values = {}
    for definition in formulas():
        formula = definition.formula
        assert formula is not None  # formulas() has no modules
        parameters = [parameter.default for parameter in formula.parameters]
        values[definition.name] = value_and_derivatives(formula)(points, *parameters)[0].numpy()
    density = weights.numpy()

    def distance(first: str, second: str) -> float:
        # Rounded, so that ties are broken by name and not by the last bit.
        difference = np.nan_to_num(values[first] - values[second], nan=1e9, posinf=1e9, neginf=-1e9)
        return float(f"{np.sum(density * difference**2):.6g}")

    return {
        name: sorted(
            (other for other in values if other != name), key=lambda other: (distance(name, other), other)
        )[:count]
        for name in values
    }


def page() -> str:
    """Return the text of ``docs/activations.md``."""
    derived_of = read(FILE.read_text(encoding="utf-8"))  # as it was written a moment ago
    parts = [_PAGE_HEAD]
    for family, members in _families().items():
        parts.append(f"\n## {family.capitalize()}\n\n")
        if drawn := [member for member in members if member.expression is not None]:
            parts.append(_mark(family, drawn) + "\n\n")
        parts.append("| name | parameters | range | monotone | smooth | slope at 0 | reference | |\n")
        parts.append("|---|---|---|---|---|---|---|---|\n")
        for member in members:
            names = ", ".join(f"`{name}`" for name in (member.name, *member.aliases))
            parameters = ", ".join(
                f"{p.name} = {format_number(round(p.default, 4))}{_STAR * p.trainable}"
                for p in member.parameters
            )
            known = ("", "", "", "")
            if (derived := derived_of.get(member.name)) is not None:
                known = (
                    span(derived.infimum, derived.supremum),
                    derived.monotone,
                    derived.smoothness,
                    f"{derived.slope_at_0:.4g}",
                )
            cells = (names, parameters, *known, member.reference, member.summary)
            parts.append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |\n")
    return "".join(parts)


def span(low: float, high: float) -> str:
    """Return a range as text, such as ``-0.3 .. inf``."""
    return f"{low:.3g} .. {high:.3g}"


def _families() -> dict[str, list[Definition]]:
    families: dict[str, list[Definition]] = {}
    for definition in REGISTRY.definitions():
        families.setdefault(definition.family, []).append(definition)
    return families


def _mark(family: str, drawn: list[Definition]) -> str:
    """Return the lines of the page that hold a family's figure and say which curves it shows."""
    return f"<!-- curves {_digest(drawn)} -->\n![{family}](activations/{family}.png)"


def _digest(definitions: Iterable[Definition]) -> str:
    """Return a digest of a figure: of its names, and of values and slopes to four decimals."""
    digest = hashlib.sha256()
    for definition in definitions:
        shown = curve(parse_name(definition.name), points=41)
        digest.update(definition.name.encode())
        # Adding 0 makes -0 and 0 the same text.
        for value in np.round(np.concatenate([shown.value, shown.slope]), 4) + 0.0:
            digest.update(f"{value:.4f}".encode())
    return digest.hexdigest()[:12]


def main() -> None:
    """Write the table, the page, and those figures that show other curves than the page had before."""
    before = PAGE.read_text(encoding="utf-8")
    FILE.write_text(table(), encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {FILE.relative_to(ROOT)} and {PAGE.relative_to(ROOT)}")
    for family, members in _families().items():
        drawn = [member for member in members if member.expression is not None]
        path = FIGURES / f"{family}.png"
        if drawn and (_mark(family, drawn) not in before or not path.exists()):
            gallery([curve(parse_name(member.name), points=241) for member in drawn], path)
            print(f"drew {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
