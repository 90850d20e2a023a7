"""The figures of a report, ready for a paper, in colours that everybody can tell apart.

An activation has the same colour everywhere. Where two share one, and in grey, line styles and markers
differ.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from swimrl.errors import InputError
from swimrl.report.analysis import Analysis, Arm, Undetermined, mean_curve
from swimrl.stats.aggregate import performance_profile
from swimrl.stats.interval import Interval

FORMATS = ("svg", "png", "pdf")

# Okabe & Ito 2008, from dark to light so that they differ in grey too.
_PALETTE = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_KNOWN = {"relu": 0, "swim": 1, "swish": 2, "ulu": 3, "mish": 4, "gelu": 5, "tanh": 6}
_LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
_MARKERS = "osD^vPX*"

METRIC_TITLES = {
    "last10": "mean return of the last 10 evaluations",
    "final100": "mean return of 100 fresh episodes",
    "per_seed_max": "best evaluation of each run (optimistic)",
    "auc": "mean height of the learning curve",
}


def draw(analysis: Analysis, folder: Path, formats: Sequence[str] = FORMATS) -> dict[str, Path]:
    """Draw every figure that the analysis gives into ``folder``; it is made.

    Returns:
        Name of the figure -> its file in the first format.

    Raises:
        InputError: If matplotlib is not installed.
    """
    try:
        import matplotlib as mpl

        mpl.use("agg")
        from matplotlib import pyplot
    except ImportError as error:
        raise InputError("figures need matplotlib; install it with: pip install 'swimrl[report]'") from error
    folder.mkdir(parents=True, exist_ok=True)
    style: dict[Any, Any] = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    style |= {"legend.frameon": False, "svg.hashsalt": "swimrl", "svg.fonttype": "path"}
    drawings: dict[str, Callable[[Any, Analysis], Any]] = {
        "learning-curves": _learning_curves,
        "intervals": _intervals,
    }
    if any(c.env is not None for c in analysis.comparisons):
        drawings["probability-of-improvement"] = _improvement
        drawings["performance-profile"] = _profile
    files: dict[str, Path] = {}
    # The same file for the same data: no date, and ids that do not change.
    with pyplot.rc_context(style):
        for name, drawing in drawings.items():
            figure = drawing(pyplot, analysis)
            for kind in formats:
                path = folder / f"{name}.{kind}"
                metadata = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
                figure.savefig(path, dpi=150, metadata=metadata)
                files.setdefault(name, path)
            pyplot.close(figure)
    return files


def look(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return colour, line style and marker of each arm."""
    return {
        name: {
            "color": _PALETTE[_KNOWN.get(base, zlib.crc32(base.encode()) % len(_PALETTE))],
            "linestyle": _LINES[position % len(_LINES)],
            "marker": _MARKERS[position % len(_MARKERS)],
        }
        for position, name in enumerate(names)
        for base in (name.partition("(")[0].partition(",")[0].strip(),)
    }


def _panels(pyplot: Any, tasks: Sequence[str], height: float = 3.0) -> tuple[Any, Mapping[str, Any]]:
    columns = min(3, len(tasks))
    rows = -(-len(tasks) // columns)
    size = (max(4.2 * columns, 5.2), height * rows)
    figure, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axis in axes.flat[len(tasks) :]:
        axis.set_visible(False)
    return figure, dict(zip(tasks, axes.flat, strict=False))


def _arms(analysis: Analysis, env: str) -> list[Arm]:
    found = (analysis.arm(env, name) for name in analysis.names)
    return [arm for arm in found if arm is not None]


def _learning_curves(pyplot: Any, analysis: Analysis) -> Any:
    looks = look(analysis.names)
    figure, axes = _panels(pyplot, analysis.tasks)
    for env, axis in axes.items():
        for arm in _arms(analysis, env):
            kind = looks[arm.name]
            for run in arm.runs:
                inside = run.steps <= analysis.until[env]
                axis.plot(
                    run.steps[inside], run.returns[inside], color=kind["color"], alpha=0.25, linewidth=0.6
                )
            steps, mean, band = mean_curve(arm, analysis.until[env])
            axis.plot(
                steps,
                mean,
                color=kind["color"],
                linestyle=kind["linestyle"],
                linewidth=1.8,
                label=f"{arm.name} (n = {len(arm.runs)})",
            )
            if band is not None:
                axis.fill_between(steps, *band, color=kind["color"], alpha=0.12, linewidth=0)
        axis.set(title=env, xlabel="environment steps", ylabel="mean return of an evaluation")
        axis.xaxis.set_major_formatter(_thousands)
        axis.legend(fontsize=8)
    return figure


def _thousands(value: float, _: object) -> str:
    return f"{value / 1e6:g}M" if abs(value) >= 1e6 else f"{value / 1e3:g}k" if value else "0"


def _intervals(pyplot: Any, analysis: Analysis) -> Any:
    looks = look(analysis.names)
    most = max(len(_arms(analysis, env)) for env in analysis.tasks)
    figure, axes = _panels(pyplot, analysis.tasks, height=0.9 + 0.38 * most)
    generator = np.random.Generator(np.random.PCG64(0))
    for env, axis in axes.items():
        arms = _arms(analysis, env)
        for row, arm in enumerate(arms):
            kind = looks[arm.name]
            jitter = row + 0.18 * (generator.random(len(arm.scores)) - 0.5)
            axis.plot(arm.scores, jitter, ".", color=kind["color"], alpha=0.45, markersize=5)
            if isinstance(arm.mean, Interval):
                axis.plot([arm.mean.low, arm.mean.high], [row, row], color=kind["color"], linewidth=2)
            axis.plot(arm.scores.mean(), row, kind["marker"], color=kind["color"], markersize=7)
        axis.set(title=env, xlabel=METRIC_TITLES[analysis.metric], ylim=(len(arms) - 0.5, -0.5))
        axis.set_yticks(range(len(arms)), [arm.name for arm in arms])
        axis.grid(axis="x", alpha=0.3)
    return figure


def _improvement(pyplot: Any, analysis: Analysis) -> Any:
    """Draw the probability that a run of the row scores above one of the column, over all tasks of both."""
    from swimrl.stats.aggregate import probability_of_improvement, tasks_of

    names = analysis.names
    scores = {name: {a.env: a.scores for a in analysis.arms if a.name == name} for name in names}
    matrix = np.full((len(names), len(names)), np.nan)
    for i, one in enumerate(names):
        for j, other in enumerate(names):
            tasks = tasks_of([scores[one], scores[other]])
            if i != j and tasks:
                matrix[i, j] = probability_of_improvement(
                    {t: scores[one][t] for t in tasks}, {t: scores[other][t] for t in tasks}
                )
    size = 1.6 + 0.62 * len(names)
    figure, axis = pyplot.subplots(figsize=(size + 0.8, size), layout="constrained")
    axis.imshow(matrix, vmin=0, vmax=1, cmap="PuOr_r")
    for i, j in np.argwhere(np.isfinite(matrix)):
        ink = "white" if abs(matrix[i, j] - 0.5) > 0.35 else "black"
        axis.text(j, i, f"{matrix[i, j]:.2f}", ha="center", va="center", color=ink)
    axis.set_xticks(range(len(names)), names, rotation=40, ha="right")
    axis.set_yticks(range(len(names)), names)
    axis.set(title="P(row scores above column)")
    for spine in axis.spines.values():
        spine.set_visible(False)
    return figure


def _profile(pyplot: Any, analysis: Analysis) -> Any:
    looks = look(analysis.names)
    figure, axes = _panels(pyplot, analysis.tasks, height=2.6)
    for env, axis in axes.items():
        arms = _arms(analysis, env)
        everything = np.concatenate([arm.scores for arm in arms])
        margin = 0.05 * (np.ptp(everything) or 1.0)
        levels = np.linspace(everything.min() - margin, everything.max() + margin, 400)
        for arm in arms:
            kind = looks[arm.name]
            share = performance_profile({env: arm.scores}, levels)
            axis.step(levels, share, color=kind["color"], linestyle=kind["linestyle"], label=arm.name)
        axis.set(
            title=env, xlabel=METRIC_TITLES[analysis.metric], ylabel="share of runs above", ylim=(0, 1.02)
        )
        axis.legend(fontsize=8)
    return figure


def shown(value: float | Undetermined, digits: int = 1) -> str:
    """Return a number as text, or that it is undetermined."""
    return "undetermined" if isinstance(value, Undetermined) else f"{value:,.{digits}f}"
