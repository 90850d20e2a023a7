"""A formula as the text of a C99 function.

The text of `swimrl.activations.language.source` is Python; this file walks its syntax tree and writes C. So
sums, products and powers stand in C as they stand in every other target.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from swimrl.activations.c.operations import HELPERS, MATH_H, Real, helper_name, helper_source
from swimrl.activations.language.formula import Formula
from swimrl.activations.torch.programs import value_program

_KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        """
        and auto bool break case catch char class const continue default delete do double else enum
        explicit export extern false float for friend goto if inline int long mutable namespace new not
        operator or private protected public register restrict return short signed sizeof static struct
        switch template this throw true try typedef typename union unsigned using virtual void volatile
        while xor
        """,
    )
)
"""Of C and C++: no name in the code may be one of them."""

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Eq: "==",
}


@dataclass(frozen=True)
class CFunction:
    """A function in C."""

    definition: str
    """``static inline float NAME(float x, float PARAMETER, ...)`` and its body."""

    helpers: tuple[str, ...]
    """Spellings of the primitives that it calls and that math.h lacks, in alphabetical order."""

    parameters: tuple[str, ...]
    """The formula's parameters in the order of the arguments after ``x``."""


def c_function(formula: Formula, name: str, real: Real = "float") -> CFunction:
    """Return a formula as a C function of ``x`` and its parameters.

    NaN in gives NaN out. At an infinite ``x`` the value is the formula's limit.

    Args:
        formula: What to compute.
        name: The function's name, a C identifier.
        real: The type that it computes in.
    """
    program = value_program(formula)
    writer = _Writer(real)
    lines = [f"    {writer.statement(line)}" for line in program.assignments]
    result = writer.expression(program.results[0])
    arguments = ", ".join([f"{real} x", *(f"{real} {c_name(p.name)}" for p in formula.parameters)])
    body = "\n".join([*lines, f"    return {result};"])
    return CFunction(
        f"static inline {real} {name}({arguments})\n{{\n{body}\n}}\n",
        tuple(sorted(writer.helpers)),
        tuple(parameter.name for parameter in formula.parameters),
    )


def c_code(formula: Formula, name: str, real: Real = "float") -> str:
    """Return a piece of C that compiles by itself: includes, helpers, and the function ``name``."""
    function = c_function(formula, c_name(name), real)
    helpers = [helper_source(helper, real) for helper in function.helpers]
    return "\n".join(["#include <float.h>\n#include <math.h>\n", *helpers, function.definition])


def c_name(name: str) -> str:
    """Return a name that C allows and nothing else in the generated code has."""
    is_taken = name in _KEYWORDS or name in MATH_H.values() or name == "x" or name.startswith("act_")
    text = "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in name)
    return f"{text.lstrip('_') or 'v'}_" if is_taken or text[:1] in "_0123456789" else text


@dataclass
class _Writer:
    """Writes statements of generated Python text as C."""

    real: Real

    helpers: set[str] = field(default_factory=set)
    """Spellings of the helpers that the code calls."""

    _booleans: set[str] = field(default_factory=set)
    _declared: set[str] = field(default_factory=lambda: {"x"})

    def statement(self, line: str) -> str:
        """Return one assignment; the first one to a name declares it."""
        (node,) = ast.parse(line).body
        assert isinstance(node, ast.Assign)
        assert isinstance(node.targets[0], ast.Name)
        name, value = node.targets[0].id, self._write(node.value)
        if name in self._declared:
            return f"{_variable(name)} = {value};"
        self._declared.add(name)
        kind = "int" if isinstance(node.value, ast.Compare) else self.real
        return f"{kind} {_variable(name)} = {value};"

    def expression(self, text: str) -> str:
        """Return one expression."""
        return self._write(ast.parse(text, mode="eval").body)

    def _write(self, node: ast.expr) -> str:
        match node:
            case ast.Name(id="inf"):
                return "INFINITY" if self.real == "float" else "(double)INFINITY"
            case ast.Name(id=name):
                return _variable(name)
            case ast.Constant(value=int() | float() as value):
                return self._literal(float(value))
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"-{self._operand(operand)}"
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(left, right)
            case ast.BinOp(left=left, op=operator, right=right):
                return f"{self._operand(left)} {_OPERATORS[type(operator)]} {self._operand(right)}"
            case ast.Compare(left=left, ops=[operator], comparators=[right]):
                return f"{self._operand(left)} {_OPERATORS[type(operator)]} {self._operand(right)}"
            case ast.Call(func=ast.Name(id=function), args=arguments):
                return self._call(function, arguments)
        raise AssertionError(f"generated text holds {ast.dump(node)}, which no writer knows")

    def _operand(self, node: ast.expr) -> str:
        text = self._write(node)
        is_atom = isinstance(node, ast.Name | ast.Constant) and not text.startswith(("-", "("))
        return text if is_atom or (isinstance(node, ast.Call) and text.endswith(")")) else f"({text})"

    def _literal(self, value: float) -> str:
        # Nine digits determine a float; repr determines a double.
        text = f"{value:.9g}" if self.real == "float" else repr(value)
        if not any(mark in text for mark in ".en"):
            text += ".0"
        return f"{text}f" if self.real == "float" else text

    def _power(self, base: ast.expr, exponent: ast.expr) -> str:
        if isinstance(exponent, ast.Constant) and isinstance(exponent.value, int):
            self.helpers.add("_whole_power")
            return f"{helper_name('_whole_power')}({self._write(base)}, {exponent.value})"
        return self._math("pow", [base, exponent])

    def _call(self, function: str, arguments: list[ast.expr]) -> str:
        if function == "where":
            condition, yes, no = map(self._operand, arguments)
            return f"({condition} ? {yes} : {no})"
        if function == "_constant":
            return self._write(arguments[0])
        if function == "_lowest":
            return "-FLT_MAX" if self.real == "float" else "-DBL_MAX"
        if function in MATH_H:
            return self._math(MATH_H[function], arguments)
        assert function in HELPERS, f"C has no {function}"
        self.helpers.add(function)
        return f"{helper_name(function)}({', '.join(map(self._write, arguments))})"

    def _math(self, function: str, arguments: list[ast.expr]) -> str:
        suffix = "f" if self.real == "float" else ""
        return f"{function}{suffix}({', '.join(map(self._write, arguments))})"


def _variable(name: str) -> str:
    """Return the C name of a variable of generated text, such as ``_3`` and ``_y``, or of a parameter."""
    return f"t{name}" if name.startswith("_") else name if name == "x" else c_name(name)
