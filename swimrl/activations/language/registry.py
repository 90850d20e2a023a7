"""The registry of activations: the catalogue, the user's own, and entry points of other packages."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any

from swimrl.activations.language.definition import Definition, check_name
from swimrl.activations.language.parameters import Parameter
from swimrl.errors import FormulaError, SwimrlError, UnknownNameError

if TYPE_CHECKING:
    import sympy

ENTRY_POINT_GROUP = "swimrl.activations"
HOW_TO_LIST = "swimrl activations"
CATALOGUE = ("sigmoid", "self_gated", "relu", "elu", "parametric", "miscellaneous", "ensemble", "layerwise")
"""Modules of ``catalogue``, in the order of the listing; each holds a tuple ``DEFINITIONS``."""


class Registry:
    """Names and aliases, each standing for one definition.

    Args:
        definitions: The definitions to begin with.
        group: The entry-point group in which other packages announce activations. An entry point is loaded
            when its name is used. A registered name takes precedence over an entry point.
    """

    def __init__(self, definitions: Iterable[Definition] = (), *, group: str | None = None) -> None:
        self._definitions: dict[str, Definition] = {}
        self._main_names: dict[str, str] = {}
        self._group = group
        for definition in definitions:
            self.add(definition)

    def add(self, definition: Definition) -> None:
        """Add a definition under its name and aliases.

        Raises:
            FormulaError: A name cannot be used or is taken.
        """
        names = (definition.name, *definition.aliases)
        for name in names:
            check_name(name)
            if name in self._main_names:
                raise FormulaError(f"an activation named {name!r} exists already; choose another name")
        self._definitions[definition.name] = definition
        self._main_names.update(dict.fromkeys(names, definition.name))

    def remove(self, name: str) -> Definition:
        """Remove a definition with all its names, so that they can be given to another; return it.

        Args:
            name: Its name or one of its aliases.

        Raises:
            UnknownNameError: No such name; offers the closest.
        """
        if name not in self._main_names:
            raise UnknownNameError("activation", name, self._main_names, HOW_TO_LIST)
        definition = self._definitions.pop(self._main_names[name])
        for other in (definition.name, *definition.aliases):
            del self._main_names[other]
        return definition

    def definition(self, name: str) -> Definition:
        """Return the definition of a name or alias.

        Raises:
            UnknownNameError: No such name; offers the closest.
            FormulaError: The name is an entry point whose package cannot be loaded.
        """
        if name in self._main_names:
            return self._definitions[self._main_names[name]]
        announced = self._announced()
        if name not in announced:
            raise UnknownNameError("activation", name, [*self._main_names, *announced], HOW_TO_LIST)
        definition = _load(announced[name])
        self.add(definition)
        return definition

    def definitions(self) -> tuple[Definition, ...]:
        """Return all definitions in the order they were added, entry points last.

        An entry point that cannot be loaded, or whose name is taken, is left out with a warning.
        """
        for name, entry_point in self._announced().items():
            if name in self._main_names:
                if self._definitions[self._main_names[name]] is not _LOADED.get(entry_point):
                    warnings.warn(f"{_describe(entry_point)} is ignored: the name is taken", stacklevel=2)
                continue
            try:
                self.add(_load(entry_point))
            except SwimrlError as error:
                warnings.warn(str(error), stacklevel=2)
        return tuple(self._definitions.values())

    def _announced(self) -> dict[str, EntryPoint]:
        return {} if self._group is None else {entry.name: entry for entry in entry_points(group=self._group)}


_LOADED: dict[EntryPoint, Definition] = {}


def _describe(entry_point: EntryPoint) -> str:
    package = entry_point.dist.name if entry_point.dist else "an unknown package"
    return f"activation {entry_point.name!r} of {package} ({entry_point.value})"


def _load(entry_point: EntryPoint) -> Definition:
    try:
        target = entry_point.load()
    except Exception as error:  # any error of another package becomes one line for the user
        raise FormulaError(
            f"{_describe(entry_point)} cannot be loaded ({type(error).__name__}: {error}); "
            f"repair or uninstall that package"
        ) from error
    _LOADED[entry_point] = define(entry_point.name, target)
    return _LOADED[entry_point]


def define(name: str, activation: Any) -> Definition:
    """Return a definition made from a definition, an expression, or a function that returns a module.

    Args:
        name: The activation's name.
        activation: A ``Definition`` (which keeps its own name), text such as ``"x*sigmoid(b*x);
            b=1"``, a SymPy expression, or a callable without arguments that returns a new
            ``torch.nn.Module``.

    Raises:
        FormulaError: It is none of these, or the expression cannot be used.
    """
    check_name(name)
    if isinstance(activation, Definition):
        return activation
    if isinstance(activation, str):
        from swimrl.activations.language.parser import parse_declaration  # imports SymPy

        expression, parameters = parse_declaration(activation)
        return Definition(name, expression, parameters)
    if callable(activation):
        return Definition(name, module=activation)
    raise FormulaError(
        f"activation {name!r} is a {type(activation).__name__}; give an expression such as 'x*sigmoid(x)' "
        f"or a callable that returns a torch.nn.Module"
    )


def _catalogue() -> Iterable[Definition]:
    for family in CATALOGUE:
        yield from importlib.import_module(f"swimrl.activations.catalogue.{family}").DEFINITIONS


REGISTRY = Registry(_catalogue(), group=ENTRY_POINT_GROUP)


def register(
    name: str,
    expression: str | sympy.Expr | None = None,
    *,
    parameters: Iterable[Parameter] = (),
    limits: tuple[str, str] | None = None,
    module: Callable[[], Any] | None = None,
    aliases: Iterable[str] = (),
    family: str = "user",
    reference: str = "",
    summary: str = "",
) -> Definition:
    """Register an activation under a name, in this process.

    Args:
        name: Small letters, digits and underscores.
        expression: Text in the expression language, with parameters after semicolons
            (``"x*sigmoid(b*x); b=1"``) or given by ``parameters``; or a SymPy expression in ``x``
            of our primitives.
        parameters: Parameters with domain and documentation, instead of declarations in the text.
        limits: Values at minus and plus infinity, in the parameters, such as ``("-alpha", "inf")``.
        module: Instead of an expression: a function without arguments that returns a new
            ``torch.nn.Module``.
        aliases: Other names for it.
        family: Group in the listing.
        reference: Paper and year.
        summary: One line about it.

    Returns:
        The definition, which is now in the registry.

    Raises:
        FormulaError: The name is taken, or the expression cannot be used.

    Example:
        >>> _ = register("bent_swish", "x*sigmoid(b*x) + x/10; b=1")
    """
    parameters = tuple(parameters)
    if expression is not None and not isinstance(expression, str):
        from swimrl.activations.language.formula import text_of  # imports SymPy

        expression = text_of(expression)
    if isinstance(expression, str) and not parameters:
        declared = define(name, expression)
        expression, parameters = declared.expression, declared.parameters
    definition = Definition(
        name, expression, parameters, limits, family, reference, tuple(aliases), summary, module=module
    )
    _ = definition.formula  # raises now rather than when training begins
    REGISTRY.add(definition)
    return definition
