"""The verdict's words follow from the numbers."""

from __future__ import annotations

import dataclasses

from swimrl.reporting.verdict import sentences, short
from tests.reporting.studies import PRIMARY, STEPS, analysis_of, record, rising, run, runs, two_arms

CLOSE = {
    ("Hopper-v4", "relu"): [100.0, 110, 120, 130, 140],
    ("Hopper-v4", "swim"): [105.0, 108, 122, 127, 143],
}


def test_what_is_not_established_says_so_and_what_it_would_take() -> None:
    text = " ".join(sentences(analysis_of(runs(CLOSE))))
    assert "On Hopper-v4, a difference between swim and relu is not established with 5 seeds" in text
    assert "(exact Mann-Whitney, unpaired); p " in text
    assert "welch-t" in text
    assert "would be found in 8 of 10 studies" in text
    assert "one of 10% needs " in text
    assert "EXPLORATORY: nothing was declared before the runs" in text


def test_what_is_established_names_the_better_one() -> None:
    analysis = analysis_of(two_arms())
    text = " ".join(sentences(analysis))
    assert "On Hopper-v4, swim scores above relu: established with 5 seeds" in text
    assert "after Benjamini-Hochberg's correction 0.024" in text
    assert "Over all tasks that both have" in text
    found = next(one for one in analysis.comparisons if one.env == "Hopper-v4")
    assert short(found, analysis) == "swim is better (p 0.024)"
    flipped = analysis_of(two_arms(), baseline="swim")
    assert "On Hopper-v4, swim scores above relu: established" in " ".join(sentences(flipped))


def test_nothing_is_established_in_between() -> None:
    at_work = run(seed=9, steps=STEPS[:5], returns=rising(1)[:5], status="running")
    analysis = analysis_of([*two_arms(), at_work])
    lines = sentences(analysis)
    assert lines[0] == "INTERIM: 1 of 21 runs are not finished; no winner is marked."
    assert "established" not in " ".join(lines)
    assert (
        "On Hopper-v4, swim against relu is undecided before the study is complete; so far 5 seeds"
        in lines[2]
    )
    assert {short(one, analysis).split(" (")[0] for one in analysis.comparisons} == {"interim"}


def test_a_metric_chosen_afterwards_is_labelled() -> None:
    primary = {**PRIMARY, "planned_seeds": 5}
    arms = [
        dataclasses.replace(one, record=record(env=one.env, act=one.arm, seed=one.seed, primary=primary))
        for one in runs(CLOSE)
    ]
    assert "EXPLORATORY" not in " ".join(sentences(analysis_of(arms)))
    assert "declared beforehand" in " ".join(sentences(analysis_of(arms)))
    chosen = " ".join(sentences(analysis_of(arms, metric="auc")))
    assert "EXPLORATORY: metric, baseline, arms or step were chosen afterwards" in chosen
    assert "the study declared last10 against relu" in chosen


def test_a_single_arm_is_compared_with_nothing() -> None:
    assert sentences(analysis_of([run()])) == ["Nothing is compared: there is only one arm (relu)."]
    apart = analysis_of([run(), run("Ant-v4", "swim")])
    assert sentences(apart)[0] == "Nothing is compared: no arm shares a task with relu."


def test_many_comparisons_are_told_together_and_what_was_found_by_itself() -> None:
    levels = {
        (env, arm): [100 + gain + 3 * seed * (1 + place) % 17 for seed in range(8)]
        for env in ("Hopper-v4", "Ant-v4")
        for place, (arm, gain) in enumerate({"relu": 0, "swim": 100, "tanh": 1, "elu": 2}.items())
    }
    lines = sentences(analysis_of(runs(levels)))
    assert len(lines) == 5  # swim on each task and over both; the rest; exploratory
    assert sum("swim scores above relu: established" in line for line in lines) == 3
    assert lines[3].startswith(
        "A difference from relu is not established for elu (Ant-v4, Hopper-v4, all tasks together); tanh"
    )
    assert "seeds an arm." in lines[3]
    assert " ;" not in lines[3]
