"""Write a policy as ONNX, C or NumPy files, and check them.

examples:
  swimrl export runs/default/Hopper-v4/swim-1a2b3c4d/seed-0
  swimrl export RUN --to c --out firmware --name hopper
  swimrl export RUN --to onnx --best --json
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from swimrl.fields import Count

if TYPE_CHECKING:
    from swimrl.exporting.api import Exported, ExportedFile
    from swimrl.exporting.closed_loop import ClosedLoop


@dataclass(frozen=True)
class Args:
    """Options of `swimrl export`."""

    path: tyro.conf.Positional[Path]
    """The directory of a run."""

    to: Annotated[tuple[str, ...], tyro.conf.arg(metavar="FORMAT")] = ("onnx", "c", "numpy", "card")
    """What to write: onnx (one file), c (source and header), numpy (Python and arrays), card (a folder for a
    model hub). ONNX needs `pip install 'swimrl[export]'`."""

    best: bool = False
    """Export the policy of the best evaluation instead of the last."""

    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Where to write; when not given, the folder export in the run's directory."""

    name: Annotated[str, tyro.conf.arg(metavar="NAME")] = "policy"
    """Name of the files, without ending; the C function is NAME_act."""

    opset: Annotated[int, tyro.conf.arg(metavar="N")] = 17
    """Version of the ONNX operators, 13 or later; a policy with layer norm needs 17."""

    verify_steps: Count = 5000
    """Environment steps at whose observations each file is compared with the policy."""

    verify_episodes: Count = 10
    """Episodes that each file plays by itself, on the seeds of final.csv; 0 leaves them out."""

    force: bool = False
    """Replace files that exist."""

    json: bool = False
    """Print JSON."""


def run(args: Args) -> None:
    """Write, check and print."""
    from swimrl.exporting import export

    exported = export(
        args.path,
        args.to,
        best=args.best,
        out=args.out,
        name=args.name,
        opset=args.opset,
        verify_steps=args.verify_steps,
        verify_episodes=args.verify_episodes,
        force=args.force,
    )
    if args.json:
        print(json.dumps(exported.as_json(), indent=2))
    else:
        _print(exported)
    if not exported.is_right:
        print(
            "swimrl: error: a file does not do what the policy does; it is named .rejected", file=sys.stderr
        )
        raise SystemExit(1)


def _print(exported: Exported) -> None:
    environment, training = exported.metadata["environment"], exported.metadata["training"]
    print(f"{environment['id']}, the {training['policy']} policy after {training['steps']:,} steps")
    for file in exported.files:
        names = " ".join(path.name for path in file.paths)
        size = sum(path.stat().st_size for path in file.paths) / 1000
        print(f"  {file.format:<6} {names}  {size:,.0f} kB")
        for line in _about(file):
            print(f"         {line}")
    if exported.card is not None:
        print(f"  card   {exported.card.name}/")
        for note in exported.notes:
            print(f"         {note}")
    print(f"in {exported.folder}")


def _about(file: ExportedFile) -> list[str]:
    result = file.verification
    if result is None:
        return ["not compiled and not checked: this machine has no C compiler"]
    if not result.is_right:
        return [f"REJECTED: {result.reason}"]
    lines = [
        f"checked at {result.observations:,} observations",
        f"its actions differ by {result.largest_difference:.1e} at most; {result.allowed:.1e} is allowed",
        f"one action takes {result.median_us:.1f} us (99 %: {result.p99_us:.1f} us), called from Python",
    ]
    if file.closed_loop is not None:
        lines += _closed_loop(file.closed_loop)
    return [*lines, *file.notes]


def _closed_loop(played: ClosedLoop) -> list[str]:
    from swimrl.exporting.closed_loop import PARTED

    episodes = len(played.returns)
    interval = played.interval
    between = "" if interval is None else f" (95 % interval {interval.low:+.3g} to {interval.high:+.3g})"
    parted = [steps for steps in played.steps_alike if steps is not None]
    actions = f"its actions stayed within {PARTED:g} of the policy's in all of them"
    if parted:
        actions = (
            f"its actions differ from the policy's by {PARTED:g} after {min(parted):,} steps at the "
            f"earliest, in {len(parted)} of {episodes} episodes"
        )
    return [
        f"it earned {played.returns.mean():,.1f} by itself, mean of {episodes} episodes",
        f"minus the policy's returns ({played.compared_with}): {played.differences.mean():+.3g}{between}",
        actions,
    ]
