"""What can and cannot be concluded, in plain words made from the numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from swimrl.reporting.findings import ALPHA, Analysis, Comparison, Undetermined
from swimrl.stats.comparison import Test
from swimrl.stats.interval import Interval
from swimrl.stats.power import Seeds

MOST = 4
"""So many comparisons are told one by one; of more, those that were declared or established."""


def sentences(analysis: Analysis) -> list[str]:
    """Return the verdict, paragraph by paragraph, the declared comparisons first."""
    lines = []
    if analysis.interim:
        lines.append(f"INTERIM: {analysis.interim}; no winner is marked.")
    if not analysis.comparisons:
        lines.append("Nothing is compared: " + _why_nothing(analysis))
    ordered = sorted(analysis.comparisons, key=lambda one: not one.primary)
    if len(ordered) > MOST:
        told = [one for one in ordered if one.primary or (one.established and not analysis.interim)]
        lines += [" ".join(_of(comparison, analysis)) for comparison in told]
        rest = [one for one in ordered if one not in told]
        if rest:
            lines.append(" ".join(_of_the_rest(rest, analysis)).replace(" ;", ";").replace(" .", "."))
    else:
        lines += [" ".join(_of(comparison, analysis)) for comparison in ordered]
    if analysis.comparisons and not analysis.metric_declared:
        lines.append(_chosen_afterwards(analysis))
    return lines


def _why_nothing(analysis: Analysis) -> str:
    if len(analysis.names) == 1:
        return f"there is only one arm ({analysis.names[0]})."
    return f"no arm shares a task with {analysis.baseline}."


def _chosen_afterwards(analysis: Analysis) -> str:
    if analysis.primary is None:
        return (
            f"EXPLORATORY: nothing was declared before the runs; {analysis.metric} and {analysis.baseline} "
            "as the baseline were chosen afterwards, and p-values are corrected as a screen's."
        )
    primary = analysis.primary
    return (
        f"EXPLORATORY: metric, baseline, arms or step were chosen afterwards; the study declared "
        f"{primary.metric} against {primary.baseline} at the end of its runs."
    )


def short(comparison: Comparison, analysis: Analysis) -> str:
    """Return the verdict on one comparison in a few words."""
    if isinstance(comparison.test, Undetermined):
        return f"undetermined: {comparison.test.why}"
    if analysis.interim:
        return f"interim (p {p_value(comparison.adjusted)})"
    if comparison.established:
        return f"{better(comparison)} is better (p {p_value(comparison.adjusted)})"
    return f"not established (p {p_value(comparison.adjusted)})"


def better(comparison: Comparison) -> str:
    """Return the name of the arm whose runs tend to score higher."""
    probability = comparison.probability_of_improvement
    ahead = isinstance(probability, Undetermined) or probability >= 0.5
    return comparison.arm if ahead else comparison.baseline


def p_value(p: float | None) -> str:
    """Return a p-value as text.

    Example:
        >>> p_value(0.1508), p_value(0.00002)
        ('0.151', '<0.001')
    """
    if p is None:
        return "undetermined"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def _of(comparison: Comparison, analysis: Analysis) -> Iterator[str]:
    where = f"On {comparison.env}" if comparison.env else "Over all tasks that both have"
    arm, baseline, test = comparison.arm, comparison.baseline, comparison.test
    if isinstance(test, Undetermined):
        yield f"{where}, {arm} against {baseline}: undetermined ({test.why})."
        return
    seeds = _seeds(comparison)
    if analysis.interim:
        yield f"{where}, {arm} against {baseline} is undecided before the study is complete; so far {seeds}"
    elif comparison.established:
        worse = baseline if better(comparison) == arm else arm
        yield f"{where}, {better(comparison)} scores above {worse}: established with {seeds}"
    else:
        yield f"{where}, a difference between {arm} and {baseline} is not established with {seeds}"
    yield f"({test.name}); {_p_values(test, comparison, analysis)}."
    yield from _effect(comparison)
    if comparison.correlation is not None:
        yield f"Pairs correlate by {comparison.correlation:.2f}."
    if isinstance(comparison.detectable, float):
        yield (
            f"With these seeds a difference of {comparison.detectable:.0%} of {baseline}'s score would be "
            "found in 8 of 10 studies"
        )
        needed = comparison.seeds_needed.get(0.1)
        yield f"(t test); one of 10% {_needs(needed)}." if needed is not None else "(t test)."


def _of_the_rest(comparisons: Sequence[Comparison], analysis: Analysis) -> Iterator[str]:
    """Tell many comparisons together; the table has each of them."""
    where: dict[str, list[str]] = defaultdict(list)
    for one in comparisons:
        where[one.arm].append(one.env or "all tasks together")
    state = "undecided before the study is complete" if analysis.interim else "not established"
    yield f"A difference from {analysis.baseline} is {state} for"
    yield "; ".join(f"{arm} ({', '.join(envs)})" for arm, envs in where.items()) + "."
    shares = [one.detectable for one in comparisons if isinstance(one.detectable, float)]
    if shares:
        yield (
            f"With these seeds differences of {_range(shares, '{:.0%}')} of {analysis.baseline}'s score "
            "would be found in 8 of 10 studies (t test)"
        )
        needed = [one.seeds_needed.get(0.1) for one in comparisons]
        seeds = [one.needed for one in needed if isinstance(one, Seeds)]
        yield f"; those of 10% need {_range(seeds, '{}')} seeds an arm." if seeds else "."


def _range(values: Sequence[float], text: str) -> str:
    ends = [text.format(end) for end in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _effect(comparison: Comparison) -> Iterator[str]:
    found, probability = comparison.difference, comparison.probability_of_improvement
    if isinstance(found, Interval):
        yield (
            f"{comparison.arm} minus {comparison.baseline}: {found.estimate:+,.1f} (95% interval "
            f"{found.low:+,.1f} to {found.high:+,.1f}, {found.method}); a run of {comparison.arm} scores "
            f"above one of {comparison.baseline} with probability {probability:.2f}."
        )


def _needs(needed: Seeds | Undetermined) -> str:
    if isinstance(needed, Undetermined):
        return f"needs an undetermined number of seeds ({needed.why})"
    return (
        f"needs {needed.needed} seeds an arm (95% interval {needed.low} to {needed.high}, for the spread is "
        "known no better)"
    )


def _p_values(test: Test, comparison: Comparison, analysis: Analysis) -> str:
    family = "declared beforehand" if comparison.primary else "exploratory"
    raw = f"p {p_value(test.p_value)}"
    if comparison.adjusted is None or abs(comparison.adjusted - test.p_value) < 1e-12:
        return f"{raw}, level {ALPHA:g}, {family}"
    is_holm = comparison.primary and analysis.primary is not None and analysis.primary.correction == "holm"
    how = "Holm" if is_holm else "Benjamini-Hochberg"
    return f"{raw}, after {how}'s correction {p_value(comparison.adjusted)}, level {ALPHA:g}, {family}"


def _seeds(comparison: Comparison) -> str:
    fewest, most = sorted(comparison.seeds)
    return f"{fewest} seeds" if fewest == most else f"{fewest} and {most} seeds"
