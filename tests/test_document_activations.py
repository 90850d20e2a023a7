"""What is written about the catalogue is what the catalogue says."""

from __future__ import annotations

import re

import numpy as np
import pytest

from swimrl.activations import REGISTRY, parse_name
from swimrl.activations.catalogue.derived import DERIVED
from swimrl.activations.figure import curve, sketch
from swimrl.activations.properties import properties
from tools import document_activations as document

REFRESH = "the catalogue has changed; run: python -m tools.document_activations"


def test_the_table_covers_every_formula():
    assert list(DERIVED) == [definition.name for definition in document.formulas()], REFRESH


@pytest.mark.parametrize("name", DERIVED)
def test_the_table_is_fresh(name):
    """To five digits: other processors round the last ones otherwise."""
    found, derived = properties(parse_name(name)), DERIVED[name]
    for field in ("infimum", "supremum", "value_at_0", "slope_at_0", "lipschitz", "mean"):
        assert getattr(derived, field) == pytest.approx(getattr(found, field), rel=1e-5, abs=1e-8), REFRESH
    assert (derived.monotone, derived.smoothness) == (found.monotone, found.smoothness), REFRESH


def test_similar_ones_are_the_nearest():
    points = np.random.default_rng(0).standard_normal(200_000)
    at = {}
    for definition in document.formulas():
        x = curve(parse_name(definition.name), -8, 8, 4_001)
        at[definition.name] = np.interp(points, x.x, x.value)
    for name in ("swim", "relu", "tanh", "gaussian", "mish"):
        others = sorted((float(np.mean((at[name] - at[other]) ** 2)), other) for other in at if other != name)
        allowed = {other for distance, other in others if distance <= 1.1 * others[2][0] + 1e-9}
        assert set(DERIVED[name].similar) <= allowed, REFRESH


def test_the_page_and_its_figures_are_fresh():
    text = document.PAGE.read_text()
    assert text == document.page(), REFRESH
    figures = re.findall(r"!\[.*\]\((.*)\)", text)
    assert len(figures) == len({definition.family for definition in document.formulas()})
    for figure in figures:
        assert (document.PAGE.parent / figure).read_bytes().startswith(b"\x89PNG"), REFRESH
    written = {path.name for path in document.FIGURES.iterdir()}
    assert written == {figure.rpartition("/")[2] for figure in figures}


def test_the_page_names_everything():
    text = document.PAGE.read_text()
    for definition in REGISTRY.definitions():
        for name in (definition.name, *definition.aliases):
            assert f"`{name}`" in text, REFRESH


def test_sketch():
    assert sketch(np.array([0.0, 1.0, 2.0]), rows=3, columns=3) == ["2  ┊•", "   •", "0 •┊"]
    flat = sketch(np.zeros(9), rows=3, columns=5)
    assert flat[0] == "0 •••••"
    steep = sketch(np.array([-1.0, -1.0, 1.0, 1.0]), rows=5, columns=4)
    assert [line[3:] for line in steep] == ["  ••", "  │", "┄┄│┄", "  │", "••┊"]
