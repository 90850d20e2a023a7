"""Activation names: from the text that a user types to a specification.

    swim                              the default parameters
    swim(k=1)                         a parameter fixed at another value
    swim(k=trainable)                 learned, starting from the default
    swim(k=trainable(2))              learned, starting from 2
    swim(k=trainable(2, low=0))       learned, and kept above 0
    prelu(slope=0.1)                  a number fixes even what is learned by default
    prelu(granularity=neuron)         a set of learned parameters for each neuron, not for each layer;
                                      granularity=network: one set for all layers of a network
    taaf(swim)                        any of these, scaled and shifted on both sides by learned numbers
    poly(swim, degree=6, bound=8)     the best polynomial of this degree on [-8, 8] in place of any of these
    expr: x*sigmoid(beta*x); beta=1   any expression of the language in ``parser``
    package.module:Class              any torch.nn.Module that needs no arguments

Nothing here imports torch; only an ``expr:`` imports SymPy.
"""

from __future__ import annotations

import ast
import re
from typing import cast, get_args

from swimrl.activations.language.definition import (
    EXPRESSION,
    POLYNOMIAL,
    WRAPPER,
    Definition,
    Granularity,
)
from swimrl.activations.language.parameters import OneOf, ParameterValue
from swimrl.activations.language.registry import HOW_TO_LIST, REGISTRY, Registry
from swimrl.activations.language.settings import (
    Setting,
    format_number,
    parse_call,
    settings_of,
    shorten,
)
from swimrl.activations.language.spec import ActivationSpec, default_value
from swimrl.errors import FormulaError, closest
from swimrl.polynomials.precision import parse_precision

_MAX_NESTING = 8
_HEAD_AND_ARGUMENTS = re.compile(r"([^\s()]+)\s*(\(.*\))?", re.DOTALL)
_MODULE_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


def parse_name(text: str, registry: Registry = REGISTRY) -> ActivationSpec:
    """Read an activation name; see the top of this file for the forms.

    Args:
        text: What the user typed.
        registry: The registry of names.

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
    if text.startswith(EXPRESSION):
        from swimrl.activations.language.parser import parse_declaration  # imports SymPy

        expression, parameters = parse_declaration(text.removeprefix(EXPRESSION))
        definition = Definition(EXPRESSION, expression, parameters, family="expression", kind="expression")
        return ActivationSpec(definition, _settle(definition, [], text))
    parts = _HEAD_AND_ARGUMENTS.fullmatch(text)
    if parts is None:
        raise FormulaError(f"cannot read the activation {shorten(text)}; write it like 'swim' or 'swim(k=1)'")
    head, arguments = parts.groups()
    if ":" in head:
        return _module(head, arguments)
    call = parse_call(arguments or "()", text)
    chosen = _granularity(call, text)
    if head == WRAPPER:
        definition = _wrapped(call, text, registry)
    elif head == POLYNOMIAL:
        definition = _polynomial(call, text, registry)
    else:
        definition = registry.definition(head)
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
    """Remove the inner activation from the arguments of ``taaf(...)`` and return its wrapped definition."""
    from swimrl.activations.language.taaf import taaf  # imports SymPy

    if text.count(f"{WRAPPER}(") > _MAX_NESTING:
        raise FormulaError(f"{shorten(text)} is nested too deeply; wrap at most {_MAX_NESTING} times")
    if len(call.args) != 1:
        raise FormulaError(
            f"{shorten(text)} must wrap one activation; write 'taaf(swim)' or 'taaf(swim, beta=2)'"
        )
    return taaf(parse_name(ast.unparse(call.args.pop()), registry))


def _polynomial(call: ast.Call, text: str, registry: Registry) -> Definition:
    """Remove all arguments of ``poly(...)`` and return the definition of the polynomial."""
    from swimrl.activations.language.polynomial import (  # imports SymPy
        DEFAULT_BOUND,
        OUTSIDE,
        Polynomial,
        polynomial_definition,
    )

    example = "write 'poly(swim, degree=6, bound=8)' or 'poly(swim, precision=2^-6, bound=8)'"
    if text.count(f"{POLYNOMIAL}(") > _MAX_NESTING:
        raise FormulaError(f"{shorten(text)} is nested too deeply; wrap at most {_MAX_NESTING} times")
    settings = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    unknown = sorted(str(name) for name in settings.keys() - {"degree", "precision", "bound", "outside"})
    if len(call.args) != 1 or len(settings) != len(call.keywords) or unknown:
        about = f" has no argument {unknown[0]!r}" if unknown else " must replace one activation"
        raise FormulaError(f"{shorten(text)}{about}; {example}")
    if ("degree" in settings) == ("precision" in settings):
        raise FormulaError(f"{shorten(text)} needs either a degree or a precision; {example}")
    outside = settings.get("outside", OUTSIDE[0])
    if outside not in OUTSIDE:
        raise FormulaError(
            f"outside={outside} in {shorten(text)} is unknown; choose one of {', '.join(OUTSIDE)}"
        )
    try:
        polynomial = Polynomial(
            parse_name(ast.unparse(call.args.pop()), registry),
            degree=int(settings["degree"]) if "degree" in settings else None,
            precision=parse_precision(settings["precision"]) if "precision" in settings else None,
            bound=float(settings.get("bound", DEFAULT_BOUND)),
            outside=outside,
        )
    except ValueError:
        raise FormulaError(f"degree and bound of {shorten(text)} must be numbers; {example}") from None
    call.keywords.clear()
    return polynomial_definition(polynomial)


def _granularity(call: ast.Call, text: str) -> Granularity | None:
    """Remove ``granularity=...`` from a call and return its value; None if it is not there."""
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


def _module(path: str, arguments: str | None) -> ActivationSpec:
    if not _MODULE_PATH.fullmatch(path):
        raise FormulaError(f"cannot read {shorten(path)} as a module; write it like 'package.module:Class'")
    if arguments is not None:
        raise FormulaError(f"{shorten(path)} takes no arguments; name a class or function that needs none")
    return ActivationSpec(Definition(path, module=path, family="module", kind="path"))


def _settle(definition: Definition, settings: list[Setting], text: str) -> tuple[ParameterValue, ...]:
    """Return a value for each parameter: the one that the user set, or the default."""
    parameters = {parameter.name: parameter for parameter in definition.parameters}
    values = {parameter.name: default_value(parameter) for parameter in definition.parameters}
    for setting in settings:
        if setting.name not in parameters:
            near = closest(setting.name, parameters)
            guess = f"; did you mean {near[0]!r}?" if near else ";"
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
    """Return a correct name, for a message."""
    if not definition.parameters:
        return f"'{definition.name}', which takes no parameters"
    settings = ", ".join(f"{p.name}={format_number(p.default)}" for p in definition.parameters)
    return f"'{definition.name}({settings})'"
