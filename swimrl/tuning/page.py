"""The page of a tuning, in the style of a report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from swimrl.colours import CATEGORIES, INK
from swimrl.reporting.figures.figure import Figure
from swimrl.reporting.figures.style import new_figure
from swimrl.reporting.page import parts, rendered
from swimrl.reporting.section import Section
from swimrl.reporting.tables.table import Column, Table
from swimrl.reporting.tables.text import number, percent
from swimrl.runs.directory import replace, writing
from swimrl.runs.scores import METRIC_TITLES
from swimrl.tuning import choice as choosing
from swimrl.tuning.plan import Plan
from swimrl.tuning.space import Dimension
from swimrl.tuning.trials import Trial, by_point

_MARKERS = "osD^vPX*"


def write_page(folder: Path, plan: Plan, trials: Sequence[Trial], choice: Mapping[str, int]) -> Path:
    """Write tuning.html and its figures.

    Args:
        folder: The folder of the tuning.
        plan: The tuning.
        trials: All runs with their scores.
        choice: Number of the chosen point by activation.

    Raises:
        InputError: If a library for pages is missing.
        StorageError: If a file cannot be written.
    """
    figures = (_budget(plan, trials), *(_against(plan, trials, one) for one in plan.dimensions))
    with writing(folder):
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        for figure in figures:
            figure.save(folder / "figures", ("svg",))
    tables = (_choices(plan, trials, choice), _trials(plan, trials))
    score, seed = METRIC_TITLES[plan.metric], plan.sobol_seed
    facts = [
        f"Each of these activations had the same budget: {plan.summary}.",
        f"The space: {'; '.join(plan.space)}. The score: {score}. Seed of the points: {seed}.",
    ]
    verdict = (
        "Tuning scores are not results: the best of many trials owes part of its score to chance. Compare "
        "the chosen settings on fresh seeds: swimrl sweep --config tuned.yaml."
    )
    heading = f"Tuning of {', '.join(plan.acts)} on {plan.base.env}"
    page = folder / "tuning.html"
    text = rendered(heading, [verdict], facts, parts(tables, figures), folder)
    with writing(page):
        replace(page, text.encode())
    return page


def _choices(plan: Plan, trials: Sequence[Trial], choice: Mapping[str, int]) -> Table:
    first, second = ([trial for trial in trials if trial.stage == stage] for stage in (1, 2))
    rows = []
    for act, point in choice.items():
        fresh = by_point(second, act)
        alone = by_point(first, act)
        rows.append(
            (
                act,
                *(plan.value(act, point, one.key) for one in plan.dimensions),
                float(np.mean(fresh[point])),
                alone[point][0],
                alone[0][0],
                choosing.share_that_chooses_otherwise(fresh),
                sum(trial.has_diverged for trial in trials if trial.act == act),
            )
        )
    columns = (
        Column("act", "activation", is_left=True),
        *(Column(one.key, one.key) for one in plan.dimensions),
        Column("fresh", "fresh seeds", number()),
        Column("first", "first stage", number()),
        Column("given", "settings as given", number()),
        Column("otherwise", "chosen otherwise", percent),
        Column("diverged", "diverged"),
    )
    note = (
        f"Fresh seeds: mean score of the choice on {plan.repeats} seeds that the first stage did not use. "
        "First stage: its score there, on one seed. Settings as given: the score of the first point on that "
        "seed. "
        "Chosen otherwise: how often another point would be chosen if the fresh seeds were drawn again. "
        "Diverged: trials that diverged; they count."
    )
    return Table(Section.SCORES, "choices", "Chosen settings", columns, tuple(rows), note)


def _trials(plan: Plan, trials: Sequence[Trial]) -> Table:
    columns = (
        Column("act", "activation", is_left=True),
        Column("point", "point"),
        *(Column(one.key, one.key) for one in plan.dimensions),
        Column("first", "first stage", number()),
        Column("fresh", "fresh seeds", number(), none="-"),
    )
    first, second = ([trial for trial in trials if trial.stage == stage] for stage in (1, 2))
    rows = []
    for act in plan.acts:
        fresh = by_point(second, act)
        for point, scores in sorted(by_point(first, act).items(), key=lambda item: -item[1][0]):
            settings = (plan.value(act, point, one.key) for one in plan.dimensions)
            of_fresh = float(np.mean(fresh[point])) if point in fresh else None
            rows.append((act, point, *settings, scores[0], of_fresh))
    return Table(Section.RUNS, "trials", "Trials", columns, tuple(rows), "The best of the first stage first.")


def _budget(plan: Plan, trials: Sequence[Trial]) -> Figure:
    caption = (
        "Expected best score of the first stage against the number of points tried (Dodge et al. 2019, in "
        "the unbiased form of Tang et al. 2020). A curve that still rises says that more points would help."
    )

    def draw() -> Any:
        figure = new_figure(6.4, 3.4)
        axis = figure.subplots()
        for place, act in enumerate(plan.acts):
            scores = [trial.score for trial in trials if trial.act == act and trial.stage == 1]
            best = choosing.expected_best(scores)
            axis.plot(
                np.arange(1, len(best) + 1), best, color=_color(place), marker=_marker(place), label=act
            )
        axis.set_xlabel("points tried")
        axis.set_ylabel("expected best score")
        axis.legend()
        return figure

    return Figure(Section.SCORES, "expected-best", caption, draw)


def _against(plan: Plan, trials: Sequence[Trial], dimension: Dimension) -> Figure:
    caption = f"Score of each trial against {dimension.key}. Filled: first stage; hollow: fresh seeds."
    return Figure(
        Section.SENSITIVITY,
        f"against-{dimension.key.replace('.', '-')}",
        caption,
        partial(_scatter, plan, trials, dimension),
    )


def _scatter(plan: Plan, trials: Sequence[Trial], dimension: Dimension) -> Any:
    figure = new_figure(6.4, 3.4)
    axis = figure.subplots()
    values = list(dict.fromkeys((*dimension.choices, str(plan.value(plan.acts[0], 0, dimension.key)))))
    for place, act in enumerate(plan.acts):
        for stage in (1, 2):
            points = [
                (plan.value(act, trial.point, dimension.key), trial.score)
                for trial in trials
                if trial.act == act and trial.stage == stage
            ]
            if points:
                x, y = zip(*points, strict=True)
                axis.scatter(
                    [values.index(str(value)) for value in x] if dimension.choices else x,
                    y,
                    marker=_marker(place),
                    edgecolors=_color(place),
                    facecolors=_color(place) if stage == 1 else "none",
                    label=act if stage == 1 else None,
                )
    if dimension.choices:
        axis.set_xticks(range(len(values)), values)
    if dimension.is_log:
        axis.set_xscale("log")
        axis.set_xlim(dimension.low / 1.3, dimension.high * 1.3)
        axis.minorticks_off()
    axis.set_xlabel(dimension.key)
    axis.set_ylabel("score")
    axis.legend()
    return figure


def _color(place: int) -> str:
    return CATEGORIES[place % len(CATEGORIES)] if place else INK


def _marker(place: int) -> str:
    return _MARKERS[place % len(_MARKERS)]
