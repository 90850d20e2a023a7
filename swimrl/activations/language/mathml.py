"""Formulas in MathML, which browsers draw without a script."""

from __future__ import annotations

import html
from typing import Any
from xml.dom import minidom

import sympy
from sympy.printing.mathml import MathMLPresentationPrinter

from swimrl.activations.language.primitives import Primitive

_FORMS = {
    "sigmoid": "<mi>σ</mi><mo>(</mo>{0}<mo>)</mo>",
    "softplus": "<mi>softplus</mi><mo>(</mo>{0}<mo>)</mo>",
    "expm1": "<mo>(</mo><msup><mi>e</mi>{0}</msup><mo>−</mo><mn>1</mn><mo>)</mo>",
    "log1p": "<mi>log</mi><mo>(</mo><mn>1</mn><mo>+</mo>{0}<mo>)</mo>",
    "ndtr": "<mi>Φ</mi><mo>(</mo>{0}<mo>)</mo>",
    "normal_pdf": "<mi>φ</mi><mo>(</mo>{0}<mo>)</mo>",
    "sech2": "<msup><mi>sech</mi><mn>2</mn></msup><mo>(</mo>{0}<mo>)</mo>",
    "tanh_softplus": "<mi>tanh</mi><mo>(</mo><mi>softplus</mi><mo>(</mo>{0}<mo>)</mo><mo>)</mo>",
    "isru_gate": (
        "<mfrac><mn>1</mn><mn>2</mn></mfrac><mo>(</mo><mn>1</mn><mo>+</mo><mfrac>{0}<msqrt><mn>1</mn>"
        "<mo>+</mo><msup><mrow><mo>(</mo>{0}<mo>)</mo></mrow><mn>2</mn></msup></msqrt></mfrac><mo>)</mo>"
    ),
    "atan_gate": (
        "<mo>(</mo><mfrac><mn>1</mn><mn>2</mn></mfrac><mo>+</mo><mfrac><mn>1</mn><mi>π</mi></mfrac>"
        "<mi>arctan</mi><mo>(</mo>{0}<mo>)</mo><mo>)</mo>"
    ),
    "relu": "<mi>max</mi><mo>(</mo><mn>0</mn><mo>,</mo>{0}<mo>)</mo>",
    "step": "<mn>𝟏</mn><mo>[</mo>{0}<mo>&gt;</mo><mn>0</mn><mo>]</mo>",
    "abs": "<mo>|</mo>{0}<mo>|</mo>",
    "affine": "<mo>(</mo>{1}<mo>\u2062</mo>{0}<mo>+</mo>{2}<mo>)</mo>",
    "where": (
        "<mo>{{</mo><mtable><mtr><mtd>{1}</mtd><mtd><mtext>if </mtext>{0}</mtd></mtr>"
        "<mtr><mtd>{2}</mtd><mtd><mtext>otherwise</mtext></mtd></mtr></mtable>"
    ),
}
"""What a primitive looks like, by its spelling, with ``{i}`` for argument ``i``; others are printed as a
function with their spelling as its name."""


class _Printer(MathMLPresentationPrinter):  # type: ignore[misc]  # SymPy ships no types
    """SymPy's printer, with the forms of our primitives."""

    def _print_Function(self, expr: Any) -> Any:  # noqa: N802  # SymPy dispatches on this name
        if not isinstance(expr, Primitive):
            return super()._print_Function(expr)
        names = [f"{{{number}}}" for number in range(len(expr.args))]
        called = f"<mi>{expr.spelling}</mi><mo>(</mo>{'<mo>,</mo>'.join(names)}<mo>)</mo>"
        form = _FORMS.get(expr.spelling, called)
        text = form.format(*(_xml(self._print(argument)) for argument in expr.args))
        return minidom.parseString(f"<mrow>{text}</mrow>").documentElement  # noqa: S318 - our own text


def mathml(expr: sympy.Expr) -> str:
    """Return an expression of our primitives as a MathML element that stands in a line of text.

    Example:
        >>> mathml(sympy.Symbol("x") + 1)
        '<math><mrow><mi>x</mi><mo>+</mo><mn>1</mn></mrow></math>'
    """
    return f"<math>{_xml(_Printer()._print(expr))}</math>"


def _xml(node: Any) -> str:
    """Return a node as text; SymPy's own writer escapes nothing and uses entities that only HTML knows."""
    if node.nodeType == node.TEXT_NODE:
        return html.escape(html.unescape(node.data), quote=False)
    attributes = "".join(f' {name}="{value}"' for name, value in node.attributes.items())
    return f"<{node.tagName}{attributes}>{''.join(map(_xml, node.childNodes))}</{node.tagName}>"
