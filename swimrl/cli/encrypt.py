"""Let a policy act on encrypted observations, and measure speed and precision.

docs/encrypted.md says what is protected, and how to train a fast enough policy.

examples:
  swimrl train --config configs/encrypted.yaml --out runs/encrypted
  swimrl encrypt runs/encrypted/HalfCheetah-v4/quadratic_gate-1a2b3c4d/seed-0
  swimrl encrypt RUN --steps 200 --ring 13 --json
  swimrl polynomial RUN --degrees 6 --save runs/swim-6
  swimrl encrypt runs/swim-6 --steps 20
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from swimrl.fields import Count

if TYPE_CHECKING:
    from swimrl.encrypting import Encrypted


@dataclass(frozen=True)
class Args:
    """Options of `swimrl encrypt`."""

    path: tyro.conf.Positional[Path]
    """The directory of a run whose actor has polynomials as activations."""

    episodes: Count = 1
    """Episodes, from the first starts of the final evaluation."""

    steps: Annotated[Count | None, tyro.conf.arg(metavar="INT")] = None
    """Environment steps after which an episode is cut off; whole episodes when not given."""

    ring: Annotated[str, tyro.conf.arg(metavar="RING")] = "auto"
    """log2 of the ring dimension: 12, 13, 14 or 15; auto takes the smallest that is precise enough."""

    round_bits: Count = 9
    """Actions in [-1, 1] are rounded to multiples of 2^-INT before they leave the client."""

    margin: float = 1.5
    """Numbers between the layers may be this multiple of the largest that was seen."""

    best: bool = False
    """Take the policy of the best evaluation instead of the last."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """The folder for encrypted.json and the page; when not given, encrypted in the run's directory."""

    json: bool = False
    """Print JSON."""


def run(args: Args) -> None:
    """Play and print."""
    from swimrl.encrypting import Settings, encrypt
    from swimrl.training import open_run

    settings = Settings(
        episodes=args.episodes,
        steps=args.steps,
        ring=args.ring,
        round_bits=args.round_bits,
        margin=args.margin,
    )
    with _progress() as on_step:
        result = encrypt(open_run(args.path), settings, out=args.out, best=args.best, on_step=on_step)
    if args.json:
        print(result.record.read_text(encoding="utf-8"), end="")
        return
    _print(result)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """Show the number of actions on standard error, if that is a terminal."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda step: None
        return
    with console.status("keys and calibration") as status:
        yield lambda step: status.update(f"encrypted action {step:,}")


def _print(result: Encrypted) -> None:
    from swimrl.encrypting.page import facts
    from swimrl.encrypting.record import SECURITY, verdict

    print("\n".join(facts(result)))
    for number, (encrypted, plain) in enumerate(
        zip(result.played.returns, result.plain.returns, strict=True), start=1
    ):
        print(
            f"Episode {number}: return {encrypted:,.1f} in {result.played.lengths[number - 1]:,} steps; "
            f"not encrypted "
            f"{plain:,.1f} in {result.plain.lengths[number - 1]:,}."
        )
    print(verdict(result))
    print("\n".join(f"Security: {sentence}" for sentence in SECURITY))
    print(f"page    {result.page}")
