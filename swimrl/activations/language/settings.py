"""The ``name=value`` settings that activation names and ``expr:`` declarations share.

k=1                                 fixed at 1
k=trainable                         learned, starting from the default
k=trainable(1.5)                    learned, starting from 1.5
k=trainable(1.5, low=0, high=4)     learned, and kept between two bounds; one may be left out
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from dataclasses import dataclass

from swimrl.errors import FormulaError

TRAINABLE = "trainable"


@dataclass(frozen=True)
class Setting:
    """One ``name=value`` as the user wrote it.

    Args:
        name: Left of the ``=``.
        value: The number, or ``None`` for a bare ``trainable``.
        trainable: Whether the parameter is to be learned.
        low: Lower bound of a learned parameter.
        high: Upper bound of a learned parameter.
    """

    name: str
    value: float | None
    trainable: bool
    low: float = -math.inf
    high: float = math.inf


def parse_call(text: str, context: str) -> ast.Call:
    """Return the syntax tree of a call with the arguments ``(a=1, b=trainable)``; nothing is executed.

    Args:
        text: The arguments with their parentheses.
        context: The whole activation name, for the message.

    Raises:
        FormulaError: It is not an argument list.
    """
    try:
        node = ast.parse(f"f{text}", mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        node = None
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        raise FormulaError(
            f"cannot read the arguments of {shorten(context)}; write them like 'swim(k=trainable)'"
        )
    return node


def settings_of(call: ast.Call, context: str) -> Iterator[Setting]:
    """Read the keyword arguments of a call.

    Raises:
        FormulaError: A repeated name, a ``**mapping``, or a value that is neither a number nor
        ``trainable``.
    """
    seen: set[str] = set()
    for argument in call.keywords:
        if argument.arg is None:
            raise FormulaError(
                f"'**' is not allowed in {shorten(context)}; write each parameter as NAME=NUMBER"
            )
        if argument.arg in seen:
            raise FormulaError(f"{argument.arg!r} is set twice in {shorten(context)}; set it once")
        seen.add(argument.arg)
        yield _setting(argument.arg, argument.value, context)


def _setting(name: str, node: ast.expr, context: str) -> Setting:
    if isinstance(node, ast.Name) and node.id == TRAINABLE:
        return Setting(name, None, trainable=True)
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == TRAINABLE
        and len(node.args) == 1
    ):
        bounds = {keyword.arg: _number(keyword.value) for keyword in node.keywords}
        low, high = bounds.pop("low", -math.inf), bounds.pop("high", math.inf)
        value = _number(node.args[0])
        if value is None or bounds or low is None or high is None:
            raise FormulaError(
                f"cannot read {name} in {shorten(context)}; "
                f"write 'trainable(NUMBER)' or 'trainable(NUMBER, low=NUMBER, high=NUMBER)'"
            )
        return Setting(name, value, trainable=True, low=low, high=high)
    value = _number(node)
    if value is None:
        raise FormulaError(
            f"{name} in {shorten(context)} is no number; give a number, 'trainable' or 'trainable(NUMBER)'"
        )
    return Setting(name, value, trainable=False)


def _number(node: ast.expr) -> float | None:
    """Return the value of a finite number with an optional sign, and ``None`` for anything else."""
    sign = 1.0
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        sign = -1.0 if isinstance(node.op, ast.USub) else 1.0
        node = node.operand
    if not isinstance(node, ast.Constant) or type(node.value) not in (int, float):
        return None
    try:
        value = sign * float(node.value)  # type: ignore[arg-type]  # the line above leaves int and float
    except OverflowError:
        return None
    return value if math.isfinite(value) else None


def format_number(value: float) -> str:
    """Return the shortest text that reads back as the same float: ``1``, ``0.5``, ``1e-07``."""
    return str(int(value)) if value.is_integer() and abs(value) < 1e16 else repr(value)


def shorten(text: str, limit: int = 60) -> str:
    """Return ``text`` in quotes, on one line and no longer than ``limit`` characters, for messages."""
    line = " ".join(text.split())
    return repr(line if len(line) <= limit else f"{line[: limit - 3]}...")
