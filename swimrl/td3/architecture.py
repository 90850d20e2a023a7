"""The shape of a network: hidden layers one after the other, or residual blocks. Light: imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from swimrl.errors import ConfigError

_WIDEST, _MOST_BLOCKS = 65_536, 64


@dataclass(frozen=True)
class Block:
    """A residual block x + Linear(f(Linear(x))) of a width."""

    expansion: int
    """Width between the block's two linear layers, as a multiple of the block's width."""

    norm: bool
    """Whether each block begins with a layer norm, and another one stands before the output layer."""


BLOCKS: Mapping[str, Block] = MappingProxyType(
    {"simba": Block(expansion=4, norm=True), "residual": Block(expansion=1, norm=False)}
)
"""The kinds of residual networks. A linear layer leads into the first block, another one is the output.

``simba`` is the network of SimBa (Lee et al. 2024, arXiv:2410.09754) without its normalisation of
observations, which is a setting of its own here, ``normalize_obs``. ``residual`` has no layer norms, and
narrow blocks.
"""

Net = str | Sequence[int]
"""A network as settings have it: ``"256x256"``, ``[256, 256]`` or ``"simba:256x2"``."""


@dataclass(frozen=True)
class Architecture:
    """The hidden part of a network.

    Example:
        >>> Architecture.parse("simba:256x2")
        Architecture(widths=(256, 256), kind='simba')
        >>> str(Architecture.of([400, 300]))
        '400x300'
    """

    widths: tuple[int, ...]
    """Width of each hidden layer, or of each block; there is one activation in each."""

    kind: str | None = None
    """One of `BLOCKS`; None for hidden layers without residual blocks."""

    @classmethod
    def parse(cls, text: str, source: str = "net_arch") -> Architecture:
        """Return the architecture that a text such as ``400x300`` or ``simba:256x2`` describes.

        Args:
            text: Widths of hidden layers, or a kind of block, the width and the number of blocks.
            source: Where it comes from, for the message.

        Raises:
            ConfigError: If it describes none.
        """
        kind, colon, sizes = text.rpartition(":")
        numbers = [int(size) if size.isdecimal() else 0 for size in sizes.split("x")]
        is_known = not colon or (kind in BLOCKS and len(numbers) == 2 and numbers[1] <= _MOST_BLOCKS)
        if not is_known or not all(0 < number <= _WIDEST for number in numbers):
            blocks = " or ".join(f"{name}:256x2" for name in BLOCKS)
            raise ConfigError(
                f"{source} {text!r} is no network; expected widths of hidden layers such as 256x256, or "
                f"width and number of residual blocks such as {blocks}"
            )
        if not colon:
            return cls(tuple(numbers))
        width, count = numbers
        return cls((width,) * count, kind)

    @classmethod
    def of(cls, net: Net) -> Architecture:
        """Return the architecture of a text or of a list of widths.

        Raises:
            ConfigError: If a text describes none.
        """
        return cls.parse(net) if isinstance(net, str) else cls(tuple(net))

    @property
    def block(self) -> Block | None:
        """What its residual blocks are; None for hidden layers without."""
        return None if self.kind is None else BLOCKS[self.kind]

    @property
    def net(self) -> str | list[int]:
        """The form for ``net_arch``: a list where Stable-Baselines3 knows it, else a text."""
        return list(self.widths) if self.kind is None else str(self)

    @property
    def inner_widths(self) -> tuple[int, ...]:
        """Width of each layer that an activation stands behind."""
        expansion = 1 if self.block is None else self.block.expansion
        return tuple(expansion * width for width in self.widths)

    def with_widths(self, widths: Sequence[int]) -> Architecture:
        """Return the same with other widths; blocks, which are all as wide, take the largest."""
        each = tuple(widths) if self.kind is None else (max(widths),) * len(widths)
        return dataclasses.replace(self, widths=each)

    def __str__(self) -> str:
        if self.kind is None:
            return "x".join(map(str, self.widths))
        return f"{self.kind}:{self.widths[0]}x{len(self.widths)}"
