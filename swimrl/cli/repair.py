"""Find the few weights that make a controller fail, and mend them.

docs/repair.md says how, and what the verdict means.

examples:
  swimrl repair runs/default/Hopper-v4/swim-1a2b3c4d/seed-0
  swimrl repair RUN --start-noise 0.3 --alpha 2
  swimrl repair RUN --failure return-below=0.3 --places random
  swimrl eval RUN/repairs/bidirectional-seed-0
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from swimrl.fields import Count
from swimrl.repairing.settings import RepairSettings

if TYPE_CHECKING:
    from swimrl.repairing import Repaired


@dataclass(frozen=True)
class Args(RepairSettings):
    """Options of `swimrl repair`."""

    path: tyro.conf.Positional[Path] = field(kw_only=True)
    """The directory of a run, or of a repair."""

    jobs: Annotated[Count | None, tyro.conf.arg(metavar="N")] = None
    """Threads that simulate; all cores when not given. Results do not depend on it."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder of the repair; repairs/WHICH-seed-INT in the run's directory when not given. The same command
    continues an interrupted search there."""

    json: bool = False
    """Print JSON."""


def run(args: Args) -> None:
    """Repair and print the verdict."""
    from swimrl.repairing import repair

    repaired = repair(
        args.path,
        settings=RepairSettings(
            **{field.name: getattr(args, field.name) for field in fields(RepairSettings)}
        ),
        out=args.out,
        jobs=args.jobs,
        progress=not args.json,
    )
    if args.json:
        print(json.dumps(repaired.content, indent=2))
    else:
        _print(repaired)
    if repaired.assessment is None:
        raise SystemExit(130)


def _print(repaired: Repaired) -> None:
    patch = repaired.patch
    changed = patch.before != patch.after
    print(
        f"{changed.sum() or 'none'} of {repaired.content['all_weights']:,} weights changed (counted from 0)"
    )
    for place, before, after in zip(patch.places, patch.before, patch.after, strict=True):
        if before == after:
            continue
        print(f"  layer {place.layer}, unit {place.row}, input {place.column}: {before:+.4f} to {after:+.4f}")
    if repaired.assessment is not None:
        for name, played in (("seen", repaired.assessment.seen), ("fresh", repaired.assessment.fresh)):
            counts = played.counts
            print(
                f"{name + ' starts':<13} {counts.repaired} of {counts.fails_before} repaired, "
                f"{counts.broken} of {counts.passes_before} broken, return "
                f"{played.returns_before.mean():,.1f} to {played.returns_after.mean():,.1f}"
            )
    print(repaired.verdict)
    print(f"in {repaired.folder}")
