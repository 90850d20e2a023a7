"""Which of the measured backends is taken; numbers only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

# Sums in another order have about 2 times the error, bfloat16 about 10^4 times.
_TOLERATED_ERROR_RATIO = 8.0

# A library is called from Python and interrupts the update's one compiled call, which costs about this much
# besides its own time.
_INTERRUPTION_S = 2e-6


class Measured(NamedTuple):
    """One backend's reading for one product."""

    seconds: float
    """The shortest time of one product."""

    error: float
    """The largest absolute difference from the float64 product."""


def sound(errors: Mapping[str, float]) -> list[str]:
    """Return the candidates whose error is that of the arrays' own precision, in the order given.

    Args:
        errors: Largest error of each candidate against float64.

    Example:
        >>> sound({"numpy": 1e-5, "torch": 2e-5, "onednn": 3e-2})
        ['numpy', 'torch']
    """
    limit = _TOLERATED_ERROR_RATIO * min(errors.values())
    return [name for name, error in errors.items() if error <= limit]


def choose(measured: Mapping[str, Measured]) -> str:
    """Return the sound backend that lets an update be fastest.

    Example:
        >>> choose({"numpy": Measured(8e-6, 1e-5), "tiles": Measured(9e-6, 1e-5)})
        'tiles'
    """
    return min(
        sound({name: reading.error for name, reading in measured.items()}),
        key=lambda name: measured[name].seconds + (0 if name == "tiles" else _INTERRUPTION_S),
    )
