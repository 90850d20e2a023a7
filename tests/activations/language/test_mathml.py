"""Formulas in MathML."""

from __future__ import annotations

from xml.dom import minidom

import pytest

from swimrl.activations import REGISTRY, parse_name
from swimrl.activations.language.mathml import mathml
from swimrl.activations.language.primitives import Primitive

FORMULAS = [d.name for d in REGISTRY.definitions() if parse_name(d.name).formula is not None]


@pytest.mark.parametrize("name", [*FORMULAS, "taaf(swim)", "expr: where(x < 0, -x, pi*x**2)"])
def test_every_formula_becomes_well_formed_mathml_without_a_primitive_s_spelling(name: str) -> None:
    formula = parse_name(name).formula
    assert formula is not None
    text = mathml(formula.expr)
    root = minidom.parseString(text).documentElement
    assert root is not None
    assert root.tagName == "math"
    drawn = {primitive.spelling for primitive in Primitive.__subclasses__() if primitive.mathml_form}
    assert not [spelling for spelling in drawn - {"softplus"} if f"<mi>{spelling}</mi>" in text]


def test_a_primitive_without_a_form_of_its_own_is_a_call() -> None:
    assert mathml(parse_name("expr: erf(x)").settled.expr) == (
        "<math><mrow><mi>erf</mi><mo>(</mo><mi>x</mi><mo>)</mo></mrow></math>"
    )


def test_a_gate_is_drawn_as_its_formula() -> None:
    formula = parse_name("swim").formula
    assert formula is not None
    assert "<mfrac><mn>1</mn><mn>2</mn></mfrac>" in mathml(formula.expr)
    assert "isru" not in mathml(formula.expr)
