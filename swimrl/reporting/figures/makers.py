"""Every figure that a report can have."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from swimrl.reporting.contents import Contents
from swimrl.reporting.figures import cost, curves, gait, inside, ranks, scores
from swimrl.reporting.figures.figure import Figure
from swimrl.reporting.figures.style import NARROW_WIDTH
from swimrl.reporting.findings import Undetermined
from swimrl.reporting.gait import MOST_ARMS
from swimrl.reporting.section import Section


def figures(contents: Contents) -> list[Figure]:
    """Return every figure that the contents allow; within a section, they stand in this order."""
    return [
        *_at_a_glance(contents),
        *_of_scores(contents),
        *_of_comparisons(contents),
        *_of_efficiency(contents),
        *_of_ranks(contents),
        *_of_sensitivity(contents),
        *_of_costs(contents),
        *_of_the_inside(contents),
        *_of_gait(contents),
    ]


def _at_a_glance(contents: Contents) -> Iterator[Figure]:
    if contents.ranked:
        yield Figure(
            Section.GLANCE,
            "ranked",
            "All arms over all tasks: the interquartile mean of normalised scores (0 is a random policy, the "
            f"dotted 1 the score of {contents.analysis.baseline}) with its 95% interval by the percentile "
            "bootstrap. A filled marker: the corrected test over all tasks establishes a difference. A "
            "hollow one: it does not.",
            partial(scores.ranked, contents.analysis, contents.ranked),
            narrow=partial(scores.ranked, contents.analysis, contents.ranked, width=NARROW_WIDTH),
        )
    else:
        yield _intervals(contents, Section.GLANCE)


def _intervals(contents: Contents, section: Section) -> Figure:
    narrow = partial(scores.intervals, contents.analysis, width=NARROW_WIDTH)
    return Figure(
        section,
        "intervals",
        "Scores: the runs (dots), their mean (marker above them) and its 95% interval (Student's t), the "
        "best mean first.",
        partial(scores.intervals, contents.analysis),
        narrow=narrow if section == Section.GLANCE else None,
    )


def _of_scores(contents: Contents) -> Iterator[Figure]:
    analysis = contents.analysis
    yield Figure(
        Section.SCORES,
        "learning-curves",
        "Learning curves: the mean over seeds, Student's 95% interval at each step by itself, and the line "
        "of each seed.",
        partial(curves.learning_curves, analysis, contents.references),
    )
    if contents.ranked:
        yield _intervals(contents, Section.SCORES)


def _of_comparisons(contents: Contents) -> Iterator[Figure]:
    analysis = contents.analysis
    if len(analysis.names) > 1:
        yield Figure(
            Section.COMPARISONS,
            "probability-of-improvement",
            "Probability that a run of the row's arm scores higher than a run of the column's arm, ties "
            "counted half, averaged over the tasks that both have.",
            partial(scores.improvement, analysis),
        )
    yield Figure(
        Section.COMPARISONS,
        "performance-profile",
        "Performance profile: the share of runs with a score above each level.",
        partial(scores.profile, analysis),
    )


def _of_efficiency(contents: Contents) -> Iterator[Figure]:
    analysis = contents.analysis
    if contents.efficiency:
        yield Figure(
            Section.ONE_SCALE,
            "sample-efficiency",
            "Sample efficiency: interquartile mean of normalised returns (0 is a random policy, 1 the score "
            f"of {analysis.baseline}), with a 95% band by the stratified percentile bootstrap, in which "
            f"{analysis.baseline} is resampled too. With few seeds the band is too narrow.",
            partial(curves.sample_efficiency, analysis, contents.efficiency),
        )


def _of_ranks(contents: Contents) -> Iterator[Figure]:
    ranking = contents.ranking
    if not isinstance(ranking, Undetermined) and len(ranking.names) <= ranks.MOST_RANKED:
        yield Figure(
            Section.RANKS,
            "critical-difference",
            f"Average ranks over {ranking.tasks} tasks, 1 is the best (Demsar 2006). Bars join arms between "
            "which no difference is established: solid by Wilcoxon's tests with Holm's correction, dotted by "
            "Nemenyi's test. A screen: how sure the scores are does not enter.",
            partial(ranks.critical_difference, contents.analysis, ranking),
        )


def _of_sensitivity(contents: Contents) -> Iterator[Figure]:
    if contents.sensitivity:
        yield Figure(
            Section.SENSITIVITY,
            "sensitivity",
            f"Score against {contents.sensitivity[0].key} for each activation: mean and 95% interval "
            "(Student's t). The best of several settings is optimistic.",
            partial(scores.sensitivity, contents.analysis, contents.sensitivity),
        )


def _of_costs(contents: Contents) -> Iterator[Figure]:
    if contents.costs is not None:
        yield Figure(
            Section.COST,
            "reward-against-cost",
            "Reward against cost (logarithmic axis), each with its 95% interval. Costs were measured by "
            f"`swimrl bench` on one host ({contents.costs.host}), not by the clock of a sweep. The dotted "
            "line joins the arms for which no other arm is better in both.",
            partial(cost.cost, contents.analysis, contents.costs),
        )


def _of_the_inside(contents: Contents) -> Iterator[Figure]:
    for group in contents.inside:
        yield Figure(
            Section.INSIDE,
            group.key,
            f"{group.title} on {group.env}: the mean over seeds and the line of each seed; "
            "docs/monitoring.md defines each series.",
            partial(inside.inside, contents.analysis, group.panels),
        )


def _of_gait(contents: Contents) -> Iterator[Figure]:
    for env in dict.fromkeys(strip.env for strip in contents.strips):
        of_task = [strip for strip in contents.strips if strip.env == env]
        yield Figure(
            Section.GAIT,
            f"gait-{env.replace('/', '-')}",
            f"{env}: the middle of the first evaluation episode, of the best, the median and the worst seed "
            "of each arm by their scores, with the steps of the episode. Of more than "
            f"{MOST_ARMS} arms, the best {MOST_ARMS} are shown.",
            partial(gait.gait, of_task),
        )
