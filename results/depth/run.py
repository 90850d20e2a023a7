"""Tests and tables of the depth study, as configs/studies/depth.yaml declares them.

    swimrl sweep --config configs/studies/depth.yaml
    python results/depth/run.py publish runs/depth results/depth

FOLDER gets tables.md, scores.csv (the score of each run), diagnostics.csv (the diagnostics of each run at the
end of training) and returns.png. Runs that are not finished are left out, and the tables then say INTERIM.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

import swimrl
from swimrl.errors import UndeterminedError
from swimrl.reporting import Report
from swimrl.reporting.figures.style import look, new_figure
from swimrl.reporting.findings import Analysis
from swimrl.stats.comparison import holm
from swimrl.stats.contrast import Contrast, contrast
from swimrl.stats.interval import LEVEL, mean_student
from swimrl.sweeps.config import SweepConfig
from swimrl.sweeps.study_file import read_study

DECLARATION = Path(__file__).parents[2] / "configs" / "studies" / "depth.yaml"
BASELINE = "relu"
END_STEPS = 25_000
"""Diagnostics are means over so many last steps, over which the score is a mean too."""


class Arm(NamedTuple):
    """An activation in networks of one depth."""

    activation: str
    layers: int
    has_layer_norm: bool

    @property
    def norm(self) -> str:
        """Whether there is layer norm, in words."""
        return "with" if self.has_layer_norm else "without"


@dataclass(frozen=True)
class Row:
    """One declared test."""

    activation: str
    norm: str
    contrast: Contrast | None
    """None where an arm has too few runs."""

    adjusted: float | None = None
    """The p-value after Holm's correction over the tests of its question."""

    @property
    def is_better(self) -> bool:
        """Whether the declared finding is established."""
        return self.contrast is not None and self.contrast.estimate > 0 and (self.adjusted or 1) <= 1 - LEVEL


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True, dest="command")
    command = commands.add_parser("publish", help="write the tests and the tables of what is finished")
    command.add_argument("study", type=Path)
    command.add_argument("folder", type=Path)
    arguments = parser.parse_args()
    publish(arguments.study, arguments.folder)


def publish(study: Path, folder: Path) -> None:
    """Write the tables, the scores, the diagnostics and the figure."""
    declared = read_study(DECLARATION)
    report = swimrl.report(study, by="act,net,td3.layer_norm", steps=steps_of(study))
    scores = scores_of(report.analysis)
    ends = diagnostics_at_the_end(report)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tables.md").write_text(tables(scores, ends, declared, steps_of(study)), encoding="utf-8")
    write_csv(
        folder / "scores.csv",
        ("activation", "layers", "layer_norm", "seed", "score"),
        ((*arm, seed, repr(score)) for arm, of in scores.items() for seed, score in of.items()),
    )
    write_csv(
        folder / "diagnostics.csv",
        ("activation", "layers", "layer_norm", "diagnostic", "value"),
        (
            (*arm, title, f"{value:.6g}")
            for title, arms in ends.items()
            for arm, of in arms.items()
            for value in of
        ),
    )
    draw(scores, folder / "returns.png")


def steps_of(study: Path) -> int:
    """Return the environment steps of the study's runs."""
    return max(run.steps for run in swimrl.open_study(study).status())


def arm_of(values: Sequence[object]) -> Arm:
    """Return the arm that has these values of act, net and td3.layer_norm."""
    activation, net, has_layer_norm = values
    return Arm(str(activation), len(str(net).split("x")), bool(has_layer_norm))


def scores_of(analysis: Analysis) -> dict[Arm, dict[int, float]]:
    """Return the score of each run that is finished, by arm and seed; a diverged run is finished too."""
    return {
        arm_of(arm.values): {
            run.seed: arm.by_seed[run.seed] for run in arm.runs if run.status == "done" or run.has_diverged
        }
        for arm in analysis.arms
    }


def diagnostics_at_the_end(report: Report) -> dict[str, dict[Arm, np.ndarray]]:
    """Return, by diagnostic and arm, the mean of each run over the last steps, [N]."""
    arms = {arm.name: arm_of(arm.values) for arm in report.analysis.arms}
    return {
        panel.title: {
            arms[name]: np.nanmean(values[:, steps > steps[-1] - END_STEPS], axis=1)
            for name, (steps, values) in panel.lines.items()
        }
        for group in report.contents.inside
        if group.key == "diagnostics"
        for panel in group.panels
    }


# ------------------------------------------------------------------------------------------------ tests


def lead(scores: Mapping[Arm, Mapping[int, float]], activation: str, norm: bool, layers: int) -> Row:
    """Return an activation's mean minus that of relu at one depth."""
    return tested(scores, [Arm(activation, layers, norm), Arm(BASELINE, layers, norm)], [1, -1])


def growth(
    scores: Mapping[Arm, Mapping[int, float]], activation: str, norm: bool, deep: int, shallow: int
) -> Row:
    """Return an activation's lead in deep networks minus its lead in shallow ones."""
    arms = [Arm(name, layers, norm) for layers in (deep, shallow) for name in (activation, BASELINE)]
    return tested(scores, arms, [1, -1, -1, 1])


def tested(scores: Mapping[Arm, Mapping[int, float]], arms: Sequence[Arm], weights: Sequence[float]) -> Row:
    """Return the contrast of these arms; undetermined if one of them has too few runs."""
    try:
        of = contrast([np.array([*scores.get(arm, {}).values()]) for arm in arms], weights)
    except UndeterminedError:
        of = None
    return Row(arms[0].activation, arms[0].norm, of)


def corrected(rows: Sequence[Row]) -> list[Row]:
    """Return the tests of one question with Holm's correction; a test without a result counts with p = 1."""
    p_values = {
        str(place): 1.0 if row.contrast is None else row.contrast.p_value for place, row in enumerate(rows)
    }
    adjusted = holm(p_values)
    return [
        Row(row.activation, row.norm, row.contrast, adjusted[str(place)]) for place, row in enumerate(rows)
    ]


# ------------------------------------------------------------------------------------------------ tables


def tables(
    scores: Mapping[Arm, Mapping[int, float]],
    ends: Mapping[str, Mapping[Arm, np.ndarray]],
    declared: SweepConfig,
    steps: int,
) -> str:
    """Return tables.md."""
    planned = [
        Arm(act, len(net.split("x")), norm)
        for norm in declared.axes["td3.layer_norm"]
        for net in declared.axes["net"]
        for act in declared.axes["act"]
    ]
    depths = sorted({arm.layers for arm in planned})
    others = [act for act in declared.axes["act"] if act != BASELINE]
    pairs = [(act, norm) for norm in (False, True) for act in others]
    leads = corrected([lead(scores, act, norm, depths[-1]) for act, norm in pairs])
    growths = corrected([growth(scores, act, norm, depths[-1], depths[0]) for act, norm in pairs])
    missing = sum(len({*declared.seeds} - {*scores.get(arm, {})}) for arm in planned)
    why_interim = interim(missing, len(planned) * len(declared.seeds), steps, declared.base.steps)
    return "\n".join(
        [
            *why_interim,
            f"**Lead at {depths[-1]} layers**: the mean score minus that of {BASELINE}.",
            "",
            *test_table(leads, is_final=not why_interim),
            "",
            f"**Growth of the lead**: the lead at {depths[-1]} layers minus the lead at {depths[0]}.",
            "",
            *test_table(growths, is_final=not why_interim),
            "",
            "**Scores**: mean of the last 10 evaluations with its 95 % interval (Student's t).",
            "",
            *score_table(scores, planned, depths),
            "",
            f"**Diagnostics** at the end of training: means over runs and over the last {END_STEPS:,} steps.",
            "",
            *diagnostic_table(ends, planned),
            "",
        ]
    )


def interim(missing: int, planned: int, steps: int, declared_steps: int) -> list[str]:
    """Return the line that says what is missing; nothing if the study is complete."""
    reasons = [f"{missing} of {planned} runs are missing"] if missing else []
    if steps != declared_steps:
        reasons.append(f"the runs have {steps:,} steps, and {declared_steps:,} were declared")
    return [f"**INTERIM**: {'; '.join(reasons)}. Nothing is established yet.", ""] if reasons else []


def test_table(rows: Iterable[Row], *, is_final: bool) -> list[str]:
    """Return the table of the tests of one question."""
    lines = [
        "| activation | layer norm | difference | 95 % interval | freedom | p | p (Holm) | established |",
        "|---|---|---:|---|---:|---:|---:|---|",
    ]
    for row in rows:
        of = row.contrast
        if of is None or row.adjusted is None:
            lines.append(f"| {row.activation} | {row.norm} | too few runs | | | | | |")
            continue
        half = of.half_width(LEVEL)
        is_established = ("yes" if row.is_better else "no") if is_final else "interim"
        lines.append(
            f"| {row.activation} | {row.norm} | {of.estimate:+,.0f} | [{of.estimate - half:+,.0f}, "
            f"{of.estimate + half:+,.0f}] | {of.degrees_of_freedom:.1f} | {of.p_value:.4f} | "
            f"{row.adjusted:.4f} | {is_established} |"
        )
    return lines


def score_table(
    scores: Mapping[Arm, Mapping[int, float]], planned: Sequence[Arm], depths: Sequence[int]
) -> list[str]:
    """Return the table of scores, one column for each depth."""
    lines = [
        f"| activation | layer norm | {' | '.join(f'{depth} layers' for depth in depths)} |",
        f"|---|---|{'---|' * len(depths)}",
    ]
    for first in (arm for arm in planned if arm.layers == depths[0]):
        cells = [mean_text(scores.get(first._replace(layers=depth), {})) for depth in depths]
        lines.append(f"| {first.activation} | {first.norm} | {' | '.join(cells)} |")
    return lines


def mean_text(of: Mapping[int, float]) -> str:
    """Return a mean with its interval and the number of runs."""
    runs = np.array([*of.values()])
    if len(runs) < 2:
        return f"{runs[0]:,.0f} (n = 1)" if len(runs) else "no run"
    interval = mean_student(runs)
    return f"{interval.estimate:,.0f} [{interval.low:,.0f}, {interval.high:,.0f}] (n = {len(runs)})"


def diagnostic_table(ends: Mapping[str, Mapping[Arm, np.ndarray]], planned: Sequence[Arm]) -> list[str]:
    """Return the table of diagnostics, one row for each arm."""
    lines = [
        f"| activation | layers | layer norm | {' | '.join(ends)} |",
        f"|---|---:|---|{'---:|' * len(ends)}",
    ]
    for arm in planned:
        cells = [f"{of[arm].mean():.3g}" if arm in of else "" for of in ends.values()]
        lines.append(f"| {arm.activation} | {arm.layers} | {arm.norm} | {' | '.join(cells)} |")
    return lines


# ------------------------------------------------------------------------------------------------ files


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def draw(scores: Mapping[Arm, Mapping[int, float]], path: Path) -> None:
    """Draw the scores against the depth: every run, and the means."""
    figure = new_figure(9, 3.6)
    axes = figure.subplots(1, 2, sharey=True)
    activations = list(dict.fromkeys(arm.activation for arm in scores))
    for axis, norm in zip(axes, (False, True), strict=True):
        for place, activation in enumerate(activations):
            of = {
                arm.layers: scores[arm]
                for arm in scores
                if arm.activation == activation and arm.has_layer_norm == norm
            }
            depths = sorted(of)
            style = look(activation, place)
            for depth in depths:
                values = [*of[depth].values()]
                axis.scatter(
                    [depth + 0.08 * (place - 1)] * len(values), values, s=8, color=style.color, alpha=0.5
                )
            axis.plot(
                depths,
                [np.mean([*of[depth].values()]) for depth in depths],
                marker=style.marker,
                label=activation,
                **style.curve,
            )
        axis.set_xticks(sorted({arm.layers for arm in scores}))
        axis.set(title=f"{'with' if norm else 'without'} layer norm", xlabel="hidden layers")
    axes[0].set_ylabel("mean of the last 10 evaluations")
    axes[0].legend(frameon=False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
