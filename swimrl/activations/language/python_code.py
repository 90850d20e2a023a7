"""A formula as Python functions for an array library: what a person can paste.

Each library has a file ``operations.py``: a function ``_NAME`` for each operation that the library lacks, and
the table ``LIBRARY`` of those that it has. The file is read as text, so code for JAX is printed where JAX
is not installed.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from swimrl.activations.language.formula import Formula
from swimrl.activations.language.source import Program


@dataclass(frozen=True)
class Library:
    """What generated Python code may call.

    Args:
        imports: The lines that import the array library.
        operations: The file with the functions that the library lacks, and with the table of the others.
    """

    imports: tuple[str, ...]
    operations: Path

    @functools.cached_property
    def functions(self) -> dict[str, ast.FunctionDef]:
        """The functions of the file, by name."""
        return {node.name: node for node in self._tree.body if isinstance(node, ast.FunctionDef)}

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """What an operation is called in the library, by its spelling in generated code."""
        for node in self._tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LIBRARY":
                table: dict[str, str] = ast.literal_eval(node.value)
                return table
        raise AssertionError(f"{self.operations} has no table LIBRARY")

    @functools.cached_property
    def _tree(self) -> ast.Module:
        return ast.parse(self.operations.read_text(encoding="utf-8"))

    def source(self, names: set[str]) -> str:
        """Return the text of functions and of all that they call, without annotations."""
        wanted = set(names)
        while (
            more := {
                node.id
                for name in wanted
                for node in ast.walk(self.functions[name])
                if isinstance(node, ast.Name) and node.id in self.functions
            }
            - wanted
        ):
            wanted |= more
        lines = self.operations.read_text(encoding="utf-8").splitlines()
        return "\n\n\n".join(
            _without_annotations(node, lines) for name, node in self.functions.items() if name in wanted
        )


def _without_annotations(function: ast.FunctionDef, lines: Sequence[str]) -> str:
    arguments = ", ".join(argument.arg for argument in function.args.args)
    body = lines[function.lineno : function.end_lineno]
    return "\n".join([f"def {function.name}({arguments}):", *body])


def function_lines(program: Program, library: Library) -> tuple[list[str], set[str]]:
    """Return the body of a Python function, and the names of the library's functions that it calls.

    Args:
        program: Text in the spellings of the language; the body returns its results.
        library: For which library.
    """
    renamer = _Renamer(library)
    lines = [renamer.text(line) for line in program.assignments]
    results = [renamer.text(result) for result in program.results]
    return [*lines, f"return {', '.join(results)}"], renamer.used


def plain_function(
    name: str, formula: Formula, program: Program, library: Library, convert: Sequence[str]
) -> str:
    """Return a module with one function that computes a program's results.

    Args:
        name: The function's name.
        formula: Gives the parameters with their defaults, and the docstring.
        program: What to compute.
        library: With which library.
        convert: Lines that make arrays of the arguments.
    """
    lines, used = function_lines(program, library)
    defaults = [f"{parameter.name}={parameter.default!r}" for parameter in formula.parameters]
    function = [
        f"def {name}({', '.join(['x', *defaults])}):",
        f'    """Return {formula.text()}."""',
        *(f"    {line}" for line in (*convert, *lines)),
    ]
    return as_module(library, used, function)


def as_module(library: Library, used: set[str], function: Sequence[str]) -> str:
    """Return the text of a module: imports, the library's functions in use, and the lines of one more."""
    helpers = library.source(used)
    text = "\n".join([*helpers.splitlines(), *function])
    imports = [line for line in library.imports if not line or f"{line.split()[-1]}." in text]
    parts = ["\n".join(imports).strip(), helpers, "\n".join(function)]
    return "\n\n\n".join(filter(None, parts)) + "\n"


def in_dtype_of_x(library: str, parameters: Sequence[str]) -> list[str]:
    """Return lines that make arrays of ``x`` and the parameters; the library is ``np`` or ``jnp``."""
    arrays = [f"{name} = {library}.asarray({name}, x.dtype)" for name in parameters]
    return [f"x = {library}.asarray(x)", *arrays]


@dataclass
class _Renamer(ast.NodeTransformer):
    """Rewrites generated text in the names of a library."""

    library: Library
    used: set[str] = field(default_factory=set)

    def text(self, line: str) -> str:
        """Return one line rewritten."""
        return ast.unparse(self.visit(ast.parse(line)))

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Name(self.library.names["inf"]) if node.id == "inf" else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        assert isinstance(node.func, ast.Name)
        function = node.func.id
        arguments = [self.visit(argument) for argument in node.args]
        if function == "_constant":
            value, x = map(ast.unparse, arguments)
            return _parsed(self.library.names[function].format(value=value, x=x))
        if function == "_lowest":
            return _parsed(self.library.names[function].format(x=ast.unparse(arguments[0])))
        if function in self.library.names:
            return ast.Call(ast.Name(self.library.names[function]), arguments, [])
        name = f"_{function.lstrip('_')}"
        assert name in self.library.functions, f"{self.library.operations} has no {name}"
        self.used.add(name)
        return ast.Call(ast.Name(name), arguments, [])


def _parsed(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
