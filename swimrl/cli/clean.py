"""Delete the checkpoints of finished runs, which only a larger --steps would need.

examples:
  swimrl clean runs/swim-paper --dry-run
  swimrl clean runs/swim-paper
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import tyro

from swimrl.errors import DamagedFileError, InputError, RunExistsError


@dataclass(frozen=True)
class Args:
    """The study to clean."""

    path: tyro.conf.Positional[Path]
    """The folder of a study, such as runs/default."""

    dry_run: bool = False
    """Print what would be deleted, and delete nothing."""


def run(args: Args) -> None:
    """Delete the checkpoints, and print how much disk that frees."""
    from swimrl.runs.directory import RunDirectory
    from swimrl.runs.record import read_record
    from swimrl.sweeps.status import runs_in

    runs = runs_in(args.path)
    if not runs:
        raise InputError(f"{args.path} holds no runs; name the folder of a study, such as runs/default")
    cleaned, freed, kept = 0, 0, 0
    for path in runs:
        directory = RunDirectory(path)
        try:
            with directory.at_work():
                is_done = read_record(directory.record_file).status == "done"
                if is_done and directory.checkpoint_folder.exists():
                    freed += _size(directory.checkpoint_folder)
                    cleaned += 1
                    if not args.dry_run:
                        shutil.rmtree(directory.checkpoint_folder)
                kept += not is_done
        except (RunExistsError, DamagedFileError):
            kept += 1
    deleted = "would delete" if args.dry_run else "deleted"
    print(f"{deleted} the checkpoints of {cleaned} finished run{'s' * (cleaned != 1)}: {freed / 1e6:,.1f} MB")
    if kept:
        print(f"kept those of runs that are not finished: {kept}")


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
