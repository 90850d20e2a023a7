"""The verdict's words follow from the numbers."""

from __future__ import annotations

import dataclasses
import re

import pytest

from swimrl.reporting.verdict import headline, sentences, short
from tests.reporting.studies import PRIMARY, STEPS, analysis_of, record, rising, run, runs, two_arms

CLOSE = {
    ("Hopper-v4", "relu"): [100.0, 110, 120, 130, 140],
    ("Hopper-v4", "swim"): [105.0, 108, 122, 127, 143],
}


def test_what_is_not_established_says_so_and_what_it_would_take() -> None:
    text = " ".join(sentences(analysis_of(runs(CLOSE))))
    assert (
        "On Hopper-v4, a difference between swim and relu is not established with 5 seeds per arm: p = "
        in text
    )
    assert "level 0.05 (exact Mann-Whitney, unpaired; exploratory)." in text
    assert "The mean of swim minus that of relu is " in text
    assert "Welch's t" in text
    assert "would be found in 8 of 10 studies" in text
    assert "A difference of 10% needs " in text
    assert "EXPLORATORY: nothing was declared before the first run." in text


def test_what_is_established_names_the_better_one() -> None:
    analysis = analysis_of(two_arms())
    text = " ".join(sentences(analysis))
    assert (
        "On Hopper-v4, swim scores higher than relu. This is established with 5 seeds per arm: p = " in text
    )
    assert "after Benjamini-Hochberg's correction p = 0.024" in text
    assert "Over all tasks that both have" in text
    found = next(one for one in analysis.comparisons if one.env == "Hopper-v4")
    assert short(found, analysis) == "swim is better (p 0.024)"
    flipped = analysis_of(two_arms(), baseline="swim")
    assert "On Hopper-v4, swim scores higher than relu. This is established" in " ".join(sentences(flipped))


def test_nothing_is_established_in_between() -> None:
    at_work = run(seed=9, steps=STEPS[:5], returns=rising(1)[:5], status="running")
    analysis = analysis_of([*two_arms(), at_work])
    lines = sentences(analysis)
    assert lines[0] == "INTERIM: 1 of 21 runs is not finished, so no winner is marked."
    assert "established" not in " ".join(lines)
    assert (
        "On Hopper-v4, the comparison of swim with relu is undecided until the study is complete. So far, "
        "with 5 seeds per arm: p = " in lines[2]
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
    assert "EXPLORATORY: the metric, the baseline, the arms or the step were chosen after the runs." in chosen
    assert "The study had declared last10 against relu" in chosen


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
    assert lines[0] == (
        "Established differences from relu (corrected p at most 0.05; exploratory): over all tasks: swim "
        "higher; on Ant-v4: swim higher; on Hopper-v4: swim higher."
    )
    assert lines[1].startswith(
        "A difference from relu is not established in 6 of 9 comparisons. No difference is established "
        "on any task, or over all tasks, for elu and tanh."
    )
    assert len(lines) == 3  # the last says that the study is exploratory


def test_the_answer_stands_in_one_sentence() -> None:
    hopper = [one for one in two_arms() if one.env == "Hopper-v4"]
    assert headline(analysis_of(hopper)) == "On Hopper-v4, swim scores higher than relu."
    assert headline(analysis_of(hopper, baseline="swim")) == "On Hopper-v4, relu scores lower than swim."
    assert headline(analysis_of(two_arms())) == (
        "Over 2 tasks, a difference from relu is not established for swim."
    )
    assert headline(analysis_of(runs(CLOSE))) == (
        "On Hopper-v4, a difference from relu is not established for swim."
    )
    at_work = run(seed=9, steps=STEPS[:5], returns=rising(1)[:5], status="running")
    assert headline(analysis_of([*two_arms(), at_work])) == (
        "INTERIM: Over 2 tasks, the comparison with relu is undecided so far for swim."
    )
    assert headline(analysis_of([run()])) == "Nothing is compared: there is only one arm (relu)."


def test_of_many_arms_a_sentence_names_some_and_counts_the_others() -> None:
    levels = {("Hopper-v4", f"arm{i:02}"): [100.0 + i + s for s in range(3)] for i in range(12)}
    paragraphs = sentences(analysis_of(runs(levels), baseline="arm00"))
    assert "for arm01, arm02, arm03, arm04, arm05, arm06 and 5 more." in " ".join(paragraphs)
    assert max(map(len, paragraphs)) < 400


@pytest.mark.parametrize("name", ["a ;b", "a .b", "a ; b . c"])
def test_names_stand_in_the_verdict_as_they_are(name: str) -> None:
    levels = {("Hopper-v4", "relu"): [100.0, 110, 120], ("Hopper-v4", name): [105.0, 108, 122]}
    (paragraph, _) = sentences(analysis_of(runs(levels)))
    assert f"a difference between {name} and relu is not established" in paragraph
    assert f"The mean of {name} minus that of relu" in paragraph
    many = {("Hopper-v4", arm): [100.0 + i, 110, 121] for i, arm in enumerate(["relu", *"bcde", name])}
    (paragraph, _) = sentences(analysis_of(runs(many)))
    assert f"No difference is established for {name}, b, c, d and e." in paragraph


def test_every_sentence_ends_once_and_is_divided_from_the_next() -> None:
    for levels in (CLOSE, two_arms()):
        many = runs(levels) if isinstance(levels, dict) else levels
        for paragraph in sentences(analysis_of(many)):
            assert paragraph.endswith(".")
            assert not re.search(r"  | [.;:,]|\.\.|\.[A-Z]", paragraph), paragraph


def test_unequal_numbers_of_seeds_are_told_apart() -> None:
    levels = {("Hopper-v4", "relu"): [100.0, 110, 120, 130], ("Hopper-v4", "swim"): [105.0, 108, 122]}
    assert "with 3 seeds of swim and 4 of relu: p = " in sentences(analysis_of(runs(levels)))[0]
