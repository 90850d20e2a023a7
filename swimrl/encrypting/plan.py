"""The parameters of CKKS for a network: ring, moduli and scale, and what they mean.

A larger ring has more slots and allows a larger modulus for the same security, and takes longer. The
modulus is a product of primes: one for each level, of as many bits as the scale, and two larger ones at the
ends. The first must hold the outputs, the last is for the keys.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from swimrl.errors import InputError

MOST_BITS = {12: 109, 13: 218, 14: 438, 15: 881}
"""Bits of the modulus that leave 128 bits of security, for each log2 N, with a ternary secret.

From the table of homomorphicencryption.org (2018), which SEAL enforces.
"""

SECURITY_BITS = 128

LEAST_SCALE_BITS = 25
"""The scale that a ring must leave room for, if the ring is chosen: errors of outputs are then below 1e-3."""

_MOST_SCALE_BITS = 45
_MOST_PRIME_BITS = 60
_HEADROOM_BITS = 6  # of both ends together above the scale: room for the outputs and for noise


@dataclass(frozen=True)
class Plan:
    """Parameters of CKKS.

    Args:
        log_ring: log2 N.
        bits: Of each prime; the first holds the outputs, the last is for the keys.
        scale_bits: log2 of the scale between the layers.

    Raises:
        InputError: If the modulus is too large for 128 bits of security.
    """

    log_ring: int
    bits: tuple[int, ...]
    scale_bits: int

    def __post_init__(self) -> None:
        most = MOST_BITS[self.log_ring]
        if self.modulus_bits > most:
            raise InputError(
                f"a modulus of {self.modulus_bits} bits at N = 2^{self.log_ring} leaves less than "
                f"{SECURITY_BITS} bits "
                f"of security; expected at most {most} bits; choose a larger ring"
            )

    @property
    def slots(self) -> int:
        """Numbers in an encrypted vector, N/2."""
        return 1 << (self.log_ring - 1)

    @property
    def levels(self) -> int:
        """Rescalings."""
        return len(self.bits) - 2

    @property
    def scale(self) -> float:
        """The scale between the layers."""
        return 2.0**self.scale_bits

    @property
    def modulus_bits(self) -> int:
        """Bits of the whole modulus."""
        return sum(self.bits)

    @property
    def sentence(self) -> str:
        """The parameters in one line."""
        return (
            f"N = 2^{self.log_ring}, modulus {'+'.join(map(str, self.bits))} = {self.modulus_bits} bits "
            f"of at most "
            f"{MOST_BITS[self.log_ring]} for {SECURITY_BITS} bits of security"
        )


def plan_for(levels: int, fits: Callable[[int], bool], log_ring: int | None = None) -> Plan:
    """Return the parameters for a network, with the smallest ring that is precise enough.

    Args:
        levels: Rescalings that the network needs.
        fits: Whether the network has a place in so many slots.
        log_ring: log2 N, if it is given.

    Raises:
        InputError: If no ring is large enough, or the given one is not.
    """
    if log_ring is not None and log_ring not in MOST_BITS:
        raise InputError(
            f"--ring is {log_ring}; expected auto, or one of {', '.join(map(str, MOST_BITS))} for log2 N"
        )
    rings = MOST_BITS if log_ring is None else (log_ring,)
    for ring in rings:
        scale_bits = min(_MOST_SCALE_BITS, (MOST_BITS[ring] - 2 * _HEADROOM_BITS) // (levels + 2))
        least = LEAST_SCALE_BITS if log_ring is None else ring + 3  # primes are 1 modulo 2 N
        if fits(1 << (ring - 1)) and scale_bits >= least:
            ends = min(_MOST_PRIME_BITS, (MOST_BITS[ring] - levels * scale_bits) // 2)
            return Plan(ring, (ends, *(scale_bits,) * levels, ends), scale_bits)
    raise InputError(
        f"the policy needs {levels} levels and does not fit N = 2^{max(rings)}"
        + ("" if log_ring is None else ", which --ring gives")
        + "; use polynomials of a lower degree, one hidden layer, or narrower ones"
    )
