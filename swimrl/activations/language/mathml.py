"""Formulas in MathML, which browsers draw without a script."""

from __future__ import annotations

import html
from typing import Any
from xml.dom import minidom

import sympy
from sympy.printing.mathml import MathMLPresentationPrinter

from swimrl.activations.language.primitives import Primitive


class _Printer(MathMLPresentationPrinter):  # type: ignore[misc]  # SymPy ships no types
    """SymPy's printer, with the forms of our primitives."""

    def _print_Function(self, expr: Any) -> Any:  # noqa: N802  # SymPy dispatches on this name
        if not isinstance(expr, Primitive):
            return super()._print_Function(expr)
        arguments = [_xml(self._print(argument)) for argument in expr.args]
        called = f"<mi>{expr.spelling}</mi><mo>(</mo>{'<mo>,</mo>'.join(arguments)}<mo>)</mo>"
        text = expr.mathml_form.format(*arguments) or called
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
