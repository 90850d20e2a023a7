"""A cell with a number, its interval as a small bar, and whether a difference is established."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Literal

Mark = Literal["", "▲", "▼", "="]
"""An established difference from the baseline: higher, lower, or equal within the margin."""


@dataclass(frozen=True)
class Bar:
    """A number with its interval, drawn on the scale that all cells of a column share."""

    value: float
    low: float | None
    """Lower end of the interval; None where there is none."""

    high: float | None
    scale: tuple[float, float]
    """The ends of the column's scale."""

    reference: float | None = None
    """The baseline's number, drawn as a line."""

    mark: Mark = ""
    digits: int = 0

    def __str__(self) -> str:
        number = f"{self.value:,.{self.digits}f}"
        ends = "" if self.low is None else f" [{self.low:,.{self.digits}f}, {self.high:,.{self.digits}f}]"
        return f"{number}{ends} {self.mark}".rstrip()

    def to_html(self) -> str:
        """Return the bar, the number and the mark; the ends of the interval show when one points at it."""
        at = {"m": self.value} | ({} if self.reference is None else {"z": self.reference})
        if self.low is not None and self.high is not None:
            at |= {"a": self.low, "b": self.high}
        places = ";".join(f"--{name}:{self._percent(value)}" for name, value in at.items())
        number = html.escape(f"{self.value:,.{self.digits}f}")
        return (
            f'<span class="bar" style="{places}" title="{html.escape(str(self))}"></span>{number}'
            f'<span class="mark">{self.mark}</span>'
        )

    def _percent(self, value: float) -> str:
        low, high = self.scale
        share = (value - low) / ((high - low) or 1.0)
        return f"{100 * min(max(share, 0.0), 1.0):.0f}%"
