"""Figures of scores: intervals, probability of improvement, performance profiles, sensitivity."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from swimrl.colours import FAINT, PAPER
from swimrl.errors import UndeterminedError
from swimrl.reporting.figures.multiples import Block, Cell, multiples
from swimrl.reporting.figures.style import PAGE_WIDTH, Look, arms_of, look, looks, new_figure, panels
from swimrl.reporting.findings import MOST_TOGETHER, Analysis, Undetermined
from swimrl.reporting.sensitivity import Sensitivity
from swimrl.reporting.verdict import is_concluded
from swimrl.runs.scores import METRIC_TITLES
from swimrl.stats.aggregate import performance_profile
from swimrl.stats.interval import Interval
from swimrl.stats.normalised import normalised, resampled_normalised

_MOST_NUMBERS = 20
"""With more arms, the matrix of probabilities has colours without numbers, and rows are narrower."""


def intervals(analysis: Analysis, *, width: float = PAGE_WIDTH) -> Any:
    """Draw each arm's runs, mean and interval, the best mean first; the width is in inches."""
    kinds = looks(analysis)
    most = max(len(arms_of(analysis, env)) for env in analysis.tasks)
    height = 0.9 + (0.38 if most <= MOST_TOGETHER else 0.24) * most
    columns = 3 if width == PAGE_WIDTH else 1
    figure, axes = panels(analysis.tasks, height=height, columns=columns, width=width)
    generator = np.random.Generator(np.random.PCG64(0))
    for env, axis in axes.items():
        arms = sorted(arms_of(analysis, env), key=lambda arm: -float(arm.scores.mean()))
        dots = [
            (arm.scores, row + 0.24 + 0.1 * (generator.random(len(arm.scores)) - 0.5), kinds[arm.name].color)
            for row, arm in enumerate(arms)
        ]
        axis.scatter(
            np.concatenate([x for x, _, _ in dots]),
            np.concatenate([y for _, y, _ in dots]),
            c=[color for x, _, color in dots for _ in x],
            s=7,
            alpha=0.5,
            linewidths=0,
        )
        _bars(axis, [(arm.name, float(arm.scores.mean()), arm.mean) for arm in arms], kinds)
        axis.set(xlabel=METRIC_TITLES[analysis.metric], ylim=(len(arms) - 0.4, -0.6))
        axis.set_yticks(range(len(arms)), [f"{arm.name} (n = {len(arm.scores)})" for arm in arms])
        axis.grid(axis="x")
    return figure


def ranked(analysis: Analysis, rows: Sequence[tuple[str, Interval]], *, width: float = PAGE_WIDTH) -> Any:
    """Draw one number of each arm over all tasks, the best first; filled markers are established.

    Args:
        analysis: The analysis.
        rows: The arms with their numbers.
        width: In inches.
    """
    kinds = looks(analysis)
    concluded = {one.arm for one in analysis.comparisons if one.env is None and is_concluded(one, analysis)}
    figure = new_figure(width, 0.9 + (0.26 if len(rows) <= _MOST_NUMBERS else 0.17) * len(rows))
    axis = figure.subplots()
    hollow = {name for name, _ in rows} - concluded - {analysis.baseline}
    _bars(axis, [(name, interval.estimate, interval) for name, interval in rows], kinds, hollow)
    for row, (_, interval) in enumerate(rows):
        axis.annotate(
            f"{interval.estimate:.2f}",
            (1.0, row),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axis.axvline(1, color=FAINT, linestyle=":", zorder=0)
    axis.set(xlabel="normalised score, interquartile mean", ylim=(len(rows) - 0.4, -0.6))
    axis.set_yticks(range(len(rows)), [name for name, _ in rows])
    axis.grid(axis="x")
    return figure


def _bars(
    axis: Any,
    rows: Sequence[tuple[str, float, Interval | Undetermined]],
    kinds: Mapping[str, Look],
    hollow: Collection[str] = (),
) -> None:
    """Draw an interval and a marker in each row, all rows with one marker at once."""
    known = [
        (row, interval.low, interval.high, kinds[name].color)
        for row, (name, _, interval) in enumerate(rows)
        if isinstance(interval, Interval)
    ]
    if known:
        places, lows, highs, colors = zip(*known, strict=True)
        axis.hlines(places, lows, highs, colors=colors, linewidth=2)
    for marker in {kinds[name].marker for name, _, _ in rows}:
        of_marker = [
            (value, row, kinds[name].color, PAPER if name in hollow else kinds[name].color)
            for row, (name, value, _) in enumerate(rows)
            if kinds[name].marker == marker
        ]
        x, y, edges, faces = zip(*of_marker, strict=True)
        axis.scatter(x, y, c=faces, edgecolors=edges, marker=marker, s=38, zorder=3, linewidths=1.2)


def improvement(analysis: Analysis) -> Any:
    """Draw the probability that a run of the row scores above one of the column, over all tasks of both."""
    names = analysis.names
    matrix = _improvements(analysis)
    longest = max(map(len, names))
    size = 0.9 + 0.075 * longest + (0.62 if len(names) <= _MOST_NUMBERS else 0.16) * len(names)
    figure = new_figure(size + 0.4, size)
    axis = figure.subplots()
    image = axis.imshow(matrix, vmin=0, vmax=1, cmap="PuOr")
    for i, j in np.argwhere(np.isfinite(matrix)) if len(names) <= _MOST_NUMBERS else ():
        ink = "#ffffff" if abs(matrix[i, j] - 0.5) > 0.35 else "#000000"
        axis.text(j, i, f"{matrix[i, j]:.2f}", ha="center", va="center", color=ink)
    axis.set_xticks(range(len(names)), names, rotation=40, ha="right")
    axis.set_yticks(range(len(names)), names)
    axis.set_title("P(row scores above column)")
    if len(names) > _MOST_NUMBERS:
        axis.tick_params(labelsize=6)
        axis.tick_params(axis="x", labelrotation=90)
        figure.colorbar(image, shrink=0.3)
    for spine in axis.spines.values():
        spine.set_visible(False)
    return figure


def _improvements(analysis: Analysis) -> np.ndarray:
    """Return the probability that a run of each arm scores above one of each other arm, [A, A]."""
    names = analysis.names
    total, count = np.zeros((len(names), len(names))), np.zeros((len(names), len(names)))
    for env in analysis.tasks:
        arms = [(place, arm) for place, name in enumerate(names) if (arm := analysis.arm(env, name))]
        scores = np.concatenate([arm.scores for _, arm in arms])
        sizes = np.array([len(arm.scores) for _, arm in arms])
        starts = np.cumsum(sizes) - sizes
        wins = (scores[:, None] > scores) + 0.5 * (scores[:, None] == scores)
        wins = np.add.reduceat(np.add.reduceat(wins, starts, axis=0), starts, axis=1)
        places = np.ix_([place for place, _ in arms], [place for place, _ in arms])
        total[places] += wins / np.outer(sizes, sizes)
        count[places] += 1
    np.fill_diagonal(count, 0)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def profile(analysis: Analysis) -> Any:
    """Draw the share of runs above each score: each task's, and all tasks' on the normalised scale."""
    kinds = looks(analysis)
    pooled = "all tasks, normalised"
    with_pooled = len(analysis.tasks) > 1 and _can_pool(analysis)
    if len(analysis.names) > MOST_TOGETHER:
        if with_pooled:
            blocks = [
                Block(f"all tasks, normalised (1 is {analysis.baseline})", _pooled_cells(analysis), False)
            ]
        else:
            blocks = [_profile_block(analysis, env) for env in analysis.tasks]
        return multiples(blocks, kinds, analysis.baseline)
    figure, axes = panels([*analysis.tasks, *([pooled] if with_pooled else [])], height=2.6)
    for env in analysis.tasks:
        axis, arms = axes[env], arms_of(analysis, env)
        levels = _levels(np.concatenate([arm.scores for arm in arms]))
        for arm in arms:
            share = performance_profile({env: arm.scores}, levels)
            axis.step(levels, share, **kinds[arm.name].curve, where="post", label=arm.name)
        axis.set_xlabel(METRIC_TITLES[analysis.metric])
    if with_pooled:
        _pooled_profile(axes[pooled], analysis)
    for axis in axes.values():
        axis.set(ylabel="share of runs above", ylim=(0, 1.02))
        axis.legend()
    return figure


def _can_pool(analysis: Analysis) -> bool:
    ones = analysis.scores(analysis.baseline)
    try:
        normalised(ones, ones, analysis.zero)
    except UndeterminedError:
        return False
    return True


def _profile_block(analysis: Analysis, env: str) -> Block:
    arms = arms_of(analysis, env)
    levels = _levels(np.concatenate([arm.scores for arm in arms]))
    cells = [Cell(arm.name, levels, performance_profile({env: arm.scores}, levels)) for arm in arms]
    return Block(f"{env}, {METRIC_TITLES[analysis.metric]}", cells, has_steps=False)


def _pooled_profile(axis: Any, analysis: Analysis) -> None:
    kinds = looks(analysis)
    for cell in _pooled_cells(analysis):
        kind = kinds[cell.arm]
        axis.step(cell.x, cell.y, **kind.curve, where="post", label=cell.arm)
        if cell.band is not None:
            axis.fill_between(cell.x, *cell.band, color=kind.color, alpha=0.12, linewidth=0, step="post")
    axis.set_xlabel(f"normalised score (0 random policy, 1 {analysis.baseline})")


def _pooled_cells(analysis: Analysis) -> list[Cell]:
    """Return the profile of each arm that has every task of the baseline, over all tasks."""
    ones = analysis.scores(analysis.baseline)
    of_arms = {}
    for name in analysis.names:
        scores = analysis.scores(name)
        if scores.keys() == ones.keys():
            of_arms[name] = ones if name == analysis.baseline else scores
    shown = {name: normalised(scores, ones, analysis.zero) for name, scores in of_arms.items()}
    levels = _levels(np.concatenate([x for scores in shown.values() for x in scores.values()]))
    return [
        Cell(name, levels, performance_profile(shown[name], levels), _profile_band(analysis, scores, levels))
        for name, scores in of_arms.items()
    ]


def _profile_band(
    analysis: Analysis, scores: Mapping[str, np.ndarray], levels: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    ones = analysis.scores(analysis.baseline)
    try:
        drawn = resampled_normalised(scores, ones, analysis.zero, seed=analysis.seed, resamples=1000)
    except UndeterminedError:
        return None
    low, high = np.quantile(performance_profile(drawn, levels), [0.025, 0.975], axis=0)
    return low, high


def _levels(scores: np.ndarray) -> np.ndarray:
    margin = 0.05 * (np.ptp(scores) or 1.0)
    return np.linspace(scores.min() - margin, scores.max() + margin, 400)


def sensitivity(analysis: Analysis, of_tasks: Sequence[Sensitivity]) -> Any:
    """Draw the score against a setting, a line for each activation; the common default is marked."""
    figure, axes = panels([one.env for one in of_tasks])
    for one in of_tasks:
        axis = axes[one.env]
        for place, (name, points) in enumerate(one.lines.items()):
            kind = look(name, place)
            x = [point.value for point in points]
            axis.plot(
                x,
                [p.arm.scores.mean() for p in points],
                **kind.curve,
                marker=kind.marker,
                markersize=5,
                label=name,
            )
            for point in points:
                if isinstance(point.arm.mean, Interval):
                    ends = [point.arm.mean.low, point.arm.mean.high]
                    axis.plot([point.value] * 2, ends, color=kind.color, linewidth=1, alpha=0.7)
        if one.default is not None:
            axis.axvline(one.default, color=FAINT, linestyle=":", label=f"default {one.default:g}")
        if one.is_logarithmic:
            axis.set_xscale("log")
        axis.set(xlabel=one.key, ylabel=METRIC_TITLES[analysis.metric])
        axis.legend()
    return figure
