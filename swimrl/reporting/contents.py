"""Everything that goes into a report, gathered before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from swimrl.reporting.cost import Costs, read_costs
from swimrl.reporting.efficiency import Efficiency, efficiency
from swimrl.reporting.findings import Analysis
from swimrl.reporting.inside import Group, inside
from swimrl.reporting.published import Published, Reference, published, read_references
from swimrl.reporting.sensitivity import Sensitivity, sensitivity


@dataclass(frozen=True)
class Contents:
    """What the tables, the figures and the page are made from."""

    analysis: Analysis
    efficiency: tuple[Efficiency, ...] = ()
    sensitivity: tuple[Sensitivity, ...] = ()
    inside: tuple[Group, ...] = ()
    costs: Costs | None = None
    references: tuple[Reference, ...] = ()
    published: tuple[Published, ...] = ()


def gather(
    analysis: Analysis,
    *,
    cost: Path | None = None,
    reference: Path | None = None,
    defaults: Mapping[str, object] | None = None,
) -> Contents:
    """Read what belongs beside an analysis.

    Args:
        analysis: What the runs say.
        cost: A record of `swimrl bench ... --json`.
        reference: A CSV file of published curves.
        defaults: Key of the configuration -> its default, for the sensitivity.

    Raises:
        InputError: If a file cannot be read or does not fit.
    """
    return Contents(
        analysis,
        efficiency=tuple(efficiency(analysis)),
        sensitivity=tuple(sensitivity(analysis, defaults or {})),
        inside=tuple(inside(analysis)),
        costs=None if cost is None else read_costs(cost, analysis.arms),
        references=() if reference is None else tuple(read_references(reference)),
        published=tuple(published(analysis)),
    )
