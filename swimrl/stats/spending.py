"""How a group-sequential design spends its error probability over its looks.

A spending function gives the error probability that is spent up to a share of the planned seeds. Sources:
Lan & DeMets 1983 for the functions after O'Brien & Fleming and after Pocock; Hwang, Shih & DeCani 1990 for
the family ``hsd(gamma)``.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from statistics import NormalDist

from swimrl.errors import ConfigError

_NAMES = "obrien-fleming, pocock, or hsd(GAMMA) such as hsd(-4)"


@dataclass(frozen=True)
class Spending:
    """A spending function."""

    name: str
    """``obrien-fleming``, ``pocock`` or ``hsd``."""

    gamma: float = 0.0
    """The parameter of ``hsd``: negative spends late, 0 evenly, positive early."""

    def spent(self, share: float, alpha: float, *, sides: int = 1) -> float:
        """Return the error probability that is spent up to a share of the planned seeds.

        Args:
            share: Seeds so far by planned seeds, above 0; all is spent from 1 on.
            alpha: The error probability of the whole design.
            sides: 2 for a two-sided test, whose sides each spend half of ``alpha``.

        Example:
            >>> round(Spending("obrien-fleming").spent(0.5, 0.025), 5)
            0.00153
        """
        if share >= 1:
            return alpha
        of_side = alpha / sides
        if self.name == "obrien-fleming":
            normal = NormalDist()
            return sides * 2 * (1 - normal.cdf(normal.inv_cdf(1 - of_side / 2) / math.sqrt(share)))
        if self.name == "pocock":
            return alpha * math.log(1 + (math.e - 1) * share)
        if self.gamma == 0:
            return alpha * share
        return alpha * math.expm1(-self.gamma * share) / math.expm1(-self.gamma)

    def __str__(self) -> str:
        return f"hsd({self.gamma:g})" if self.name == "hsd" else self.name


def parse_spending(text: str) -> Spending:
    """Return the spending function that ``text`` names.

    Raises:
        ConfigError: If there is none of this name.

    Example:
        >>> parse_spending("hsd(-4)")
        Spending(name='hsd', gamma=-4.0)
    """
    if text in ("obrien-fleming", "pocock"):
        return Spending(text)
    parsed = re.fullmatch(r"hsd\(([^()]+)\)", text.replace(" ", ""))
    try:
        gamma = float(parsed[1]) if parsed else math.nan
    except ValueError:
        gamma = math.nan
    if not abs(gamma) <= 100:  # NaN too
        raise ConfigError(f"spending is {text!r}; expected {_NAMES}")
    return Spending("hsd", gamma)
