"""The diagnostics of the runs, gathered into panels: units, ranks, bias, learned parameters.

Letters in shapes: D diagnoses, N runs.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from swimrl.errors import DamagedFileError
from swimrl.reporting.findings import Analysis, Arm
from swimrl.runs import series
from swimrl.runs.directory import RunDirectory, read_diagnostics
from swimrl.runs.series import Series

Curves = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Tag of a series -> steps [D] and values [D] of one run."""

_SHOWN: tuple[tuple[Series, str | None], ...] = (
    # series, and the network that is shown
    (series.DEAD, "actor"),
    (series.DEAD, "critic1"),
    (series.VALUE_BIAS, None),
    (series.DORMANT, "actor"),
    (series.DORMANT, "critic1"),
    (series.SATURATED, "actor"),
    (series.EFFECTIVE_RANK, "actor"),
    (series.EFFECTIVE_RANK, "critic1"),
    (series.GRADIENT_OF_NET, "critic1"),
)
"""The panels of diagnostics. Of the layers of a network, a panel shows the mean."""

_MOST_PARAMETERS = 12
"""Learned parameters beyond these get no panel."""


@dataclass(frozen=True)
class Panel:
    """One number over environment steps, for every arm that has it."""

    title: str
    unit: str
    lines: Mapping[str, tuple[np.ndarray, np.ndarray]]
    """Arm -> steps [D] and values [N, D]."""


@dataclass(frozen=True)
class Group:
    """The panels of one figure."""

    key: str
    """The figure's key, such as ``diagnostics``."""

    title: str
    env: str
    panels: tuple[Panel, ...]


def inside(analysis: Analysis) -> list[Group]:
    """Read the diagnostics of all runs that have a score, and gather them task by task."""
    groups: list[Group] = []
    for env in analysis.tasks:
        of_arms = {arm.name: _read(arm) for arm in analysis.arms if arm.env == env}
        suffix = "" if len(analysis.tasks) == 1 else f"-{env}"
        for key, title, panels in (
            ("learned-parameters", "Learned parameters of the activations", _parameters(of_arms)),
            ("diagnostics", "Diagnostics", [_shown(*one, of_arms) for one in _SHOWN]),
        ):
            filled = tuple(panel for panel in panels if panel.lines)
            if filled:
                groups.append(Group(f"{key}{suffix}", title, env, filled))
    return groups


def _shown(shown: Series, network: str | None, of_arms: Mapping[str, Sequence[Curves]]) -> Panel:
    title = shown.title if network is None else f"{shown.title}, {network.rstrip('1')}"
    return _panel(title, shown.unit, shown.pattern(network), of_arms)


def _parameters(of_arms: Mapping[str, Sequence[Curves]]) -> list[Panel]:
    tags = {tag for runs in of_arms.values() for run in runs for tag in run}
    learned = sorted(tag for tag in tags if re.match(series.PARAMETER.pattern(), tag))
    return [
        _panel(tag.removeprefix("parameter/"), series.PARAMETER.unit, re.escape(tag), of_arms)
        for tag in learned[:_MOST_PARAMETERS]
    ]


def _read(arm: Arm) -> list[Curves]:
    curves: list[Curves] = []
    for run in arm.runs:
        try:
            curves.append(read_diagnostics(RunDirectory(run.source).diagnostics_file))
        except DamagedFileError:
            continue  # most often a run without diagnostics; its returns count all the same
    return curves


def _panel(title: str, unit: str, pattern: str, of_arms: Mapping[str, Sequence[Curves]]) -> Panel:
    lines = {}
    for name, runs in of_arms.items():
        means = [mean for run in runs if (mean := _mean(run, re.compile(pattern))) is not None]
        if means:
            common = sorted(set.intersection(*({*steps.tolist()} for steps, _ in means)))
            values = np.array([y[np.isin(steps, common)] for steps, y in means])
            lines[name] = (np.array(common), values)
    return Panel(title, unit, lines)


def _mean(run: Curves, pattern: re.Pattern[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the mean of the series whose tag matches, or None if there is none."""
    by_step: dict[int, list[float]] = defaultdict(list)
    for tag, (steps, values) in run.items():
        if pattern.fullmatch(tag):
            for step, value in zip(steps.tolist(), values.tolist(), strict=True):
                by_step[step].append(value)
    if not by_step:
        return None
    ordered = sorted(by_step)
    return np.array(ordered), np.array([np.mean(by_step[step]) for step in ordered])
