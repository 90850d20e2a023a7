"""Decisions on declared comparisons, look by look."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from swimrl.reporting.findings import Analysis, Decision
from swimrl.reporting.verdict import sentences, short
from swimrl.stats.interval import Interval
from tests.reporting.studies import analysis_of, record, runs

SEQUENTIAL: dict[str, Any] = {
    "baseline": "relu",
    "comparisons": ["swim", "tanh"],
    "sequential": {"looks": [5, 8, 12], "spending": "pocock"},
}
RELU = [100.0, 112, 95, 120, 90, 108, 103, 117, 99, 111, 96, 105]
LIKE_RELU = [103.0, 109, 97, 118, 92, 106, 101, 119, 98, 113, 94, 107]


def declared(levels: Mapping[str, Sequence[float]], primary: Mapping[str, Any]) -> Analysis:
    """An analysis of runs on Hopper that record this declaration."""
    whole = {"planned_seeds": 12, **primary}
    if "sequential" in whole:
        whole["planned_seeds"] = whole["sequential"]["looks"][-1]
    with_records = [
        dataclasses.replace(one, record=record(env=one.env, act=one.arm, seed=one.seed, primary=whole))
        for one in runs({("Hopper-v4", arm): several for arm, several in levels.items()})
    ]
    return analysis_of(with_records)


def decision_on(arm: str, analysis: Analysis) -> Decision:
    (one,) = (c for c in analysis.comparisons if c.arm == arm and c.primary)
    assert one.decision is not None
    return one.decision


def test_a_clear_comparison_is_decided_at_the_first_look_and_the_other_stays_open() -> None:
    levels = {"relu": RELU[:5], "swim": [200 + x for x in RELU[:5]], "tanh": LIKE_RELU[:5]}
    analysis = declared(levels, SEQUENTIAL)
    swim, tanh = decision_on("swim", analysis), decision_on("tanh", analysis)
    assert (swim.outcome, swim.look, swim.looks, swim.seeds) == ("better", 1, 3, 5)
    assert (tanh.outcome, tanh.look) == ("open", 1)
    text = " ".join(sentences(analysis))
    assert "INTERIM: the next look at tanh is to come. What a look has decided stands." in text
    assert (
        "On Hopper-v4, swim scores higher than relu. This is established at look 1 of 3, with 5 seeds" in text
    )
    assert "tanh with relu is open after look 1 of 3" in text
    assert "the naive estimate, which takes no account of the looks" in text
    assert "Corrected for the stopping it is +" in text
    assert "The repeated interval, which holds at all looks at once" in text
    assert "No margin was declared, so nothing can be said about equality." in text


def test_an_arm_that_stopped_early_keeps_its_decision_when_others_go_on() -> None:
    levels = {"relu": RELU, "swim": [200 + x for x in RELU[:5]], "tanh": LIKE_RELU}
    analysis = declared(levels, SEQUENTIAL)
    assert (decision_on("swim", analysis).outcome, decision_on("swim", analysis).look) == ("better", 1)
    assert (decision_on("tanh", analysis).outcome, decision_on("tanh", analysis).look) == ("undecided", 3)
    assert analysis.interim is None
    assert "more seeds per arm would be expected to decide" in " ".join(sentences(analysis))


def test_an_arm_without_its_first_look_counts_in_the_correction() -> None:
    """Swim alone would be established at its p, and is not in a family of two."""
    levels = {"relu": RELU[:5], "swim": [200 + x for x in RELU[:5]], "tanh": LIKE_RELU[:4]}
    one = {**SEQUENTIAL, "sequential": {"looks": [5, 12], "spending": "pocock"}}
    swim = decision_on("swim", declared(levels, one))
    assert swim.adjusted == pytest.approx(2 * swim.p_value)
    in_sequence = declared(levels, {**one, "comparisons": ["tanh", "swim"], "correction": "fixed-sequence"})
    assert decision_on("swim", in_sequence).adjusted == 1


def test_a_declared_graph_passes_the_level_of_an_established_comparison_on() -> None:
    levels = {"relu": RELU, "swim": [200 + x for x in RELU], "tanh": [18 + x for x in RELU]}
    graph = {"weights": {"swim": 0.9, "tanh": 0.1}, "transfer": {"swim": {"tanh": 1}}}
    analysis = declared(levels, {**SEQUENTIAL, "correction": "graph", "graph": graph})
    swim, tanh = decision_on("swim", analysis), decision_on("tanh", analysis)
    assert swim.adjusted == pytest.approx(swim.p_value / 0.9)
    assert tanh.adjusted == pytest.approx(max(tanh.p_value, swim.adjusted))
    assert "after the declared graph's correction p" in " ".join(sentences(analysis))


def test_seeds_between_two_looks_wait_for_the_next() -> None:
    levels = {"relu": RELU[:7], "swim": [*RELU[:5], 900.0, 900.0], "tanh": LIKE_RELU[:7]}
    assert decision_on("swim", declared(levels, SEQUENTIAL)).look == 1
    some_missing = {"relu": RELU[:3], "swim": RELU[:5], "tanh": LIKE_RELU[:5]}
    analysis = declared(some_missing, SEQUENTIAL)
    assert all(c.decision is None for c in analysis.comparisons)
    assert short(analysis.comparisons[0], analysis).startswith("undetermined: the runs of the first look")


def test_arms_that_are_equal_within_the_margin_are_called_so() -> None:
    levels = {"relu": RELU, "swim": LIKE_RELU, "tanh": [x + 60 for x in RELU]}
    analysis = declared(levels, {**SEQUENTIAL, "margin": "20%"})
    swim, tanh = decision_on("swim", analysis), decision_on("tanh", analysis)
    assert swim.outcome == "equal"
    assert swim.is_equal
    assert tanh.outcome == "better"
    assert not tanh.is_equal
    text = " ".join(sentences(analysis))
    assert "On Hopper-v4, swim and relu are equal within 20%." in text
    assert "Equality within 20% is established: two one-sided permutation tests, p " in text
    assert "no difference" not in text


def test_a_comparison_without_hope_is_stopped_as_futile() -> None:
    futile = {**SEQUENTIAL, "sequential": {**SEQUENTIAL["sequential"], "futility": 0.2}}
    levels = {"relu": RELU[:8], "swim": [200 + x for x in RELU[:8]], "tanh": LIKE_RELU[:8]}
    tanh = decision_on("tanh", declared(levels, futile))
    assert tanh.outcome == "futile"
    assert tanh.chance is not None
    assert tanh.chance < 0.2
    assert decision_on("tanh", declared(levels, SEQUENTIAL)).outcome == "open"


def test_the_corrected_estimate_is_nearer_to_nothing_than_the_naive_one() -> None:
    levels = {"relu": RELU, "swim": [16 + x for x in RELU], "tanh": LIKE_RELU}
    swim = decision_on("swim", declared(levels, SEQUENTIAL))
    assert isinstance(swim.naive, Interval)
    assert isinstance(swim.unbiased, Interval)
    assert isinstance(swim.repeated, Interval)
    assert abs(swim.unbiased.estimate) <= abs(swim.naive.estimate)
    assert swim.repeated.high - swim.repeated.low > swim.naive.high - swim.naive.low


def test_a_fixed_sequence_stops_at_the_first_that_is_not_established() -> None:
    levels = {"relu": RELU, "swim": LIKE_RELU, "tanh": [200 + x for x in RELU]}
    ordered = {"baseline": "relu", "comparisons": ["swim", "tanh"], "correction": "fixed-sequence"}
    established = {c.arm: c.established for c in declared(levels, ordered).comparisons}
    assert established == {"swim": False, "tanh": False}
    turned = {**ordered, "comparisons": ["tanh", "swim"]}
    established = {c.arm: c.established for c in declared(levels, turned).comparisons}
    assert established == {"swim": False, "tanh": True}


def test_equality_needs_no_looks() -> None:
    levels = {"relu": RELU, "swim": LIKE_RELU}
    fixed = {"baseline": "relu", "comparisons": ["swim"], "margin": "15%"}
    analysis = declared(levels, fixed)
    (one,) = analysis.comparisons
    assert short(one, analysis).startswith("equal within 15% (p ")
    text = " ".join(sentences(analysis))
    assert "a difference between swim and relu is not established with 12 seeds" in text
    assert "Equality within 15% is established" in text
    assert "two one-sided Welch tests without looks" in text


def test_over_several_tasks_the_test_is_stratified() -> None:
    primary = {**SEQUENTIAL, "comparisons": ["swim"], "planned_seeds": 12}
    levels = {
        (env, arm): [x + shift for x in RELU]
        for env in ("Hopper-v4", "Ant-v4")
        for arm, shift in (("relu", 0), ("swim", 15))
    }
    with_records = [
        dataclasses.replace(one, record=record(env=one.env, act=one.arm, seed=one.seed, primary=primary))
        for one in runs(levels)
    ]
    (one,) = (c for c in analysis_of(with_records).comparisons if c.primary)
    assert one.env is None
    assert one.decision is not None
    assert one.decision.outcome == "better"
    assert not isinstance(one.decision.naive, Interval)  # returns of different tasks have no common unit


@pytest.mark.parametrize("outcome", ["better", "worse"])
def test_the_better_arm_is_named_either_way(outcome: str) -> None:
    shift = 200 if outcome == "better" else -60
    levels = {"relu": RELU[:5], "swim": [shift + x for x in RELU[:5]], "tanh": LIKE_RELU[:5]}
    analysis = declared(levels, SEQUENTIAL)
    (one,) = (c for c in analysis.comparisons if c.arm == "swim")
    ahead = "swim" if outcome == "better" else "relu"
    assert short(one, analysis).startswith(f"{ahead} is better (p ")
    assert short(one, analysis).endswith("look 1 of 3)")
