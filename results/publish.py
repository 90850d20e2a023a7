"""Copy the small records of runs into a result's folder, with a table and a figure of their learning curves.

    python results/publish.py FOLDER RUNS... --by engine.name --title "..."

FOLDER gets records/<env>/<label>/seed-N/{run.json,evaluations.csv,final.csv}, scores.csv and curves.png.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl
import numpy as np

mpl.use("agg")
import matplotlib.pyplot as plt

from swimrl.colours import CATEGORIES
from swimrl.runs.directory import read_evaluations

RECORDS = ("run.json", "evaluations.csv", "final.csv")


def main() -> None:
    """Read the command line and publish."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("runs", type=Path, nargs="+", help="run directories")
    parser.add_argument("--by", default="config.act", help="key of run.json that tells the arms apart")
    parser.add_argument("--title", default="")
    parser.add_argument(
        "--series", nargs="*", default=(), help="series of diagnostics.csv to keep, by how they begin"
    )
    arguments = parser.parse_args()

    arms: dict[tuple[str, str], list[Path]] = defaultdict(list)
    for run in sorted(arguments.runs):
        record = json.loads((run / "run.json").read_text())
        label = record
        for key in arguments.by.split("."):
            label = label[key]
        kept = arguments.folder / "records" / record["config"]["env"] / str(label) / run.name
        kept.mkdir(parents=True, exist_ok=True)
        for name in RECORDS:
            shutil.copy(run / name, kept / name)
        if arguments.series:
            _thin(run / "diagnostics.csv", kept / "diagnostics.csv", tuple(arguments.series))
        arms[record["config"]["env"], str(label)].append(kept)

    _write_scores(arguments.folder / "scores.csv", arms)
    _draw(arguments.folder / "curves.png", arms, arguments.title)


def _thin(source: Path, target: Path, beginnings: tuple[str, ...]) -> None:
    """Copy the series of a diagnostics.csv whose names begin so."""
    header, *rows = source.read_text().splitlines(keepends=True)
    target.write_text(header + "".join(row for row in rows if row.split(",")[1].startswith(beginnings)))


def _write_scores(path: Path, arms: dict[tuple[str, str], list[Path]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            ["env", "arm", "seed", "last_evaluation", "last10", "per_seed_max", "final100", "seconds"]
        )
        for (env, label), runs in sorted(arms.items()):
            for run in runs:
                record = json.loads((run / "run.json").read_text())
                _, returns, _ = read_evaluations(run / "evaluations.csv")
                scores = record["metrics"]
                values = [returns[-1].mean(), *(scores[n] for n in ("last10", "per_seed_max", "final100"))]
                seconds = record["wall_clock_s"]["total"]
                writer.writerow(
                    [env, label, record["config"]["seed"], *(f"{v:.1f}" for v in values), f"{seconds:.0f}"]
                )


def _draw(path: Path, arms: dict[tuple[str, str], list[Path]], title: str) -> None:
    environments = sorted({env for env, _ in arms})
    labels = sorted({label for _, label in arms})
    figure, axes = plt.subplots(
        1, len(environments), figsize=(5.5 * len(environments), 4), squeeze=False, layout="constrained"
    )
    for axis, env in zip(axes[0], environments, strict=True):
        for label, colour in zip(labels, CATEGORIES, strict=False):
            curves = [read_evaluations(run / "evaluations.csv") for run in arms.get((env, label), [])]
            if not curves:
                continue
            steps = curves[0][0]
            means = np.array([returns.mean(axis=1) for _, returns, _ in curves])
            axis.plot(steps, means.T, color=colour, alpha=0.35, linewidth=1)
            axis.plot(
                steps, means.mean(axis=0), color=colour, linewidth=2.2, label=f"{label}, {len(curves)} seeds"
            )
        axis.set(title=env, xlabel="environment steps", ylabel="mean return of 10 episodes")
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False)
    figure.suptitle(title)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
