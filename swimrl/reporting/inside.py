"""What diagnostics.csv of the runs says, gathered into panels: units, ranks, bias, learned parameters.

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
from swimrl.runs.directory import RunDirectory, read_diagnostics

Curves = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Series -> steps [D] and values [D] of one run."""

_SHOWN = (
    # title, unit, pattern of the series that are averaged
    ("dead units, actor", "share of units", r"units/dead/actor\.layer\d+"),
    ("dead units, critic", "share of units", r"units/dead/critic1\.layer\d+"),
    ("value bias", "critic's value minus return", r"value/bias"),
    ("dormant units, actor", "share of units, tau = 0.1", r"units/dormant_0\.1/actor\.layer\d+"),
    ("dormant units, critic", "share of units, tau = 0.1", r"units/dormant_0\.1/critic1\.layer\d+"),
    ("saturated pre-activations, actor", "share of pre-activations", r"units/saturated/actor\.layer\d+"),
    ("effective rank, actor", "of the last layer's features", r"rank/effective/actor"),
    ("effective rank, critic", "of the last layer's features", r"rank/effective/critic1"),
    ("gradient, critic", "norm", r"norm/gradient/critic1"),
)

_MOST_PARAMETERS = 12
"""Learned parameters beyond these get no panel."""


@dataclass(frozen=True)
class Panel:
    """One number over steps, of every arm that has it."""

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
    """Read the diagnostics of all runs that count, and gather them task by task."""
    groups: list[Group] = []
    for env in analysis.tasks:
        of_arms = {arm.name: _read(arm) for arm in analysis.arms if arm.env == env}
        suffix = "" if len(analysis.tasks) == 1 else f"-{env}"
        for key, title, panels in (
            ("learned-parameters", "Learned numbers of the activations", _parameters(of_arms)),
            ("diagnostics", "Diagnostics", [_panel(*shown, of_arms) for shown in _SHOWN]),
        ):
            filled = tuple(panel for panel in panels if panel.lines)
            if filled:
                groups.append(Group(f"{key}{suffix}", title, env, filled))
    return groups


def _parameters(of_arms: Mapping[str, Sequence[Curves]]) -> list[Panel]:
    every = {series for runs in of_arms.values() for run in runs for series in run}
    learned = sorted(series for series in every if series.startswith("parameter/"))
    return [
        _panel(series.removeprefix("parameter/"), "value", re.escape(series), of_arms)
        for series in learned[:_MOST_PARAMETERS]
    ]


def _read(arm: Arm) -> list[Curves]:
    found: list[Curves] = []
    for run in arm.runs:
        try:
            found.append(read_diagnostics(RunDirectory(run.source).diagnostics_file))
        except DamagedFileError:
            continue  # most often a run without diagnostics; its returns are not touched by it
    return found


def _panel(title: str, unit: str, pattern: str, of_arms: Mapping[str, Sequence[Curves]]) -> Panel:
    lines = {}
    for name, runs in of_arms.items():
        means = [found for run in runs if (found := _mean(run, re.compile(pattern))) is not None]
        if means:
            common = sorted(set.intersection(*({*steps.tolist()} for steps, _ in means)))
            values = np.array([y[np.isin(steps, common)] for steps, y in means])
            lines[name] = (np.array(common), values)
    return Panel(title, unit, lines)


def _mean(run: Curves, pattern: re.Pattern[str]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the mean of the series whose whole name fits."""
    by_step: dict[int, list[float]] = defaultdict(list)
    for series, (steps, values) in run.items():
        if pattern.fullmatch(series):
            for step, value in zip(steps.tolist(), values.tolist(), strict=True):
                by_step[step].append(value)
    if not by_step:
        return None
    ordered = sorted(by_step)
    return np.array(ordered), np.array([np.mean(by_step[step]) for step in ordered])
