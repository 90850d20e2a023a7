"""Activation names: what a user types, and what it stands for.

    swim                              the default parameters
    swim(k=1)                         a parameter fixed at another value
    swim(k=trainable)                 learned, starting from the default
    swim(k=trainable(2))              learned, starting from 2
    swim(k=trainable(2, low=0))       learned, and kept above 0
    prelu(slope=0.1)                  a number fixes even what is learned by default
    prelu(granularity=neuron)         a set of learned parameters for each neuron, not each layer;
                                      granularity=network: one set for all layers of a network
    taaf(swim)                        any of these, scaled and shifted on both sides by learned numbers
    expr: x*sigmoid(beta*x); beta=1   any expression of the language in ``parser``
    package.module:Class              anybody's torch.nn.Module that needs no arguments

Nothing here imports torch; only an ``expr:`` imports SymPy.
"""

from __future__ import annotations

import ast
import hashlib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast, get_args

from swimrl.activations.language.definition import Definition, Granularity
from swimrl.activations.language.parameters import OneOf, Parameter, ParameterValue
from swimrl.activations.language.registry import HOW_TO_LIST, REGISTRY, Registry
from swimrl.activations.language.settings import (
    TRAINABLE,
    Setting,
    format_number,
    parse_call,
    settings_of,
    shorten,
)
from swimrl.errors import FormulaError, closest

if TYPE_CHECKING:
    from swimrl.activations.language.formula import Formula

_EXPRESSION = "expr:"
WRAPPER = "taaf"
_MAX_NESTING = 8
_HEAD_AND_ARGUMENTS = re.compile(r"([^\s()]+)\s*(\(.*\))?", re.DOTALL)
_MODULE_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


@dataclass(frozen=True)
class ActivationSpec:
    """One activation with its parameters settled. Hashable, comparable, picklable.

    Args:
        definition: The activation.
        values: One entry for each parameter of the definition, in its order.
        granularity: What has its own set of learned parameters: a ``"layer"``, each ``"neuron"`` of
            it, or the ``"network"``, whose layers then share one module.
    """

    definition: Definition
    values: tuple[ParameterValue, ...] = ()
    granularity: Granularity = "layer"

    @property
    def formula(self) -> Formula | None:
        """The formula, built on first use; ``None`` for a module.

        A bounded parameter stands in it as the raw number that is learned.
        """
        formula = self.definition.formula
        if formula is None or not any(value.is_bounded for value in self.values):
            return formula
        from swimrl.activations.language.formula import bounded  # imports SymPy

        return bounded(formula, self.values)

    @property
    def settled(self) -> Formula:
        """The formula to compute: fixed parameters are numbers in it, trainable ones remain, in order.

        A bounded parameter stands in it as the raw number that is learned.

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
        """Why the fused engine has no kernel for it and leaves the update to Stable-Baselines3; or None."""
        if self.definition.module is not None:
            return "it is no elementwise formula"
        if self.granularity == "network":
            return "all layers share its parameters"
        return None

    @property
    def canonical(self) -> str:
        """The shortest name for this; ``parse_name`` reads it back to an equal spec."""
        if self.definition.name == _EXPRESSION:
            declared = (f"; {value.name}={_setting_text(value, None)}" for value in self.values)
            return f"{_EXPRESSION} {self.definition.expression}{''.join(declared)}"
        settings = [f"{name}={text}" for name, text in self._changes()]
        if not settings:
            return self.definition.name
        head, inner = split_wrapper(self.definition.name)
        return f"{head}({', '.join(filter(None, (inner, *settings)))})"

    @property
    def slug(self) -> str:
        """The name as part of a file name: ``swim``, ``swim-k1``, ``swim-ktrainable``, ``expr-1a2b3c4d``."""
        if self.definition.name == _EXPRESSION:
            return f"expr-{_digest(self.canonical)}"
        if ":" in self.definition.name:
            return f"{self.definition.name.rpartition(':')[2]}-{_digest(self.canonical)}"
        head, inner = split_wrapper(self.definition.name)
        changes = (f"-{name}{text}" for name, text in self._changes())
        return re.sub(r"[^A-Za-z0-9._-]", "", head + (inner and f"-{inner}") + "".join(changes))

    def describe(self) -> dict[str, Any]:
        """Return all there is to know, ready for JSON.

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
        """What differs from the defaults, as name and text of the value."""
        changes = [
            (value.name, _setting_text(value, parameter.default))
            for parameter, value in zip(self.definition.parameters, self.values, strict=True)
            if value != _default(parameter)
        ]
        if self.granularity != self.definition.granularity:
            changes.append(("granularity", self.granularity))
        return changes


def parse_name(text: str, registry: Registry = REGISTRY) -> ActivationSpec:
    """Read an activation name; see the top of this file for the forms.

    Args:
        text: What the user typed.
        registry: Where names are looked up.

    Raises:
        UnknownNameError: No activation of this name; offers the closest.
        FormulaError: Anything else that is wrong, in one line.

    Example:
        >>> parse_name("swim( k = trainable )").canonical
        'swim(k=trainable)'
    """
    if not isinstance(text, str) or not text.strip():
        raise FormulaError(
            f"an activation is named by text such as 'swim', got {text!r}; list them with: {HOW_TO_LIST}"
        )
    text = text.strip()
    if text.startswith(_EXPRESSION):
        from swimrl.activations.language.parser import parse_declaration  # imports SymPy

        expression, parameters = parse_declaration(text.removeprefix(_EXPRESSION))
        definition = Definition(_EXPRESSION, expression, parameters, family="expression")
        return ActivationSpec(definition, _settle(definition, [], text))
    parts = _HEAD_AND_ARGUMENTS.fullmatch(text)
    if parts is None:
        raise FormulaError(f"cannot read the activation {shorten(text)}; write it like 'swim' or 'swim(k=1)'")
    head, arguments = parts.groups()
    if ":" in head:
        return _module(head, arguments)
    call = parse_call(arguments or "()", text)
    chosen = _granularity(call, text)
    definition = _wrapped(call, text, registry) if head == WRAPPER else registry.definition(head)
    if call.args:
        raise FormulaError(f"{head} takes no arguments without names; write {_example(definition)}")
    values = _settle(definition, list(settings_of(call, text)), text)
    if chosen is not None and not any(value.trainable for value in values):
        raise FormulaError(f"{shorten(text)} learns nothing, so granularity means nothing; leave it out")
    return ActivationSpec(definition, values, chosen or definition.granularity)


def split_layers(text: str) -> list[str]:
    """Split a choice for each layer, such as ``swim(k=1),relu``, at the commas that no parenthesis encloses.

    Raises:
        FormulaError: Unbalanced parentheses, or nothing between two commas.
    """
    layers, depth = [""], 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
        if character == "," and depth == 0:
            layers.append("")
        else:
            layers[-1] += character
    if depth != 0:
        raise FormulaError(f"the parentheses of {shorten(text)} do not match; close each one that is opened")
    layers = [layer.strip() for layer in layers]
    if not all(layers):
        raise FormulaError(
            f"{shorten(text)} leaves a layer empty; name one activation for each, such as 'swim,relu'"
        )
    return layers


def _wrapped(call: ast.Call, text: str, registry: Registry) -> Definition:
    """Take the inner activation out of ``taaf(...)`` and wrap it."""
    from swimrl.activations.language.taaf import taaf  # imports SymPy

    if text.count(f"{WRAPPER}(") > _MAX_NESTING:
        raise FormulaError(f"{shorten(text)} is nested too deeply; wrap at most {_MAX_NESTING} times")
    if len(call.args) != 1:
        raise FormulaError(
            f"{shorten(text)} must wrap one activation; write 'taaf(swim)' or 'taaf(swim, beta=2)'"
        )
    return taaf(parse_name(ast.unparse(call.args.pop()), registry))


def _granularity(call: ast.Call, text: str) -> Granularity | None:
    """Take ``granularity=...`` out of a call."""
    for argument in [keyword for keyword in call.keywords if keyword.arg == "granularity"]:
        call.keywords.remove(argument)
        for choice in get_args(Granularity):
            if isinstance(argument.value, ast.Name) and argument.value.id == choice:
                return cast("Granularity", choice)
        raise FormulaError(
            f"granularity={ast.unparse(argument.value)} in {shorten(text)} is unknown; "
            f"choose one of {', '.join(get_args(Granularity))}"
        )
    return None


def split_wrapper(name: str) -> tuple[str, str]:
    """Return ``("taaf", "swim(k=1)")`` for ``"taaf(swim(k=1))"``, and any other name with an empty text."""
    head, parenthesis, rest = name.partition("(")
    return (head, rest.removesuffix(")")) if parenthesis else (name, "")


def _default(parameter: Parameter) -> ParameterValue:
    return ParameterValue(parameter.name, parameter.default, parameter.trainable)


def _module(path: str, arguments: str | None) -> ActivationSpec:
    if not _MODULE_PATH.fullmatch(path):
        raise FormulaError(f"cannot read {shorten(path)} as a module; write it like 'package.module:Class'")
    if arguments is not None:
        raise FormulaError(f"{shorten(path)} takes no arguments; name a class or function that needs none")
    return ActivationSpec(Definition(path, module=path, family="module"))


def _settle(definition: Definition, settings: list[Setting], text: str) -> tuple[ParameterValue, ...]:
    """Combine the defaults with what the user set."""
    parameters = {parameter.name: parameter for parameter in definition.parameters}
    values = {parameter.name: _default(parameter) for parameter in definition.parameters}
    for setting in settings:
        if setting.name not in parameters:
            guess = f"; did you mean {found[0]!r}?" if (found := closest(setting.name, parameters)) else ";"
            raise FormulaError(
                f"{definition.name} has no parameter {setting.name!r}{guess} write {_example(definition)}"
            )
        parameter = parameters[setting.name]
        if setting.trainable and (definition.module is not None or isinstance(parameter.domain, OneOf)):
            raise FormulaError(
                f"{setting.name} of {definition.name} cannot be learned; set it to {parameter.domain}"
            )
        value = parameter.default if setting.value is None else setting.value
        try:
            parameter.check(value)
            values[setting.name] = ParameterValue(
                setting.name, value, setting.trainable, setting.low, setting.high
            )
        except FormulaError as error:
            raise FormulaError(f"{shorten(text)}: {error}") from None
    return tuple(values.values())


def _example(definition: Definition) -> str:
    """A correct name to show in a message."""
    if not definition.parameters:
        return f"'{definition.name}', which takes no parameters"
    settings = ", ".join(f"{p.name}={format_number(p.default)}" for p in definition.parameters)
    return f"'{definition.name}({settings})'"


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
