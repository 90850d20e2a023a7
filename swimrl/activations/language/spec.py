"""An activation with its parameters settled: its formula, its canonical name, and its name in paths.

Nothing here imports torch; only the properties that return a formula import SymPy.
"""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from swimrl.activations.language.definition import EXPRESSION, WRAPPER, Definition, Granularity
from swimrl.activations.language.parameters import Parameter, ParameterValue
from swimrl.activations.language.settings import TRAINABLE, format_number
from swimrl.errors import FormulaError

if TYPE_CHECKING:
    from swimrl.activations.language.formula import Formula


@dataclass(frozen=True)
class ActivationSpec:
    """One activation with its parameters settled. Hashable, comparable, picklable.

    Args:
        definition: The activation.
        values: One entry for each parameter of the definition, in its order.
        granularity: How many sets of learned parameters there are: one for each ``"layer"``, one for each
            ``"neuron"``, or one for the ``"network"``, whose layers then share one module.
    """

    definition: Definition
    values: tuple[ParameterValue, ...] = ()
    granularity: Granularity = "layer"

    @property
    def formula(self) -> Formula | None:
        """The formula, built on first use; ``None`` for a module.

        A bounded parameter is replaced by a function of the raw number that is learned.
        """
        formula = self.definition.formula
        if formula is None or not any(value.is_bounded for value in self.values):
            return formula
        from swimrl.activations.language.formula import bounded  # imports SymPy

        return bounded(formula, self.values)

    @property
    def settled(self) -> Formula:
        """The formula to compute: fixed parameters are numbers in it, trainable ones remain, in order.

        A bounded parameter is replaced by a function of the raw number that is learned.

        Raises:
            FormulaError: The activation is a module, not a formula.
        """
        formula = self.formula
        if formula is None:
            raise FormulaError(
                f"{self.canonical!r} is a module, not a formula; build it with swimrl.activation"
            )
        from swimrl.activations.language.formula import settled  # imports SymPy

        return settled(formula, self.values)

    @property
    def why_no_kernel(self) -> str | None:
        """The reason why there is no compiled loop for it, or None if there is one."""
        return None if self.definition.module is None else "it is no elementwise formula"

    @property
    def canonical(self) -> str:
        """The shortest name for this; ``parse_name`` reads it back to an equal spec."""
        if self.definition.kind == "expression":
            declared = (f"; {value.name}={_setting_text(value, None)}" for value in self.values)
            return f"{EXPRESSION} {self.definition.expression}{''.join(declared)}"
        arguments = [f"{name}={text}" for name, text in self._changes()]
        if not arguments:
            return self.definition.name
        if self.definition.kind == "wrapper":
            return f"{WRAPPER}({', '.join((self.definition.inner, *arguments))})"
        return f"{self.definition.name}({', '.join(arguments)})"

    @property
    def slug(self) -> str:
        """The name as part of a file name: ``swim``, ``swim-k1``, ``swim-ktrainable``, ``expr-1a2b3c4d``."""
        if self.definition.kind == "expression":
            return f"expr-{_digest(self.canonical)}"
        if self.definition.kind == "path":
            return f"{self.definition.name.rpartition(':')[2]}-{_digest(self.canonical)}"
        if self.definition.kind == "polynomial":
            # poly(swim, degree=6, bound=8): poly-swim-degree6-bound8
            return re.sub(r"[^A-Za-z0-9.-]", "", re.sub(r"[(]|, ", "-", self.definition.name))
        is_wrapper = self.definition.kind == "wrapper"
        name = f"{WRAPPER}-{self.definition.inner}" if is_wrapper else self.definition.name
        changes = (f"-{name}{text}" for name, text in self._changes())
        return re.sub(r"[^A-Za-z0-9._-]", "", name + "".join(changes))

    def describe(self) -> dict[str, Any]:
        """Return a description as a JSON-serialisable mapping.

        Returns:
            ``name`` (canonical), ``family``, ``reference``, ``formula`` and ``latex`` (``None`` for
            a module), ``granularity``, and ``parameters``: name to ``value`` and ``trainable``.
        """
        formula = self.formula
        return {
            "name": self.canonical,
            "family": self.definition.family,
            "reference": self.definition.reference,
            "formula": None if formula is None else formula.text(),
            "latex": None if formula is None else formula.latex(),
            "granularity": self.granularity,
            "parameters": {
                value.name: {"value": value.value, "trainable": value.trainable} for value in self.values
            },
        }

    def _changes(self) -> list[tuple[str, str]]:
        """Return name and value, as text, of everything that differs from the defaults."""
        changes = [
            (value.name, _setting_text(value, parameter.default))
            for parameter, value in zip(self.definition.parameters, self.values, strict=True)
            if value != default_value(parameter)
        ]
        if self.granularity != self.definition.granularity:
            changes.append(("granularity", self.granularity))
        return changes


def default_value(parameter: Parameter) -> ParameterValue:
    """Return the value of a parameter for which the user set nothing."""
    return ParameterValue(parameter.name, parameter.default, parameter.trainable)


def _setting_text(value: ParameterValue, default: float | None) -> str:
    number = format_number(value.value)
    if not value.trainable:
        return number
    bounds = "".join(
        f", {side}={format_number(bound)}"
        for side, bound in (("low", value.low), ("high", value.high))
        if math.isfinite(bound)
    )
    return TRAINABLE if value.value == default and not bounds else f"{TRAINABLE}({number}{bounds})"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
