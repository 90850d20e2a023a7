"""What can and cannot be concluded, in plain words made from the numbers."""

from __future__ import annotations

from collections.abc import Iterator

from swimrl.report.analysis import ALPHA, Analysis, Comparison, Undetermined
from swimrl.stats.comparison import Test
from swimrl.stats.interval import Interval
from swimrl.stats.power import Seeds


def sentences(analysis: Analysis) -> list[str]:
    """Return the verdict, a sentence or two for each comparison."""
    lines = []
    if analysis.interim:
        lines.append(f"INTERIM: {analysis.interim}; no winner is marked.")
    if not analysis.comparisons:
        names = ", ".join(analysis.names)
        lines.append(f"There is only one arm ({names}), so nothing is compared.")
    for comparison in analysis.comparisons:
        lines.append(" ".join(_of(comparison, analysis)))
    if analysis.comparisons and not analysis.metric_declared:
        lines.append(f"The metric {analysis.metric} was not declared before the runs.")
    return lines


def short(comparison: Comparison, analysis: Analysis) -> str:
    """Return the verdict on one comparison in a few words."""
    if isinstance(comparison.test, Undetermined):
        return f"undetermined: {comparison.test.why}"
    if analysis.interim:
        return f"interim, p {p_value(comparison.adjusted)}"
    if comparison.established:
        return f"{better(comparison)} is better, p {p_value(comparison.adjusted)}"
    return f"not established, p {p_value(comparison.adjusted)}"


def better(comparison: Comparison) -> str:
    """Return the name of the arm whose runs tend to score higher."""
    probability = comparison.probability_of_improvement
    ahead = isinstance(probability, Undetermined) or probability >= 0.5
    return comparison.arm if ahead else comparison.baseline


def p_value(p: float | None) -> str:
    """Return a p-value as text.

    Example:
        >>> p_value(0.1508), p_value(0.00002)
        ('= 0.151', '< 0.001')
    """
    if p is None:
        return "undetermined"
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _of(comparison: Comparison, analysis: Analysis) -> Iterator[str]:
    where = f"On {comparison.env}" if comparison.env else f"Over all {len(analysis.tasks)} tasks"
    arm, baseline, test = comparison.arm, comparison.baseline, comparison.test
    if isinstance(test, Undetermined):
        yield f"{where}, {arm} against {baseline}: undetermined ({test.why})."
        return
    seeds = _seeds(comparison, analysis)
    if comparison.established and not analysis.interim:
        worse = baseline if better(comparison) == arm else arm
        yield f"{where}, {better(comparison)} scores above {worse}{_by(comparison)}:"
        yield f"established with {seeds} ({_test(test, comparison, analysis)})."
    else:
        yield f"{where}, a difference between {arm} and {baseline} is not established with {seeds}"
        yield f"({_test(test, comparison, analysis)}){_by(comparison)}."
    if isinstance(comparison.detectable, float):
        yield (
            f"With these seeds a difference of {comparison.detectable:.0%} of {baseline}'s score would be "
            "found in 8 of 10 studies;"
        )
        needed = comparison.seeds.get(0.1)
        if isinstance(needed, Seeds):
            yield (
                f"one of 10% needs {needed.needed} seeds an arm (95% interval {needed.low} to {needed.high}, "
                "for the spread is known no better)."
            )


def _by(comparison: Comparison) -> str:
    found = comparison.difference
    if not isinstance(found, Interval):
        return ""
    return f", by {found.estimate:,.0f} (95% interval {found.low:,.0f} to {found.high:,.0f}, Welch)"


def _test(test: Test, comparison: Comparison, analysis: Analysis) -> str:
    raw = f"{test.name}: p {p_value(test.p_value)}"
    if comparison.adjusted is None or abs(comparison.adjusted - test.p_value) < 1e-12:
        return raw
    how = {"holm": "Holm", "benjamini-hochberg": "Benjamini-Hochberg"}[
        analysis.correction if comparison.primary else "benjamini-hochberg"
    ]
    return f"{raw}, after {how}'s correction {p_value(comparison.adjusted)}; level {ALPHA:g}"


def _seeds(comparison: Comparison, analysis: Analysis) -> str:
    arms = [
        arm
        for arm in analysis.arms
        if arm.name in (comparison.arm, comparison.baseline) and comparison.env in (None, arm.env)
    ]
    counts = sorted({len(arm.scores) for arm in arms})
    return f"{counts[0]} seeds" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} seeds"
