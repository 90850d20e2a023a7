"""From runs to scores, comparisons and warnings."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from swimrl.errors import ConfigError
from swimrl.reporting.findings import Analysis, Undetermined
from swimrl.reporting.read import Run
from swimrl.stats.interval import Interval
from tests.reporting.studies import DIVERGED, PRIMARY, STEPS, analysis_of, record, rising, run, runs, two_arms


def declared(levels: dict[str, list[float]], primary: dict[str, Any] = PRIMARY, **fields: Any) -> list[Run]:
    return [
        dataclasses.replace(
            one, record=record(env="Hopper-v4", act=one.arm, seed=one.seed, primary=primary), **fields
        )
        for one in runs({("Hopper-v4", name): several for name, several in levels.items()})
    ]


FOUR = [100.0, 110, 120, 130]
HIGHER = [200.0, 210, 220, 230]


def pair(analysis: Analysis, env: str | None, arm: str) -> Any:
    return next(one for one in analysis.comparisons if (one.env, one.arm) == (env, arm))


def test_an_arm_has_the_numbers_of_its_runs() -> None:
    analysis = analysis_of(two_arms())
    arm = analysis.arm("Hopper-v4", "swim")
    assert arm is not None
    levels = [*HIGHER, 240.0]
    scores = np.array([rising(level, seed)[-10:].mean() for seed, level in enumerate(levels)])
    np.testing.assert_allclose(arm.scores, scores)
    assert arm.spread == pytest.approx(scores.std(ddof=1))
    assert arm.median == pytest.approx(np.median(scores))
    assert isinstance(arm.iqm, Interval)
    assert arm.iqm.estimate == pytest.approx(scipy_stats.trim_mean(scores, 0.25))
    mean_curve = np.mean([rising(level, seed) for seed, level in enumerate(levels)], axis=0)
    assert arm.max_of_mean == pytest.approx(mean_curve.max())
    assert analysis.names == ["relu", "swim"]
    assert analysis.tasks == ["Ant-v4", "Hopper-v4"]


def test_a_comparison_is_scipys() -> None:
    analysis = analysis_of(two_arms())
    found = pair(analysis, "Ant-v4", "swim")
    x, y = (analysis.scores(name)["Ant-v4"] for name in ("swim", "relu"))
    assert found.test.p_value == pytest.approx(scipy_stats.mannwhitneyu(x, y).pvalue)
    welch = scipy_stats.ttest_ind(x, y, equal_var=False).confidence_interval()
    assert (found.difference.low, found.difference.high) == pytest.approx((welch.low, welch.high))
    assert found.probability_of_improvement == scipy_stats.mannwhitneyu(x, y).statistic / 25
    assert not found.established


def test_without_a_declaration_all_comparisons_are_a_screen_corrected_by_bh() -> None:
    analysis = analysis_of(two_arms())
    assert not analysis.metric_declared
    assert [one.primary for one in analysis.comparisons] == [False] * 3
    raw = [one.test.p_value for one in analysis.comparisons]  # type: ignore[union-attr]
    adjusted = [one.adjusted for one in analysis.comparisons]
    assert adjusted == pytest.approx(scipy_stats.false_discovery_control(raw))
    assert pair(analysis, "Hopper-v4", "swim").established


def test_over_all_tasks_a_test_is_stratified_and_a_difference_has_no_unit() -> None:
    found = pair(analysis_of(two_arms()), None, "swim")
    assert "stratified by task" in found.test.name
    assert isinstance(found.difference, Undetermined)
    assert isinstance(found.detectable, Undetermined)


def test_the_declared_comparison_is_the_primary_family_and_holm_corrects_it() -> None:
    primary = {**PRIMARY, "comparisons": ["swim", "tanh"]}
    arms = {"relu": FOUR, "swim": HIGHER, "tanh": [1.0, 2, 3, 4], "elu": [90.0, 150, 99, 131]}
    analysis = analysis_of(declared(arms, primary))
    assert analysis.metric_declared
    assert analysis.interim is None
    assert {one.arm: one.primary for one in analysis.comparisons} == {
        "swim": True,
        "tanh": True,
        "elu": False,
    }
    assert pair(analysis, "Hopper-v4", "swim").adjusted == pytest.approx(2 / 35)  # twice 2 / (8 over 4)
    elu = pair(analysis, "Hopper-v4", "elu")
    assert elu.adjusted == elu.test.p_value


@pytest.mark.parametrize(
    "choice", [{"metric": "auc"}, {"baseline": "swim"}, {"until": 30_000.0}, {"by": ("act", "td3.lr")}]
)
def test_what_is_chosen_otherwise_than_declared_is_exploratory(choice: dict[str, Any]) -> None:
    analysis = analysis_of(declared({"relu": FOUR, "swim": HIGHER}), **choice)
    assert not analysis.metric_declared
    assert not any(one.primary for one in analysis.comparisons)


def test_over_several_declared_tasks_only_the_stratified_test_is_primary() -> None:
    primary = {**PRIMARY, "environments": []}
    both = [
        dataclasses.replace(one, record=record(env=one.env, act=one.arm, seed=one.seed, primary=primary))
        for one in two_arms()
    ]
    analysis = analysis_of(both)
    assert [one.env for one in analysis.comparisons if one.primary] == [None]
    # With another set of tasks it is not the test that was declared.
    fewer = [one for one in both if one.env == "Ant-v4"]
    declared_two = {**PRIMARY, "environments": ["Ant-v4", "Hopper-v4"]}
    fewer = [
        dataclasses.replace(one, record=record(env=one.env, act=one.arm, seed=one.seed, primary=declared_two))
        for one in fewer
    ]
    assert not any(one.primary for one in analysis_of(fewer).comparisons)


def test_below_the_planned_seeds_it_is_interim() -> None:
    few = analysis_of(declared({"relu": FOUR, "swim": HIGHER[:3]}))
    assert few.interim == "swim on Hopper-v4 has 3 of 4 planned seeds"
    absent = analysis_of(declared({"relu": FOUR}))
    assert absent.interim == "swim on Hopper-v4 has 0 of 4 planned seeds"


def test_while_a_run_is_at_work_it_is_interim() -> None:
    at_work = run(seed=9, steps=STEPS[:5], returns=rising(1)[:5], status="running")
    analysis = analysis_of([*two_arms(), at_work])
    assert analysis.interim == "1 of 21 runs is not finished"
    (left_out,) = analysis.excluded
    assert "relu, seed 9 (running): its last evaluation is at step 20,000, before 60,000" in left_out.why


def test_pairs_only_where_declared() -> None:
    paired = analysis_of(declared({"relu": FOUR, "swim": HIGHER}, {**PRIMARY, "paired": True}))
    found = pair(paired, "Hopper-v4", "swim")
    assert found.test.name == "exact permutation, paired"
    assert found.difference.method == "student-t"
    x, y = (paired.scores(name)["Hopper-v4"] for name in ("swim", "relu"))
    assert found.correlation == pytest.approx(np.corrcoef(x, y)[0, 1])
    of_csv = analysis_of([dataclasses.replace(one, is_paired=True) for one in two_arms()])
    assert "paired" in pair(of_csv, "Ant-v4", "swim").test.name
    assert pair(analysis_of(two_arms()), "Ant-v4", "swim").correlation is None


def test_pairs_are_matched_by_seed_and_a_seed_without_partner_counts_in_no_pair() -> None:
    arms = declared({"relu": FOUR, "swim": HIGHER}, {**PRIMARY, "paired": True, "planned_seeds": 3})
    analysis = analysis_of([one for one in reversed(arms) if (one.arm, one.seed) != ("swim", 1)])
    found = pair(analysis, "Hopper-v4", "swim")
    assert found.seeds == (3, 3)
    assert found.difference.estimate == pytest.approx(90, abs=1)


def test_a_diverged_run_counts_and_is_counted() -> None:
    short = run("Hopper-v4", "swim", 5, steps=STEPS[:8], returns=rising(200)[:8], **DIVERGED)
    analysis = analysis_of([*two_arms(), short])
    arm = analysis.arm("Hopper-v4", "swim")
    assert arm is not None
    assert (len(arm.scores), arm.diverged) == (6, 1)
    expected = np.append(rising(200)[3:8], np.full(5, 10.0)).mean()  # a random policy scores 10
    assert arm.scores[5] == pytest.approx(expected)
    assert "1 run diverged; diverged runs are part of the scores" in analysis.warnings[0]


def test_a_study_may_declare_that_the_last_evaluation_counts_on() -> None:
    arms = declared({"relu": FOUR, "swim": HIGHER}, {**PRIMARY, "diverged": "last-evaluation"})
    arms[-1] = dataclasses.replace(arms[-1], steps=STEPS[:8], returns=rising(200)[:8], **DIVERGED)
    arm = analysis_of(arms).arm("Hopper-v4", "swim")
    assert arm is not None
    assert arm.scores[-1] == pytest.approx(np.append(rising(200)[3:8], np.full(5, rising(200)[7])).mean())


def test_where_no_random_policy_was_measured_the_untrained_policy_stands_for_it() -> None:
    short = run("Mine-v0", "relu", 1, steps=STEPS[:8], returns=np.arange(8) + 5.0, **DIVERGED)
    analysis = analysis_of([run("Mine-v0"), short])
    arm = analysis.arm("Mine-v0", "relu")
    assert arm is not None
    assert arm.scores[1] == (5 * 5 + sum(range(8, 13))) / 10
    assert "no random policy was measured on Mine-v0" in " ".join(analysis.warnings)


def test_an_infrastructure_failure_is_left_out_and_listed() -> None:
    lost = run("Hopper-v4", "swim", 5, status="failed", failure="error", reason="MemoryError: out of memory")
    analysis = analysis_of([*two_arms(), lost])
    arm = analysis.arm("Hopper-v4", "swim")
    assert arm is not None
    assert (len(arm.scores), arm.diverged) == (5, 0)
    assert "it failed, but did not diverge: MemoryError" in analysis.excluded[0].why


def test_runs_of_unequal_length_are_compared_where_all_have_been_and_told() -> None:
    longer = run("Hopper-v4", "swim", 5, steps=np.append(STEPS, 70_000), returns=np.append(rising(200), 1e6))
    analysis = analysis_of([*two_arms(), longer])
    assert analysis.until["Hopper-v4"] == 60_000
    assert "on Hopper-v4, 1 run continued beyond step 60,000" in analysis.warnings[0]


def test_differing_versions_are_named() -> None:
    arms = declared({"relu": FOUR, "swim": HIGHER})
    old = record(env="Hopper-v4", act="swim", seed=3, primary=PRIMARY)
    old.versions["mujoco"] = "3.3.7"
    arms[-1] = dataclasses.replace(arms[-1], record=old)
    assert analysis_of(arms).warnings == ("runs differ in mujoco: 3.17.0 (7 runs), 3.3.7 (1 runs)",)


def test_normalised_scores_are_of_the_random_policy_and_the_baseline() -> None:
    analysis = analysis_of(two_arms())
    pooled = next(one for one in analysis.normalised if (one.env, one.arm) == (None, "swim"))
    means = []
    for env, zero in (("Hopper-v4", 10.0), ("Ant-v4", -20.0)):
        x, one = (analysis.scores(name)[env] for name in ("swim", "relu"))
        means.append((x.mean() - zero) / (one.mean() - zero))
    assert isinstance(pooled.aggregates["mean"], Interval)
    assert pooled.aggregates["mean"].estimate == pytest.approx(np.mean(means))
    unknown = analysis_of(two_arms(), random_returns={"Ant-v4": -20.0})
    pooled = next(one for one in unknown.normalised if (one.env, one.arm) == (None, "swim"))
    assert isinstance(pooled.aggregates["mean"], Undetermined)
    assert "on Hopper-v4 was never measured" in pooled.aggregates["mean"].why


def test_the_same_seed_gives_the_same_analysis() -> None:
    def numbers(seed: int) -> Any:
        analysis = analysis_of(two_arms(), seed=seed)
        return [arm.mean_bootstrap_t for arm in analysis.arms], analysis.normalised

    assert numbers(1) == numbers(1)
    assert numbers(1) != numbers(2)


def test_one_run_leaves_its_numbers_undetermined() -> None:
    analysis = analysis_of([run(), run(arm="swim", level=200)])
    arm = analysis.arm("Hopper-v4", "swim")
    assert arm is not None
    assert isinstance(arm.mean, Undetermined)
    assert isinstance(arm.spread, Undetermined)
    found = pair(analysis, "Hopper-v4", "swim")
    assert isinstance(found.difference, Undetermined)
    assert found.test.p_value == 1
    assert not found.established


def test_wrong_choices_say_what_there_is() -> None:
    with pytest.raises(
        ConfigError, match=r"--metric 'last1' is unknown; did you mean 'last10'\? Expected one of"
    ):
        analysis_of([run()], metric="last1")
    with pytest.raises(
        ConfigError, match="--baseline 'gelu' is not an arm of these runs; expected one of relu, swim"
    ):
        analysis_of([run(), run(arm="swim")], baseline="gelu")
    with pytest.raises(ConfigError, match="no run has a score final100"):
        analysis_of([run()], metric="final100")


def test_the_baseline_is_the_declared_one_else_relu_else_swish() -> None:
    assert analysis_of([run(arm="swim"), run(arm="swish")]).baseline == "swish"
    assert analysis_of([run(arm="elu"), run(arm="relu")]).baseline == "relu"
    assert analysis_of([run(arm="elu"), run(arm="tanh")]).baseline == "elu"
    assert analysis_of([run(arm="relu"), run(arm="swish")], baseline="silu").baseline == "swish"
    primary = {**PRIMARY, "baseline": "swim", "comparisons": ["relu"]}
    assert analysis_of(declared({"relu": FOUR, "swim": HIGHER}, primary)).baseline == "swim"


def test_runs_of_a_tuning_are_refused_beside_others() -> None:
    tuned = [run(seed=1000, record=record(env="Hopper-v4", act="relu", seed=1000))]
    others = [run(seed=0, record=record(env="Hopper-v4", act="relu", seed=0))]
    with pytest.raises(ConfigError, match="1 of 2 runs have seeds from 1000 on, which are for tuning"):
        analysis_of([*tuned, *others])
    assert analysis_of(tuned).arms
    analysis_of([run(seed=1000), run(seed=0)])  # files of others may use any seeds
