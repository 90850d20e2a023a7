"""A formula as nodes of an ONNX graph, for any runtime of opset 13 or later.

The text of `swimrl.activations.language.source` is Python; this file walks its syntax tree and adds nodes.
ONNX lacks expm1, log1p and erfc. The nodes that replace them are accurate to float32's rounding; where only
the absolute error is that small, a comment says so.
"""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from swimrl.activations.language.formula import Formula
from swimrl.activations.torch.programs import value_program

if TYPE_CHECKING:
    from swimrl.activations.onnx.graph import Graph

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "Add",
    ast.Sub: "Sub",
    ast.Mult: "Mul",
    ast.Div: "Div",
    ast.Gt: "Greater",
    ast.GtE: "GreaterOrEqual",
    ast.Lt: "Less",
    ast.LtE: "LessOrEqual",
    ast.Eq: "Equal",
}
_LOWEST = -3.4028234663852886e38  # of float32
_PRODUCTS: Mapping[object, int] = {2: 2, 3: 3, 4: 4}
"""The powers that are written as products of so many factors."""


def add_activation(graph: Graph, formula: Formula, x: str, parameters: Mapping[str, str]) -> str:
    """Add f(x); return the name of the result, which has the shape of ``x``.

    NaN in gives NaN out, and an infinity gives the formula's limit.

    Args:
        graph: Where to add nodes.
        formula: What to compute.
        x: Name of a float32 value of any shape.
        parameters: For each parameter of the formula the name of a float32 value that broadcasts against x.
    """
    program = value_program(formula)
    names = {"x": x, **parameters}
    walker = _Walker(graph, names)
    for line in program.assignments:
        (statement,) = ast.parse(line).body
        assert isinstance(statement, ast.Assign)
        names[ast.unparse(statement.targets[0])] = walker.value(statement.value)
    return walker.value(ast.parse(program.results[0], mode="eval").body)


class _Walker:
    """Adds the nodes of expressions in generated text.

    Args:
        graph: Where to add them.
        names: The value in the graph for each variable of the text.
    """

    def __init__(self, graph: Graph, names: Mapping[str, str]) -> None:
        self.graph = graph
        self.names = names

    def value(self, node: ast.expr) -> str:
        """Add an expression; return the name of its result."""
        match node:
            case ast.Name(id="inf"):
                return self.graph.constant(math.inf)
            case ast.Name(id=name):
                return self.names[name]
            case ast.Constant(value=int() | float() as number):
                return self.graph.constant(number)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as number)):
                return self.graph.constant(-number)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id="inf")):
                return self.graph.constant(-math.inf)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return self.graph.node("Neg", self.value(operand))
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(left, right)
            case ast.BinOp(left=left, op=operator, right=right):
                return self.graph.node(_OPERATORS[type(operator)], self.value(left), self.value(right))
            case ast.Compare(left=left, ops=[operator], comparators=[right]):
                return self.graph.node(_OPERATORS[type(operator)], self.value(left), self.value(right))
            case ast.Call(func=ast.Name(id="_constant"), args=[number, _]):
                return self.value(number)
            case ast.Call(func=ast.Name(id="_lowest")):
                return self.graph.constant(_LOWEST)
            case ast.Call(func=ast.Name(id=function), args=arguments):
                return self._call(function, [self.value(argument) for argument in arguments])
        raise AssertionError(f"generated text holds {ast.dump(node)}, which no writer knows")

    def _power(self, base: ast.expr, exponent: ast.expr) -> str:
        u = self.value(base)
        if isinstance(exponent, ast.Constant) and exponent.value in _PRODUCTS:
            return functools.reduce(partial(self.graph.node, "Mul"), [u] * _PRODUCTS[exponent.value])
        return self.graph.node("Pow", u, self.value(exponent))

    def _call(self, function: str, arguments: list[str]) -> str:
        if function in _SINGLE:
            return self.graph.node(_SINGLE[function], *arguments)
        return _SEVERAL[function](self.graph, *arguments)


_SINGLE = {
    "_at_least": "Max",
    "_at_most": "Min",
    "abs": "Abs",
    "atan": "Atan",
    "cos": "Cos",
    "erf": "Erf",
    "exp": "Exp",
    "log": "Log",
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "sign": "Sign",
    "sin": "Sin",
    "softplus": "Softplus",
    "sqrt": "Sqrt",
    "tanh": "Tanh",
    "where": "Where",
}
"""Primitives that are one node."""


def _atan_gate(g: Graph, u: str) -> str:
    # 1/2 + atan(u)/pi cancels for u < 0; atan(1/|u|)/pi does not.
    angle = g.node("Atan", g.node("Reciprocal", g.node("Abs", u)))
    gate = g.node("Mul", angle, g.constant(1 / math.pi))
    return g.node("Where", g.node("Greater", u, g.constant(0)), g.node("Sub", g.constant(1), gate), gate)


def _clip(g: Graph, u: str, low: str, high: str) -> str:
    return g.node("Min", g.node("Max", u, low), high)


def _expm1(g: Graph, u: str) -> str:
    """tanh(u/2) (exp(u) + 1)."""
    return g.node(
        "Mul",
        g.node("Tanh", g.node("Mul", u, g.constant(0.5))),
        g.node("Add", g.node("Exp", u), g.constant(1)),
    )


def _isru_gate(g: Graph, u: str) -> str:
    # The plain form (1 + u/sqrt(1 + u^2))/2 cancels for u < 0; this one does not.
    r = g.node("Sqrt", g.node("Add", g.constant(1), g.node("Mul", u, u)))
    t = g.node("Div", g.node("Div", g.constant(0.5), r), g.node("Add", r, g.node("Abs", u)))
    return g.node("Where", g.node("Greater", u, g.constant(0)), g.node("Sub", g.constant(1), t), t)


def _isru_slope(g: Graph, u: str) -> str:
    r = _rsqrt(g, g.node("Add", g.constant(1), g.node("Mul", u, u)))
    return g.node("Mul", g.constant(0.5), g.node("Mul", r, g.node("Mul", r, r)))


def _log1p(g: Graph, u: str) -> str:
    """log(w) u/(w - 1) with w = 1 + u (Kahan); u where w rounds to 1, log(w) where w rounds to u."""
    w = g.node("Add", u, g.constant(1))
    is_tiny = g.node("Equal", w, g.constant(1))
    difference = g.node("Where", is_tiny, g.constant(1), g.node("Sub", w, g.constant(1)))
    is_large = g.node("Equal", w, u)
    correction = g.node("Where", is_large, g.constant(1), g.node("Div", u, difference))
    return g.node("Where", is_tiny, u, g.node("Mul", g.node("Log", w), correction))


def _ndtr(g: Graph, u: str) -> str:
    # (1 + erf)/2 is accurate to 6e-8 in absolute terms; in the left tail it has no digits left.
    erf = g.node("Erf", g.node("Mul", u, g.constant(math.sqrt(0.5))))
    return g.node("Mul", g.constant(0.5), g.node("Add", g.constant(1), erf))


def _normal_pdf(g: Graph, u: str) -> str:
    exponent = g.node("Mul", g.node("Mul", u, u), g.constant(-0.5))
    return g.node("Mul", g.node("Exp", exponent), g.constant(1 / math.sqrt(2 * math.pi)))


def _rsqrt(g: Graph, u: str) -> str:
    return g.node("Reciprocal", g.node("Sqrt", u))


def _sech2(g: Graph, u: str) -> str:
    twice = g.node("Mul", u, g.constant(2))
    gates = g.node("Mul", g.node("Sigmoid", twice), g.node("Sigmoid", g.node("Neg", twice)))
    return g.node("Mul", g.constant(4), gates)


def _step(g: Graph, u: str) -> str:
    return g.node("Where", g.node("Greater", u, g.constant(0)), g.constant(1), g.constant(0))


def _tanh_softplus(g: Graph, u: str) -> str:
    return g.node("Tanh", g.node("Softplus", u))


def _tanh_softplus_slope(g: Graph, u: str) -> str:
    return g.node("Mul", _sech2(g, g.node("Softplus", u)), g.node("Sigmoid", u))


_SEVERAL: dict[str, Callable[..., str]] = {
    "_rsqrt": _rsqrt,
    "atan_gate": _atan_gate,
    "clip": _clip,
    "expm1": _expm1,
    "isru_gate": _isru_gate,
    "isru_slope": _isru_slope,
    "log1p": _log1p,
    "ndtr": _ndtr,
    "normal_pdf": _normal_pdf,
    "sech2": _sech2,
    "step": _step,
    "tanh_softplus": _tanh_softplus,
    "tanh_softplus_slope": _tanh_softplus_slope,
}
"""Primitives that are several nodes."""
