"""The definition of an activation: its formula as text, or the class of its module, and its reference."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from swimrl.activations.language.parameters import Parameter
from swimrl.errors import FormulaError

if TYPE_CHECKING:
    from swimrl.activations.language.formula import Formula

Granularity = Literal["layer", "neuron", "network"]
Kind = Literal["named", "expression", "path", "wrapper", "polynomial"]

EXPRESSION = "expr:"
"""The prefix of an expression that a user types."""

WRAPPER = "taaf"
"""The name of the wrapper with learned parameters."""

POLYNOMIAL = "poly"
"""The name of the wrapper that replaces an activation by a polynomial."""

_FORMER_MODULES = "swimrl.activations.modules:"
_MODULES = "swimrl.activations.torch.handwritten:"

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Definition:
    """One activation. Either ``expression`` or ``module`` is set.

    The expression is text. So a definition costs nothing until its formula is used, and it can be
    pickled into a policy file and loaded where the activation was never registered.

    Args:
        name: Small letters, digits and underscores.
        expression: The formula in the language of ``parser``.
        parameters: The parameters of the formula, in order; for a module, its keyword arguments.
        limits: Values at minus and plus infinity, in the parameters, such as ``("-alpha", "inf")``.
            Without them an infinite input gives the result of IEEE arithmetic, or if that is NaN, the
            value at the largest finite number.
        family: Group in the catalogue, such as ``"self-gated"``.
        reference: Paper and year.
        aliases: Other names for the same activation.
        summary: One line about it.
        granularity: The default for `ActivationSpec.granularity`.
        module: For an activation that is not an elementwise formula: a class or function that returns a
            new ``torch.nn.Module``, or its path, ``"package.module:Class"``. It is called with the
            parameters by name, and with ``width``, the number of neurons, if it has such an argument.
            A module whose output is not as wide as its input has a method ``output_width(width)``.
        kind: ``"named"``: in the catalogue or registered. ``"expression"``: typed by the user after
            ``expr:``. ``"path"``: a module named by ``package.module:Class``. ``"wrapper"``: ``taaf(...)``.
            ``"polynomial"``: ``poly(...)``, which has no parameters; its name holds all its arguments.
        inner: For a wrapper, the canonical name of the activation inside.
    """

    name: str
    expression: str | None = None
    parameters: tuple[Parameter, ...] = ()
    limits: tuple[str, str] | None = None
    family: str = "user"
    reference: str = ""
    aliases: tuple[str, ...] = ()
    summary: str = ""
    granularity: Granularity = "layer"
    module: Callable[[], Any] | str | None = None
    kind: Kind = "named"
    inner: str = ""

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Version 0.1 had neither kind nor inner, and its modules were in another file.
        vars(self).update(state if "kind" in state else state | _state_since_0_2(state))

    def __post_init__(self) -> None:
        if (self.expression is None) == (self.module is None):
            raise FormulaError(f"activation {self.name!r} needs an expression or a module, and not both")
        names = [parameter.name for parameter in self.parameters]
        if repeated := {name for name in names if names.count(name) > 1}:
            raise FormulaError(
                f"activation {self.name!r} has two parameters named {min(repeated)!r}; rename one"
            )
        if self.module is not None and self.limits:
            raise FormulaError(f"activation {self.name!r} is a module and takes no limits; leave them out")

    @property
    def formula(self) -> Formula | None:
        """The formula, built on first use; ``None`` for a module.

        Raises:
            FormulaError: The expression is outside the language.
        """
        return None if self.expression is None else _formula(self.expression, self.parameters, self.limits)


@functools.lru_cache(maxsize=1024)
def _formula(expression: str, parameters: tuple[Parameter, ...], limits: tuple[str, str] | None) -> Formula:
    # SymPy takes 0.4 s to import; listing names does not need it.
    from swimrl.activations.language.formula import Formula

    return Formula.parse(expression, parameters, limits)


def _state_since_0_2(state: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that a definition pickled by version 0.1 lacks, or has with an old value."""
    name, module = state["name"], state["module"]
    if name == EXPRESSION:
        return {"kind": "expression"}
    if name.startswith(f"{WRAPPER}("):
        return {"kind": "wrapper", "inner": name.removeprefix(f"{WRAPPER}(").removesuffix(")")}
    if ":" in name:
        return {"kind": "path"}
    if isinstance(module, str) and module.startswith(_FORMER_MODULES):
        return {"kind": "named", "module": module.replace(_FORMER_MODULES, _MODULES)}
    return {"kind": "named"}


def check_name(name: str) -> None:
    """Check that a name can be parsed as an activation name.

    Raises:
        FormulaError: It cannot; the message describes a valid name.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in ("expr", WRAPPER, POLYNOMIAL):
        raise FormulaError(
            f"{name!r} cannot name an activation; use small letters, digits and underscores: 'my_swim'"
        )
