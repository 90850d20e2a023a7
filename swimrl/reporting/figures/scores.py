"""Figures of scores: intervals, probability of improvement, performance profiles, sensitivity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from swimrl.colours import FAINT
from swimrl.errors import UndeterminedError
from swimrl.reporting.figures.style import arms_of, look, looks, new_figure, panels
from swimrl.reporting.findings import Analysis
from swimrl.reporting.sensitivity import Sensitivity
from swimrl.runs.scores import METRIC_TITLES
from swimrl.stats.aggregate import performance_profile, probability_of_improvement, tasks_of
from swimrl.stats.interval import Interval
from swimrl.stats.normalised import normalised, resampled_normalised


def intervals(analysis: Analysis) -> Any:
    """Draw each arm's runs, mean and interval."""
    kinds = looks(analysis)
    most = max(len(arms_of(analysis, env)) for env in analysis.tasks)
    figure, axes = panels(analysis.tasks, height=0.9 + 0.38 * most)
    generator = np.random.Generator(np.random.PCG64(0))
    for env, axis in axes.items():
        arms = arms_of(analysis, env)
        for row, arm in enumerate(arms):
            kind = kinds[arm.name]
            jitter = row + 0.24 + 0.1 * (generator.random(len(arm.scores)) - 0.5)
            axis.plot(arm.scores, jitter, ".", color=kind.color, alpha=0.5, markersize=5, markeredgewidth=0)
            if isinstance(arm.mean, Interval):
                axis.plot([arm.mean.low, arm.mean.high], [row, row], color=kind.color, linewidth=2)
            axis.plot(arm.scores.mean(), row, kind.marker, color=kind.color, markersize=6)
        axis.set(xlabel=METRIC_TITLES[analysis.metric], ylim=(len(arms) - 0.4, -0.6))
        axis.set_yticks(range(len(arms)), [f"{arm.name} (n = {len(arm.scores)})" for arm in arms])
        axis.grid(axis="x")
    return figure


def improvement(analysis: Analysis) -> Any:
    """Draw the probability that a run of the row scores above one of the column, over all tasks of both."""
    names = analysis.names
    matrix = np.full((len(names), len(names)), np.nan)
    for i, one in enumerate(names):
        for j, other in enumerate(names):
            x, y = analysis.scores(one), analysis.scores(other)
            tasks = tasks_of([x, y])
            if i != j and tasks:
                matrix[i, j] = probability_of_improvement({t: x[t] for t in tasks}, {t: y[t] for t in tasks})
    longest = max(map(len, names))
    size = 0.9 + 0.075 * longest + 0.62 * len(names)
    figure = new_figure(size + 0.4, size)
    axis = figure.subplots()
    axis.imshow(matrix, vmin=0, vmax=1, cmap="PuOr")
    for i, j in np.argwhere(np.isfinite(matrix)):
        ink = "#ffffff" if abs(matrix[i, j] - 0.5) > 0.35 else "#000000"
        axis.text(j, i, f"{matrix[i, j]:.2f}", ha="center", va="center", color=ink)
    axis.set_xticks(range(len(names)), names, rotation=40, ha="right")
    axis.set_yticks(range(len(names)), names)
    axis.set_title("P(row scores above column)")
    for spine in axis.spines.values():
        spine.set_visible(False)
    return figure


def profile(analysis: Analysis) -> Any:
    """Draw the share of runs above each score: each task's, and all tasks' on the normalised scale."""
    kinds = looks(analysis)
    pooled = "all tasks, normalised"
    with_pooled = len(analysis.tasks) > 1 and _can_pool(analysis)
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


def _pooled_profile(axis: Any, analysis: Analysis) -> None:
    kinds, ones = looks(analysis), analysis.scores(analysis.baseline)
    of_arms = {}
    for name in analysis.names:
        scores = analysis.scores(name)
        if scores.keys() == ones.keys():
            of_arms[name] = ones if name == analysis.baseline else scores
    shown = {name: normalised(scores, ones, analysis.zero) for name, scores in of_arms.items()}
    levels = _levels(np.concatenate([x for scores in shown.values() for x in scores.values()]))
    for name, scores in of_arms.items():
        kind = kinds[name]
        axis.step(levels, performance_profile(shown[name], levels), **kind.curve, where="post", label=name)
        try:
            drawn = resampled_normalised(scores, ones, analysis.zero, seed=analysis.seed, resamples=1000)
        except UndeterminedError:
            continue
        low, high = np.quantile(performance_profile(drawn, levels), [0.025, 0.975], axis=0)
        axis.fill_between(levels, low, high, color=kind.color, alpha=0.12, linewidth=0, step="post")
    axis.set_xlabel(f"normalised score (0 random policy, 1 {analysis.baseline})")


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
