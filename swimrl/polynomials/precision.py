"""Precision, as the literature on encrypted networks writes it: 2^-9 is a largest error of 2^-9."""

from __future__ import annotations

import math
import re

from swimrl.errors import InputError

_POWER = re.compile(r"2\s*(?:\^|\*\*)\s*(-?\d+(?:\.\d+)?)")


def parse_precision(text: str) -> float:
    """Return the largest error that ``text`` allows: ``2^-9``, ``2**-9`` or ``0.002``.

    Raises:
        InputError: If it is no positive number.

    Example:
        >>> parse_precision("2^-9")
        0.001953125
    """
    power = _POWER.fullmatch(text.strip())
    try:
        value = 2.0 ** float(power[1]) if power else float(text)
    except (ValueError, OverflowError):
        value = math.nan
    if not 0 < value < math.inf:
        raise InputError(f"{text!r} is no precision; expected a positive number, such as 2^-9 or 0.002")
    return value


def precision_text(value: float) -> str:
    """Return an error as a power of two, with one decimal where it is none.

    Example:
        >>> precision_text(0.001953125), precision_text(0.003), precision_text(0.0)
        ('2^-9', '2^-8.4', '0')
    """
    if value <= 0:
        return "0"
    exponent = math.log2(value)
    return f"2^{exponent:.0f}" if exponent == round(exponent) else f"2^{exponent:.1f}"
