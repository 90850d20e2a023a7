"""The page of a repair, in the style of a report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from swimrl.colours import CATEGORIES, FAINT, INK
from swimrl.repairing.assessment import Assessment, Played, p_words
from swimrl.repairing.evolution import Patch
from swimrl.repairing.rates import Counts
from swimrl.reporting.figures.figure import Figure
from swimrl.reporting.figures.style import new_figure
from swimrl.reporting.page import Part, parts, rendered
from swimrl.reporting.section import Section
from swimrl.reporting.tables.table import Cell, Column, Estimate, Table
from swimrl.reporting.tables.text import number, with_ends
from swimrl.runs.directory import replace, writing


def write_page(
    folder: Path, env_id: str, content: dict[str, Any], assessment: Assessment, patch: Patch
) -> Path:
    """Write report.html and its figures.

    Args:
        folder: The folder of the repair.
        env_id: The environment.
        content: The content of repair.json.
        assessment: The starts before and after.
        patch: The changed weights, and the history of the search.

    Raises:
        InputError: If a library for pages is missing.
        StorageError: If a file cannot be written.
    """
    figures = [_history(patch, content), *([_beside_the_null(assessment)] if assessment.null else [])]
    with writing(folder):
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        for figure in figures:
            figure.save(folder / "figures", ("svg",))
    tables = (_starts(assessment), _returns(assessment), _weights(patch))
    sections: list[Part] = parts(tables, figures)
    facts = _facts(content)
    if (validation := assessment.validation) is not None and validation.chosen is not None:
        facts.insert(
            2, f"The candidate was chosen by whole episodes: before the repair, {validation.in_words}"
        )
    text = rendered(f"Repair of a policy on {env_id}", [assessment.verdict], facts, sections, folder)
    page = folder / "report.html"
    with writing(page):
        replace(page, text.encode())
    return page


def _facts(content: dict[str, Any]) -> list[str]:
    settings, starts, search = content["settings"], content["starts"], content["search"]
    patch = content["patch"]
    seconds = content["seconds"]
    return [
        (
            f"A start counts as failed by: {content['failure']}. Of {starts['played']} starts that were "
            f"played to find those of the search, {starts['failed']} failed. The search used "
            f"{starts['failing_windows']} failing and {starts['passing_windows']} passing windows."
        ),
        (
            f"Places: {settings['places']}, {len(patch['weights'])} of {content['all_weights']:,} weights. "
            f"Population {settings['population']}, "
            f"{len(patch['best_fitness_by_generation']) - 1} generations (ended: {patch['stopped']}), alpha "
            f"{settings['alpha']:g}, seed {settings['seed']}, start noise {settings['start_noise']:g}."
        ),
        (
            f"The search took {search['steps']:,} environment steps and {search['processor_s']:.0f} s of "
            f"processor time. Localisation took {seconds['localisation']:.1f} s, playing the fresh starts "
            f"{seconds['fresh starts']:.0f} s, the null {seconds['null']:.0f} s."
        ),
    ]


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _rate(title: str, key: str) -> Column:
    return Column(key, title, _share)


_STARTS = (
    Column("starts", "starts", is_left=True),
    Column("n", "n", number(0)),
    _rate("fail before", "before"),
    _rate("fail after", "after"),
    Column("change", "change, points [95 %]", with_ends(1)),
    Column("p", "exact McNemar", p_words),
    _rate("repaired", "repair_rate"),
    _rate("broken", "broken_rate"),
)


def _starts(assessment: Assessment) -> Table:
    rows = [
        _row("of the search (seen)", assessment.seen.counts),
        _row("fresh (unseen)", assessment.fresh.counts),
    ]
    if assessment.null:
        rows.append(_row("fresh, those of the null", assessment.same_starts))
        rows.append(("null: mean of random changes", assessment.null_starts, *_mean(assessment.null)))
    return Table(
        Section.STARTS,
        "starts",
        "Failures",
        _STARTS,
        tuple(rows),
        "Repaired: the part of the failing starts that pass after the repair. Broken: the part of the "
        "passing starts that fail after it. Any small change makes other starts fail. So compare both rates "
        "with the null: random values at as many random weights, which change the actions as much. Half of "
        "the search's starts were chosen because they fail, and the search was fitted to them.",
    )


def _row(name: str, counts: Counts) -> tuple[Cell, ...]:
    low, high = counts.interval
    return (
        name,
        counts.starts,
        counts.fails_before / counts.starts,
        counts.fails_after / counts.starts,
        Estimate(100 * counts.change, 100 * low, 100 * high),
        counts.p_value,
        counts.repair_rate,
        counts.broken_rate,
    )


def _mean(null: tuple[Counts, ...]) -> tuple[Cell, ...]:
    def mean(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    return (
        mean([one.fails_before / one.starts for one in null]),
        mean([one.fails_after / one.starts for one in null]),
        Estimate(100 * float(np.mean([one.change for one in null]))),
        None,
        mean([one.repair_rate for one in null]),
        mean([one.broken_rate for one in null]),
    )


def _returns(assessment: Assessment) -> Table:
    columns = (
        Column("starts", "starts", is_left=True),
        Column("return_before", "return before", number(1)),
        Column("return_after", "return after", number(1)),
        Column("change", "change [95 %]", with_ends(1)),
        Column("length_before", "length before", number(1)),
        Column("length_after", "length after", number(1)),
    )
    rows = (
        _return_row("of the search (seen)", assessment.seen),
        _return_row("fresh (unseen)", assessment.fresh),
    )
    return Table(
        Section.STARTS,
        "returns",
        "Returns and lengths",
        columns,
        rows,
        "Means over whole episodes. The interval of the change is Student's, of paired starts.",
    )


def _return_row(name: str, played: Played) -> tuple[Cell, ...]:
    change = played.return_change
    difference = float((played.returns_after - played.returns_before).mean())
    return (
        name,
        float(played.returns_before.mean()),
        float(played.returns_after.mean()),
        Estimate(difference, *((None, None) if change is None else (change.low, change.high))),
        float(played.lengths_before.mean()),
        float(played.lengths_after.mean()),
    )


def _weights(patch: Patch) -> Table:
    columns = (
        Column("layer", "layer", number(0)),
        Column("row", "unit", number(0)),
        Column("column", "input", number(0)),
        Column("before", "before", number(4, sign=True)),
        Column("after", "after", number(4, sign=True)),
    )
    rows = tuple(
        (*place, float(before), float(after))
        for place, before, after in zip(patch.places, patch.before, patch.after, strict=True)
    )
    return Table(
        Section.PATCH, "weights", "Changed weights", columns, rows, "Layers, units and inputs count from 0."
    )


def _history(patch: Patch, content: dict[str, Any]) -> Figure:
    def draw() -> Any:
        figure = new_figure(5.5, 2.8)
        axis = figure.add_subplot()
        axis.plot(range(len(patch.history)), patch.history, color=CATEGORIES[1], linewidth=1.8)
        axis.axhline(patch.fitness_before, color=FAINT, linewidth=0.8, label="before the repair")
        axis.set(xlabel="generation", ylabel="best fitness")
        figure.legend(loc="outside upper left")
        return figure

    starts, alpha = content["starts"], content["settings"]["alpha"]
    most = starts["passing_windows"] + alpha * starts["failing_windows"]
    return Figure(
        Section.SEARCH,
        "search",
        f"The best fitness in each generation. A policy that passes every window has {most:g}.",
        draw,
    )


def _beside_the_null(assessment: Assessment) -> Figure:
    def draw() -> Any:
        figure = new_figure(5.5, 2.2)
        axis = figure.add_subplot()
        same = assessment.same_starts
        fails = sorted(counts.fails_after for counts in assessment.null)
        heights = [fails[:number].count(fail) for number, fail in enumerate(fails)]  # equal ones are stacked
        axis.plot(100 * np.array(fails) / same.starts, heights, "o", color=FAINT, label="random changes")
        axis.axvline(100 * same.fails_before / same.starts, color=INK, linewidth=1, label="before")
        axis.axvline(100 * same.fails_after / same.starts, color=CATEGORIES[1], linewidth=1.8, label="repair")
        axis.set(xlabel="starts that fail, %", yticks=[], ylim=(-0.5, max(heights) + 1))
        axis.spines["left"].set_visible(False)
        figure.legend(loc="outside upper left", ncols=3)
        return figure

    return Figure(
        Section.STARTS,
        "null",
        f"The repair beside {len(assessment.null)} random changes of equal size, on the same "
        f"{assessment.null_starts} fresh starts.",
        draw,
    )
