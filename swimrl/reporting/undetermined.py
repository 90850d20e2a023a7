"""The reason for each "undetermined" that a table prints."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator

from swimrl.reporting.contents import Contents
from swimrl.reporting.findings import Arm, Comparison, Decision, Normalised, Undetermined

_NAMES = {
    "mean": "interval of the mean",
    "mean_bootstrap_t": "bootstrap-t interval",
    "mean_percentile": "percentile interval",
    "spread": "standard deviation",
    "iqm": "interval of the interquartile mean",
    "max_of_mean": "max of mean",
    "difference": "difference",
    "by_permutation": "permutation interval",
    "probability_of_improvement": "probability of improvement",
    "test": "test",
    "detectable": "smallest effect found",
    "naive": "naive difference at a look",
    "unbiased": "estimate corrected for stopping",
    "repeated": "repeated interval",
}


def reasons(contents: Contents) -> list[str]:
    """Return one line for each reason: what is undetermined, why, and for which arms."""
    concerned: dict[tuple[str, str], list[str]] = defaultdict(list)
    analysis = contents.analysis
    for arm in analysis.arms:
        for name, value in _fields(arm):
            concerned[_NAMES[name], value.why].append(f"{arm.name} on {arm.env}")
    for comparison in analysis.comparisons:
        for name, value in _fields(comparison):
            concerned[_NAMES[name], value.why].append(f"{comparison.arm} on {comparison.env or 'all tasks'}")
        for name, value in _fields(comparison.decision) if comparison.decision is not None else ():
            if name in _NAMES:
                concerned[_NAMES[name], value.why].append(
                    f"{comparison.arm} on {comparison.env or 'all tasks'}"
                )
        for effect, needed in comparison.seeds_needed.items():
            if isinstance(needed, Undetermined):
                concerned[f"seeds for {effect:.0%}", needed.why].append(
                    f"{comparison.arm} on {comparison.env or 'all tasks'}"
                )
    for normalised in analysis.normalised:
        for why in dict.fromkeys(_whys(normalised)):
            concerned["normalised score", why].append(f"{normalised.arm} on {normalised.env or 'all tasks'}")
    return [f"{what}: {why} ({', '.join(of)})" for (what, why), of in concerned.items()]


def _fields(one: Arm | Comparison | Decision) -> Iterator[tuple[str, Undetermined]]:
    for field in dataclasses.fields(one):
        value = getattr(one, field.name)
        if isinstance(value, Undetermined):
            yield field.name, value


def _whys(one: Normalised) -> Iterator[str]:
    for aggregate in one.aggregates.values():
        if isinstance(aggregate, Undetermined):
            yield aggregate.why
