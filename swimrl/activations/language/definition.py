"""A named activation as data: its formula as text, or what makes its module, and where it comes from."""

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
Kind = Literal["named", "expression", "path", "wrapper"]

EXPRESSION = "expr:"
"""What an expression of the user begins with."""

WRAPPER = "taaf"
"""The name of the wrapper."""

_FORMER_MODULES = "swimrl.activations.modules:"
_MODULES = "swimrl.activations.torch.handwritten:"

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Definition:
    """One activation. Either ``expression`` or ``module`` is set.

    The expression is text, so that defining an activation costs nothing until its formula is asked
    for, and a definition can be pickled into a policy file and rebuilt where the activation was
    never registered.

    Args:
        name: Small letters, digits and underscores.
        expression: The formula in the language of ``parser``.
        parameters: Parameters of the formula, in order; of a module, numbers that its maker takes by name.
        limits: Values at minus and plus infinity, in the parameters, such as ``("-alpha", "inf")``.
            Without them an infinite input gives what IEEE arithmetic gives, or where that is NaN,
            the value at the largest finite number.
        family: Group in the catalogue, such as ``"self-gated"``.
        reference: Paper and year.
        aliases: Other names for the same activation.
        summary: What to know about it, on one line.
        granularity: What has its own set of learned parameters when the user says nothing.
        module: For activations that are not one elementwise formula, what makes a new
            ``torch.nn.Module``, or ``"package.module:Class"``. It is called with the parameters by
            name, and with ``width``, the neurons of the layer, if it takes an argument of that name.
            A module whose output is not as wide as its input has a method ``output_width(width)``.
        kind: ``"named"`` in the catalogue or by the user; an ``"expression"`` that the user typed after
            ``expr:``; the ``"path"`` of somebody's module, ``package.module:Class``; or a ``"wrapper"``,
            ``taaf(...)``.
        inner: Of a wrapper, the name in full of the activation inside.
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
        # Before version 0.2 the kind of a definition was told by its name, and modules stood elsewhere.
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
            raise FormulaError(f"activation {self.name!r} is a module; its limits are its own affair")

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
    """Return what a definition pickled by version 0.1 lacks."""
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
    """Refuse a name that the grammar of activation names cannot hold.

    Raises:
        FormulaError: Says what a name looks like.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in ("expr", WRAPPER):
        raise FormulaError(
            f"{name!r} cannot name an activation; use small letters, digits and underscores: 'my_swim'"
        )
