"""The verdict: what the runs show and what they do not, in sentences made from the numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from swimrl.reporting.findings import ALPHA, Analysis, Comparison, Decision, Undetermined
from swimrl.stats.comparison import Test
from swimrl.stats.interval import Interval, Method
from swimrl.stats.power import Seeds

MOST = 4
"""Up to this many comparisons have a paragraph each. Of more, only those that were declared have one, if they
are not more than this either; the others are told together."""

_MOST_NAMES = 8
"""A sentence names up to this many arms; of more, it names some and counts the others."""

METHODS: Mapping[Method, str] = {
    "student-t": "Student's t",
    "welch-t": "Welch's t",
    "bootstrap-t": "bootstrap-t",
    "permutation": "permutation",
    "percentile bootstrap": "percentile bootstrap",
    "stagewise": "median-unbiased",
    "repeated": "repeated",
}
"""The names of the methods that give intervals."""

CORRECTIONS: Mapping[str, str] = {
    "holm": "Holm's correction",
    "fixed-sequence": "the correction for a fixed sequence of tests",
    "graph": "the declared graph's correction",
    "benjamini-hochberg": "Benjamini-Hochberg's correction",
}
"""The corrections for several tests, by the name under which a study declares them."""

_EFFECT = 0.1
"""Share of the baseline's score for which the verdict gives the seeds that are needed."""


def sentences(analysis: Analysis) -> list[str]:
    """Return the verdict, paragraph by paragraph, the declared comparisons first."""
    paragraphs = []
    if analysis.interim:
        has_decided = any(is_concluded(one, analysis) for one in analysis.comparisons)
        rest = ". What a look has decided stands." if has_decided else ", so no winner is marked."
        paragraphs.append(f"INTERIM: {analysis.interim}{rest}")
    if not analysis.comparisons:
        paragraphs.append(f"Nothing is compared: {_why_nothing(analysis)}.")
        return paragraphs
    ordered = sorted(analysis.comparisons, key=lambda one: not one.primary)
    alone = ordered
    if len(ordered) > MOST:
        declared = [one for one in ordered if one.primary]
        alone = declared if len(declared) <= MOST else []
    paragraphs += [" ".join(_comparison(one, analysis)) for one in alone]
    together = ordered[len(alone) :]
    if together:
        paragraphs += _established_together(together, analysis)
        paragraphs.append(" ".join(_summary(together, analysis)))
    if not analysis.metric_declared:
        paragraphs.append(_exploratory(analysis))
    return paragraphs


def headline(analysis: Analysis) -> str:
    """Return the answer in one sentence: which arms differ from the baseline, over all tasks.

    It begins with INTERIM while runs are missing.
    """
    return f"INTERIM: {_headline(analysis)}" if analysis.interim else _headline(analysis)


def _headline(analysis: Analysis) -> str:
    over_all = len(analysis.tasks) > 1
    asked = [one for one in analysis.comparisons if (one.env is None) == over_all]
    if not asked:
        return f"Nothing is compared: {_why_nothing(analysis)}."
    where = f"Over {len(analysis.tasks)} tasks" if over_all else f"On {analysis.tasks[0]}"
    up = [one.arm for one in asked if is_concluded(one, analysis) and better(one) == one.arm]
    down = [one.arm for one in asked if is_concluded(one, analysis) and better(one) != one.arm]
    equal = [one.arm for one in asked if one.decision is not None and one.decision.outcome == "equal"]
    parts = [
        *([f"{named(up)} {_score(up)} higher than {analysis.baseline}"] if up else []),
        *([f"{named(down)} {_score(down)} lower than {analysis.baseline}"] if down else []),
        *([f"{named(equal)} {_are(equal)} equal to {analysis.baseline} within the margin"] if equal else []),
    ]
    left = [one.arm for one in asked if one.arm not in {*up, *down, *equal}]
    if left and analysis.interim:
        parts.append(f"the comparison with {analysis.baseline} is undecided so far for {named(left)}")
    elif left:
        parts.append(f"a difference from {analysis.baseline} is not established for {named(left)}")
    return f"{where}, {'; '.join(parts)}."


def is_concluded(comparison: Comparison, analysis: Analysis) -> bool:
    """Return whether a difference is established and may be called so: at the end, or at a declared look."""
    if decision := _of_looks(comparison, analysis):
        return decision.outcome in ("better", "worse")
    return comparison.established and analysis.interim is None


def named(names: Sequence[str]) -> str:
    """Return names as a phrase; of many, some and the number of the others.

    Example:
        >>> named(["a"]), named(["a", "b", "c"])
        ('a', 'a, b and c')
    """
    if len(names) == 1:
        return names[0]
    if len(names) > _MOST_NAMES:
        return f"{', '.join(names[: _MOST_NAMES - 2])} and {len(names) - _MOST_NAMES + 2} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _score(names: Sequence[str]) -> str:
    return "scores" if len(names) == 1 else "score"


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def short(comparison: Comparison, analysis: Analysis) -> str:
    """Return the verdict on one comparison in a few words."""
    if isinstance(comparison.test, Undetermined):
        return f"undetermined: {comparison.test.why}"
    if decision := _of_looks(comparison, analysis):
        return short_of_look(comparison.arm, comparison.baseline, decision)
    if analysis.interim:
        return f"interim (p {p_value(comparison.adjusted)})"
    if comparison.decision is not None and comparison.decision.is_equal and not comparison.established:
        return f"equal within {comparison.decision.margin} (p {p_value(comparison.decision.adjusted_equal)})"
    if comparison.established:
        return f"{better(comparison)} is better (p {p_value(comparison.adjusted)})"
    return f"not established (p {p_value(comparison.adjusted)})"


def short_of_look(arm: str, baseline: str, decision: Decision) -> str:
    """Return how a declared comparison stands after a look, in a few words."""
    look = f"look {decision.look} of {decision.looks}"
    match decision.outcome:
        case "better" | "worse":
            ahead = arm if decision.outcome == "better" else baseline
            return f"{ahead} is better (p {p_value(decision.adjusted)}, {look})"
        case "equal":
            return f"equal within {decision.margin} (p {p_value(decision.adjusted_equal)}, {look})"
        case "futile":
            return f"stopped as futile ({look})"
        case "undecided":
            return f"not decided (p {p_value(decision.adjusted)}, {look})"
        case "open":
            return f"open (p {p_value(decision.adjusted)}, {look})"


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


def _why_nothing(analysis: Analysis) -> str:
    if len(analysis.names) == 1:
        return f"there is only one arm ({analysis.names[0]})"
    return f"no arm shares a task with {analysis.baseline}"


def _exploratory(analysis: Analysis) -> str:
    if analysis.primary is None:
        return (
            f"EXPLORATORY: nothing was declared before the first run. The metric {analysis.metric} and the "
            f"baseline {analysis.baseline} were chosen afterwards, and the p-values are corrected as those "
            "of a screen (Benjamini-Hochberg)."
        )
    primary = analysis.primary
    return (
        "EXPLORATORY: the metric, the baseline, the arms or the step were chosen after the runs. The study "
        f"had declared {primary.metric} against {primary.baseline} at the end of its runs."
    )


def _comparison(comparison: Comparison, analysis: Analysis) -> Iterator[str]:
    """Yield the sentences on one comparison: the result, the effect, and what the seeds can show."""
    arm, baseline, test = comparison.arm, comparison.baseline, comparison.test
    where = f"On {comparison.env}" if comparison.env else "Over all tasks that both have"
    if isinstance(test, Undetermined):
        yield f"{where}, the comparison of {arm} with {baseline} is undetermined: {test.why}."
        return
    if decision := _of_looks(comparison, analysis):
        yield from _at_look(where, comparison, decision, analysis, test)
        return
    evidence = f"with {_seeds(comparison)}: {_p_values(test, comparison, analysis)}"
    if analysis.interim:
        yield f"{where}, the comparison of {arm} with {baseline} is undecided until the study is complete."
        yield f"So far, {evidence}."
    elif comparison.established:
        worse = baseline if better(comparison) == arm else arm
        yield f"{where}, {better(comparison)} scores higher than {worse}."
        yield f"This is established {evidence}."
    else:
        yield f"{where}, a difference between {arm} and {baseline} is not established {evidence}."
    if comparison.decision is not None and not analysis.interim:
        yield _equality(comparison, comparison.decision)
    yield from _effect(comparison)
    if comparison.correlation is not None:
        yield f"The scores of pairs correlate by {comparison.correlation:.2f}."
    if isinstance(comparison.detectable, float):
        yield _detectable(f"a difference of {comparison.detectable:.0%}", baseline)
        needed = comparison.seeds_needed.get(_EFFECT)
        if needed is not None:
            yield f"A difference of {_EFFECT:.0%} {_needs(needed)}."


def _of_looks(comparison: Comparison, analysis: Analysis) -> Decision | None:
    """Return the decision if the study declared looks; it stands although other comparisons go on."""
    has_looks = analysis.primary is not None and analysis.primary.sequential is not None
    return comparison.decision if has_looks else None


def _at_look(
    where: str, comparison: Comparison, decision: Decision, analysis: Analysis, test: Test
) -> Iterator[str]:
    """Yield the sentences on a comparison of a study with looks."""
    arm, baseline = comparison.arm, comparison.baseline
    look = f"look {decision.look} of {decision.looks}, with {decision.seeds} seeds per arm"
    p_values = _p_values(test, comparison, analysis)
    match decision.outcome:
        case "better" | "worse":
            ahead = comparison.arm if decision.outcome == "better" else comparison.baseline
            yield f"{where}, {ahead} scores higher than {baseline if ahead == arm else arm}."
            yield f"This is established at {look}: {p_values}."
        case "equal":
            yield f"{where}, {arm} and {baseline} are equal within {decision.margin}."
            yield f"This is established at {look}."
        case "futile":
            yield f"{where}, the comparison of {arm} with {baseline} was stopped as futile at {look}."
            yield f"A difference is not established: {p_values}."
            yield f"By the trend so far, the last look would decide with probability {decision.chance:.2f}."
        case "undecided":
            yield f"{where}, the comparison of {arm} with {baseline} is not decided at {look}: {p_values}."
        case "open":
            yield f"{where}, the comparison of {arm} with {baseline} is open after {look}: {p_values}."
    yield _equality(comparison, decision)
    if decision.outcome in ("futile", "undecided") and decision.more_seeds is not None:
        yield f"By this trend, {decision.more_seeds:,} more seeds per arm would be expected to decide."
    if isinstance(decision.naive, Interval):
        yield (
            f"The mean of {arm} minus that of {baseline} is {_signed(decision.naive)}; this is the naive "
            "estimate, which takes no account of the looks."
        )
    if isinstance(decision.unbiased, Interval) and decision.is_over:
        yield f"Corrected for the stopping it is {_signed(decision.unbiased)}, median-unbiased."
    if isinstance(decision.repeated, Interval):
        yield (
            f"The repeated interval, which holds at all looks at once, is {decision.repeated.low:+,.1f} to "
            f"{decision.repeated.high:+,.1f}."
        )


def _signed(interval: Interval) -> str:
    return f"{interval.estimate:+,.1f} (95% interval {interval.low:+,.1f} to {interval.high:+,.1f})"


def _equality(comparison: Comparison, decision: Decision) -> str:
    """Return the sentence on equality; never "no difference" without a declared margin."""
    if decision.margin is None:
        return "No margin was declared, so nothing can be said about equality."
    if decision.p_equal is None:
        return f"Equality within {decision.margin} is undetermined: the margin has no size."
    welch = decision.equal_welch
    beside = (
        "" if isinstance(welch, Undetermined) else f"; {welch.name} without looks {_equals(welch.p_value)}"
    )
    state = "established" if decision.is_equal else "not established"
    return (
        f"Equality within {decision.margin} is {state}: two one-sided permutation tests, "
        f"{_equals(decision.p_equal)}, after correction {_equals(decision.adjusted_equal)}, level {ALPHA:g}"
        f"{beside}."
    )


def _effect(comparison: Comparison) -> Iterator[str]:
    arm, baseline = comparison.arm, comparison.baseline
    difference, probability = comparison.difference, comparison.probability_of_improvement
    if isinstance(difference, Interval):
        yield (
            f"The mean of {arm} minus that of {baseline} is {difference.estimate:+,.1f} (95% interval "
            f"{difference.low:+,.1f} to {difference.high:+,.1f}, {METHODS[difference.method]})."
        )
    if isinstance(difference, Interval) and isinstance(probability, float):
        yield (f"A run of {arm} scores higher than a run of {baseline} with probability {probability:.2f}.")


def _detectable(difference: str, baseline: str) -> str:
    return f"With these seeds, {difference} of {baseline}'s score would be found in 8 of 10 studies (t test)."


def _needs(needed: Seeds | Undetermined) -> str:
    if isinstance(needed, Undetermined):
        return f"needs an undetermined number of seeds ({needed.why})"
    return (
        f"needs {needed.needed} seeds per arm (95% interval {needed.low} to {needed.high}, because the "
        "spread of the scores is known only roughly)"
    )


def _established_together(comparisons: Sequence[Comparison], analysis: Analysis) -> Iterator[str]:
    """Yield a paragraph on the established ones of many comparisons, if there are any."""
    by_task: dict[str | None, list[Comparison]] = defaultdict(list)
    for one in comparisons:
        if is_concluded(one, analysis):
            by_task[one.env].append(one)
    parts = []
    for env, several in sorted(by_task.items(), key=lambda item: (item[0] is not None, item[0] or "")):
        up = [one.arm for one in several if better(one) == one.arm]
        down = [one.arm for one in several if better(one) != one.arm]
        said = [f"{named(arms)} {way}" for arms, way in ((up, "higher"), (down, "lower")) if arms]
        parts.append(f"{'over all tasks' if env is None else f'on {env}'}: {', '.join(said)}")
    if parts:
        yield (
            f"Established differences from {analysis.baseline} ({_family(comparisons, analysis)}): "
            f"{'; '.join(parts)}."
        )


def _family(comparisons: Sequence[Comparison], analysis: Analysis) -> str:
    declared = {one.primary for one in comparisons if is_concluded(one, analysis)}
    kind = {True: "declared beforehand", False: "exploratory"}
    return (
        f"corrected p at most {ALPHA:g}; {' and '.join(kind[one] for one in sorted(declared, reverse=True))}"
    )


def _summary(comparisons: Sequence[Comparison], analysis: Analysis) -> Iterator[str]:
    """Yield the sentences on the others of many comparisons; the table has each of them."""
    concluded = {one.arm for one in comparisons if is_concluded(one, analysis)}
    nowhere = [name for name in dict.fromkeys(one.arm for one in comparisons) if name not in concluded]
    left = sum(not is_concluded(one, analysis) for one in comparisons)
    if analysis.interim:
        yield f"Undecided until the study is complete: {left} comparisons with {analysis.baseline}."
    elif left:
        of = f"{left} of {len(comparisons)} comparisons"
        yield f"A difference from {analysis.baseline} is not established in {of}."
        if nowhere:
            where = " on any task, or over all tasks," if len(analysis.tasks) > 1 else ""
            yield f"No difference is established{where} for {named(nowhere)}."
    shares = [one.detectable for one in comparisons if isinstance(one.detectable, float)]
    if shares:
        yield _detectable(f"differences of {_range(shares, '{:.0%}')}", analysis.baseline)
    needed = [one.seeds_needed.get(_EFFECT) for one in comparisons]
    seeds = [one.needed for one in needed if isinstance(one, Seeds)]
    if seeds:
        yield f"Differences of {_EFFECT:.0%} need {_range(seeds, '{}')} seeds per arm."


def _range(values: Sequence[float], text: str) -> str:
    ends = [text.format(end) for end in (min(values), max(values))]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _p_values(test: Test, comparison: Comparison, analysis: Analysis) -> str:
    """Return p before and after its correction, the level, the test, and the family of the comparison."""
    family = "declared beforehand" if comparison.primary else "exploratory"
    p = _equals(test.p_value)
    if comparison.adjusted is not None and abs(comparison.adjusted - test.p_value) >= 1e-12:
        declared = analysis.primary if comparison.primary else None
        how = CORRECTIONS[declared.correction if declared is not None else "benjamini-hochberg"]
        p += f", after {how} {_equals(comparison.adjusted)}"
    return f"{p}, level {ALPHA:g} ({test.name}; {family})"


def _equals(p: float | None) -> str:
    text = p_value(p)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def _seeds(comparison: Comparison) -> str:
    of_arm, of_baseline = comparison.seeds
    if of_arm == of_baseline:
        return f"{of_arm} seeds per arm"
    return f"{of_arm} seeds of {comparison.arm} and {of_baseline} of {comparison.baseline}"
