"""A figure of the costs of activations: bars with intervals, as multiples of relu. Needs matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from swimrl.bench.activations.config import BOTH
from swimrl.bench.activations.results import ActivationCost, ActivationCosts, Case
from swimrl.colours import ACCENT, GRID, INK, SOFT
from swimrl.errors import InputError, StorageError

_COLOURS = {"eager": "#c2703d", "native": SOFT, "fused": ACCENT, "compiled": "#7a5195"}
_COLUMNS = 4


def check(path: Path) -> None:
    """Check, before anything is measured, that a figure can be written to ``path``.

    Raises:
        InputError: If it is neither ``.png`` nor ``.svg``, or matplotlib is not installed.
        StorageError: If the folder is missing.
    """
    if path.suffix not in (".png", ".svg"):
        raise InputError(f"cannot write a figure to {str(path)!r}; end its name in .png or .svg")
    if not path.parent.is_dir():
        raise StorageError(f"cannot write {path}: there is no folder {path.parent}; make it first")
    try:
        import matplotlib  # noqa: F401 - only to see whether it is installed
    except ImportError as error:
        raise InputError("figures need matplotlib; install it with: pip install 'swimrl[report]'") from error


def draw(costs: ActivationCosts, path: Path) -> None:
    """Draw value and gradients of every activation: a panel for each case, the most expensive at the bottom.

    Args:
        costs: The costs in a record.
        path: A ``.png`` or ``.svg`` file to write, over an older one.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    panels = {case: _of_case(costs, case) for case in costs.cases}
    names = max((len({cost.activation for cost in panel}) for panel in panels.values()), default=1)
    columns = min(_COLUMNS, len(panels)) or 1
    rows = -(-len(panels) // columns)
    height = max(
        2.2, 0.9 + names * 0.16 * max(1, len({c.implementation for p in panels.values() for c in p}) / 2)
    )
    with mpl.rc_context({"font.size": 8, "svg.hashsalt": "swimrl", "svg.fonttype": "path"}):
        figure = Figure(figsize=(4.2 * columns, height * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False)
        for axis in axes.flat[len(panels) :]:
            axis.set_visible(False)
        for axis, (case, panel) in zip(axes.flat, panels.items(), strict=False):
            _panel(axis, panel)
            axis.set_title(str(case), loc="left", color=INK, fontsize=9)
        bars = {bar.get_label(): bar for axis in axes.flat for bar in axis.containers}
        shown = {how: bars[how] for how in _COLOURS if how in bars}
        figure.legend(shown.values(), shown.keys(), loc="outside upper right", ncols=4, frameon=False)
        figure.supxlabel(f"value and gradients, time as a multiple of {costs.reference}'s", fontsize=9)
        figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)


def _of_case(costs: ActivationCosts, case: Case) -> list[ActivationCost]:
    of_arms = [costs.cost(case, name, how, BOTH) for name, how in costs.arms(case)]
    return [cost for cost in of_arms if cost is not None and cost.against_reference is not None]


def _panel(axis: Any, panel: Sequence[ActivationCost]) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    highest: dict[str, float] = {}
    for cost in panel:
        assert cost.against_reference is not None
        highest[cost.activation] = max(highest.get(cost.activation, 0), cost.against_reference.value)
    order = sorted(highest, key=highest.__getitem__)
    implementations = [how for how in _COLOURS if any(cost.implementation == how for cost in panel)]
    thickness = 0.8 / max(1, len(implementations))
    for number, how in enumerate(implementations):
        costs = [cost for cost in panel if cost.implementation == how]
        places = [
            order.index(c.activation) + (number - (len(implementations) - 1) / 2) * thickness for c in costs
        ]
        values, errors = [], [[], []]  # type: ignore[var-annotated]  # of numbers
        for cost in costs:
            ratio = cost.against_reference
            assert ratio is not None
            low, high = ratio.interval or (ratio.value, ratio.value)
            values.append(ratio.value)
            errors[0].append(max(0.0, ratio.value - low))
            errors[1].append(max(0.0, high - ratio.value))
        axis.barh(
            places,
            [value - 1 for value in values],
            height=thickness,
            left=1,
            xerr=errors,
            color=_COLOURS[how],
            error_kw={"linewidth": 0.7, "ecolor": INK},
            label=how,
        )
    axis.set_xscale("log")
    axis.axvline(1, color=INK, linewidth=0.8)
    axis.grid(axis="x", which="both", color=GRID, linewidth=0.5)
    axis.set_axisbelow(True)
    axis.set_yticks(range(len(order)), order)
    axis.invert_yaxis()
    axis.margins(y=0.01)
    axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_locator(NullLocator())
    for spine in axis.spines.values():
        spine.set_visible(False)
