"""The space of settings that a tuning searches, and its points. Light: NumPy and SciPy alone."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from swimrl.errors import ConfigError

Value = str | int | float

Point = dict[str, Value]
"""Settings by name. An empty point keeps the settings as they are."""

_EXPECTED = "expected a range such as td3.lr=1e-5..2e-3:log, or values such as td3.batch_size=64,128,256"


@dataclass(frozen=True)
class Dimension:
    """A setting and the values that are tried."""

    key: str

    low: float = 0.0
    high: float = 0.0
    is_log: bool = False
    """Whether the logarithm is what varies evenly."""

    is_whole: bool = False
    """Whether values are whole numbers: both ends were written as such."""

    choices: tuple[str, ...] = ()
    """The values, if they are not a range."""

    def value(self, share: float) -> Value:
        """Return the value at a share of the range, from 0 up to 1.

        Example:
            >>> parse_dimension("td3.lr=1e-4..1e-2:log").value(0.5)
            0.001
        """
        if self.choices:
            return self.choices[min(int(share * len(self.choices)), len(self.choices) - 1)]
        if self.is_log:
            number = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        else:
            number = self.low + share * (self.high - self.low)
        return round(number) if self.is_whole else float(f"{number:.3g}")


def parse_dimension(text: str) -> Dimension:
    """Return the dimension that a text such as ``td3.lr=1e-5..2e-3:log`` describes.

    Raises:
        ConfigError: If it describes none.

    Example:
        >>> parse_dimension("td3.batch_size=64,128").choices
        ('64', '128')
    """
    key, equals, values = text.partition("=")
    key = key.strip().replace("-", "_")
    if not (equals and key and values.strip()):
        raise ConfigError(f"--space {text!r} is no setting with values; {_EXPECTED}")
    if key in ("env", "act", "seed", "steps"):
        raise ConfigError(f"--space cannot vary {key}; it is the same for all trials of an activation")
    of_range = re.fullmatch(r"(?P<low>.+?)\.\.(?P<high>[^:]+)(?P<log>:log)?", values.strip())
    if of_range is None:
        choices = tuple(value.strip() for value in values.split(","))
        if len({*choices}) < len(choices) or not all(choices) or len(choices) < 2:
            raise ConfigError(f"--space {text!r} has an empty or repeated value, or one alone; {_EXPECTED}")
        return Dimension(key, choices=choices)
    try:
        low, high = float(of_range["low"]), float(of_range["high"])
    except ValueError as error:
        raise ConfigError(f"--space {text!r} has ends that are no numbers; {_EXPECTED}") from error
    is_log = of_range["log"] is not None
    if not low < high < math.inf or (is_log and low <= 0):
        raise ConfigError(
            f"--space {text!r} is no range from low to high; {_EXPECTED}; :log needs a low above 0"
        )
    is_whole = all(of_range[end].strip().lstrip("-").isdecimal() for end in ("low", "high"))
    return Dimension(key, low, high, is_log, is_whole)


def sobol_points(space: Sequence[Dimension], count: int, *, seed: int = 0) -> list[Point]:
    """Return points of a scrambled Sobol sequence; fewer points are the beginning of more.

    Args:
        space: The dimensions.
        count: How many points.
        seed: Seed of the scrambling.
    """
    from scipy.stats import qmc

    sequence = qmc.Sobol(len(space), scramble=True, rng=seed)
    shares = sequence.random_base2(max(count - 1, 0).bit_length())
    return [
        {of.key: of.value(float(share)) for of, share in zip(space, row, strict=True)}
        for row in shares[:count]
    ]
