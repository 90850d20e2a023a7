"""The page of a study of precision: its verdict, a table, and the return against the depth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from swimrl.approximating.arms import Settings
from swimrl.approximating.equivalence import Answer
from swimrl.approximating.study import Measured
from swimrl.colours import ACCENT, INK, SOFT
from swimrl.errors import UndeterminedError
from swimrl.polynomials import precision_text
from swimrl.reporting.figures.figure import Figure
from swimrl.reporting.page import Part, rendered
from swimrl.reporting.section import Section
from swimrl.reporting.tables.table import Cell, Column, Table
from swimrl.stats.interval import mean_student

_COLUMNS = (
    Column("arm", "activations", is_left=True),
    Column("depth", "depth", none="-"),
    Column("error", "error", none="-"),
    Column("return", "return", "{:,.1f}".format),
    Column("change", "change", "{:+,.1f}".format, none="-"),
    Column("interval", "change, 95 %", lambda ends: "{:+,.0f} to {:+,.0f}".format(*ends), none="-"),
    Column("outside", "outside", lambda share: f"{share:.1e}" if share else "0"),
    Column("worst", "worst |z|/B", "{:.3g}".format),
    Column("first", "first outside", none="never"),
    Column("failures", "failures"),
)


_QUANTILES = (("median", "median"), ("p99", "99 %"), ("p999", "99.9 %"), ("largest", "largest"))

_FITS = {
    "minimax": "Polynomials with the smallest largest error",
    "observed": "Polynomials with the smallest mean squared error at the measured inputs",
    "composite": "Compositions of polynomials in place of relu",
}


def _range_text(settings: Settings) -> str:
    if settings.range not in ("layer", "unit"):
        return f"[-{settings.bound:g}, {settings.bound:g}]"
    return f"the range of each {settings.range}: {settings.margin:g} times its largest |z|"


def table(measured: Sequence[Measured]) -> Table:
    """Return one row for each arm: means over the episodes of all runs."""
    return Table(
        Section.PRECISION,
        "polynomials",
        "Return with polynomials in place of activations",
        _COLUMNS,
        tuple(_row(measured, place) for place in range(len(measured[0].arms))),
        note=(
            "Error: the largest one of a polynomial within its range. Change: against the exact policy from "
            "the same starts, with the 95 % interval of its mean. Outside: share of pre-activations beyond "
            "their range B, where the polynomial grows. First outside: the earliest step. Failures: episodes "
            "that ended because an action was not finite."
        ),
    )


def inputs_table(measured: Sequence[Measured]) -> Table:
    """Return one row for each hidden layer of each run: how large the inputs of its activation are."""
    columns = (
        Column("seed", "seed of the run"),
        Column("layer", "hidden layer"),
        *(Column(key, title, "{:.2g}".format) for key, title in _QUANTILES),
        Column("bound", "range B", "{:.3g}".format),
    )
    rows = tuple(
        (one.run.config.seed, number, *of_layer, float(one.arms[-1].arm.bounds[number - 1].max()))
        for one in measured
        for number, of_layer in enumerate(one.quantiles, start=1)
    )
    return Table(
        Section.INPUTS,
        "inputs",
        "Sizes |z| of pre-activations",
        columns,
        rows,
        note=(
            f"Of the exact policy in {measured[0].settings.calibration_episodes} other episodes. Polynomials "
            "are fitted on [-B, B]."
        ),
    )


def _row(measured: Sequence[Measured], place: int) -> tuple[Cell, ...]:
    arms = [one.arms[place] for one in measured]
    first = np.concatenate([arm.first_outside for arm in arms])
    differences = _differences(measured, place)
    interval: Cell = None
    if place:
        try:
            ends = mean_student(differences)
            interval = (ends.low, ends.high)
        except UndeterminedError:
            pass  # one unit alone has no interval, and the column stays empty
    uppers = [layer.upper for arm in arms for layer in arm.arm.layers]
    return (
        arms[0].arm.name,
        max((arm.arm.depth or 0 for arm in arms), default=0) or None,
        precision_text(max(uppers)) if uppers else None,
        float(np.mean([arm.returns.mean() for arm in arms])),
        float(differences.mean()) if place else None,
        interval,
        float(np.mean([arm.share_outside.mean() for arm in arms])),
        float(max(arm.worst.max() for arm in arms)),
        int(first[first >= 0].min()) if (first >= 0).any() else None,
        sum(arm.failures for arm in arms),
    )


def _differences(measured: Sequence[Measured], place: int) -> np.ndarray[Any, Any]:
    """Return the change of each episode of the one run, or the mean one of each run."""
    changes = [one.arms[place].returns - one.exact.returns for one in measured]
    return changes[0] if len(changes) == 1 else np.array([change.mean() for change in changes])


def figure(measured: Sequence[Measured]) -> Figure:
    """Return the return against the depth, with the exact policy as a band."""

    def draw() -> Any:
        from matplotlib.figure import Figure as Canvas
        from matplotlib.ticker import MaxNLocator

        canvas = Canvas(figsize=(6.4, 3.6), layout="constrained")
        axes = canvas.add_subplot()
        exact = _differences_to_zero(measured, 0)
        center, low, high = _with_interval(exact)
        axes.axhspan(low, high, color=SOFT, alpha=0.2, linewidth=0)
        axes.axhline(center, color=SOFT, linewidth=1.0, label="exact")
        for place in range(1, len(measured[0].arms)):
            arm = measured[0].arms[place].arm
            depth = arm.depth or 0
            center, low, high = _with_interval(_differences_to_zero(measured, place))
            axes.errorbar(
                depth, center, [[center - low], [high - center]], color=ACCENT, marker="o", capsize=3
            )
            axes.annotate(arm.name, (depth, center), (6, 4), textcoords="offset points", color=INK)
        axes.margins(x=0.15)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel("depth of an activation: multiplications one after the other")
        axes.set_ylabel("return")
        axes.legend()
        return canvas

    return Figure(
        Section.PRECISION,
        "return-against-depth",
        "Return against the depth of the polynomials, with 95 % intervals over "
        f"{'episodes' if len(measured) == 1 else 'runs'}. The band is the exact policy.",
        draw,
    )


def _differences_to_zero(measured: Sequence[Measured], place: int) -> np.ndarray[Any, Any]:
    returns = [one.arms[place].returns for one in measured]
    return returns[0] if len(returns) == 1 else np.array([one.mean() for one in returns])


def _with_interval(values: np.ndarray[Any, Any]) -> tuple[float, float, float]:
    center = float(values.mean())
    try:
        interval = mean_student(values)
    except UndeterminedError:
        return center, center, center
    return center, interval.low, interval.high


def write_page(
    measured: Sequence[Measured], answer: Answer | None, undetermined: str | None, folder: Path
) -> Path:
    """Write index.html and its figure into a folder; return the page.

    Raises:
        InputError: If matplotlib or jinja2 is not installed.
    """
    drawn = figure(measured)
    (folder / "figures").mkdir(parents=True, exist_ok=True)
    drawn.save(folder / "figures", ["svg"])
    settings, first = measured[0].settings, measured[0]
    activations = ", ".join(dict.fromkeys(spec.canonical for spec in first.actor.activations))
    of = f"{len(measured)} run{'s' * (len(measured) > 1)}, {settings.episodes} episodes of each policy"
    facts = [
        f"{first.run.env_id}, {activations}: {of} from the same starts.",
        f"{_FITS[settings.fit]} on {_range_text(settings)}.",
    ]
    if settings.errors != "both":
        facts.append(f"Only one kind of error: {settings.errors} (docs/polynomial.md).")
    page = folder / "index.html"
    page.write_text(
        rendered(
            f"Precision that {first.run.env_id} policies need",
            [answer.sentence if answer is not None else f"Undetermined: {undetermined}."],
            facts,
            [
                Part(Section.PRECISION, (table(measured),), (drawn,)),
                Part(Section.INPUTS, (inputs_table(measured),), ()),
            ],
            folder,
        ),
        encoding="utf-8",
    )
    return page
