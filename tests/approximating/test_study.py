"""Paired episodes with polynomials in place of activations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import swimrl
from swimrl.activations.language.names import parse_name
from swimrl.activations.numpy.function import numpy_function
from swimrl.approximating import Settings, approximate, measure, measure_each, write_policy
from swimrl.approximating.actor import actor_of
from swimrl.approximating.arms import arms_of
from swimrl.envs.seeding import final_seeds
from swimrl.errors import InputError, RunExistsError
from tests.approximating.conftest import SMALL

FEW = Settings(degrees=(2, 30), episodes=3, calibration_episodes=2)


def test_the_actor_is_the_policy_of_the_run(runs):
    observations = np.random.default_rng(0).normal(size=(20, 3))
    actor = actor_of(runs[0])
    expected = np.array([runs[0].policy(o.astype(np.float32)) for o in observations])
    np.testing.assert_allclose(actor.act(observations, actor.functions), expected, atol=1e-5)


def test_a_fine_polynomial_changes_actions_by_less_than_the_propagated_bound(runs):
    """Errors of a layer reach the action through the later weights and the largest slopes."""
    actor = actor_of(runs[0])
    observations = np.random.default_rng(0).normal(size=(200, 3))
    inputs: list[list[np.ndarray]] = [[], []]
    exact = actor.act(observations, actor.functions, lambda number, z: inputs[number].append(z))
    settings = Settings(degrees=(62,), episodes=2, calibration_episodes=2)
    arm = arms_of(actor, [np.concatenate(z) for z in inputs], settings)[1]
    norms = [np.abs(layer.weight.astype(float)).sum(axis=1).max() for layer in actor.controller.layers]
    upper = [layer.upper for layer in arm.layers]
    # |swim'| <= 1.2; the largest row sum is the norm for the largest error of a unit.
    bound = (upper[0] * norms[1] * 1.2 + upper[1]) * norms[2] * 2.0
    change = np.abs(actor.act(observations, arm.functions) - exact).max()
    assert 0 < change <= bound < 1e-3


@pytest.fixture(scope="module")
def measured(runs):
    """The first run, measured with `FEW`."""
    return measure(runs[0], FEW)


def test_episodes_are_paired_and_the_finest_arm_is_nearly_exact(runs, measured):
    exact, coarse, fine = measured.arms
    assert [arm.arm.degree for arm in measured.arms] == [None, 2, 30]
    assert np.abs(fine.returns - exact.returns).max() < 0.05 * np.abs(exact.returns).max()
    assert np.abs(coarse.returns - exact.returns).mean() > np.abs(fine.returns - exact.returns).mean()
    assert exact.lengths.tolist() == [200, 200, 200]
    env = runs[0].make_environment()
    seed = final_seeds(0)[0]
    try:
        observation, _ = env.reset(seed=seed)
    except (OverflowError, ValueError):
        observation, _ = env.reset(seed=final_seeds(0)[1])
    total, actor = 0.0, actor_of(runs[0])
    for _ in range(200):
        observation, reward, *_ = env.step(
            actor.act(observation[None], actor.functions)[0].astype(np.float32)
        )
        total += float(reward)
    env.close()
    assert exact.returns[0] == pytest.approx(total, rel=1e-3)


def test_settings_that_are_measured_together_share_the_exact_policy(runs, measured):
    """Each has the numbers that it has alone, also with fewer episodes and a range of its own."""
    small = replace(FEW, degrees=(2,), range="0.05", episodes=2)
    together = measure_each(runs[0], [FEW, small])
    for one, alone in zip(together, (measured, measure(runs[0], small)), strict=True):
        for arm, expected in zip(one.arms, alone.arms, strict=True):
            np.testing.assert_equal(
                [arm.returns, arm.lengths, arm.share_outside, arm.worst, arm.first_outside],
                [
                    expected.returns,
                    expected.lengths,
                    expected.share_outside,
                    expected.worst,
                    expected.first_outside,
                ],
            )
    with pytest.raises(InputError, match="same calibration_episodes"):
        measure_each(runs[0], [FEW, replace(FEW, calibration_episodes=3)])


def test_a_small_range_is_left_and_counted(runs):
    measured = measure(runs[0], replace(FEW, range="0.05"))
    arm = measured.arms[-1]
    assert arm.share_outside.min() > 0.1
    assert arm.worst.min() > 1
    assert set(arm.first_outside.tolist()) == {0}


def test_a_policy_of_polynomials_is_watched_with_its_own_bounds(tmp_path):
    """Its activations are replaced by equal ones, so that only the range of the count differs."""
    act = "poly(swim, degree=2, bound=0.5),poly(tanh, degree=3, bound=50)"
    run = swimrl.train(act=act, out=tmp_path, **{**SMALL, "steps": 1})
    exact, same = measure(run, replace(FEW, degrees=(3,), range="60")).arms
    assert [bounds[0] for bounds in exact.arm.bounds] == [0.5, 50.0]
    assert exact.share_outside.min() > 0.05
    assert exact.worst.min() > 1
    assert not same.share_outside.any()
    np.testing.assert_allclose(same.returns, exact.returns, rtol=1e-6)


def test_the_same_command_twice_writes_the_same_file(runs, tmp_path):
    untrained = swimrl.train(act="swim", out=tmp_path, **{**SMALL, "steps": 1})
    few = replace(FEW, degrees=(2,), episodes=2)
    for run in (runs[0], untrained):
        first, second = (approximate([run], few, out=tmp_path / str(n)).record for n in range(2))
        assert first.read_bytes() == second.read_bytes()


def test_an_action_that_is_not_finite_is_a_failure(runs):
    actor = actor_of(runs[0])
    exact, arm, _ = arms_of(actor, [np.ones((2, 12)), np.ones((2, 8))], FEW)
    from swimrl.approximating import study

    broken = replace(arm, functions=(lambda z: z * np.nan, *arm.functions[1:]))
    env = runs[0].make_environment()
    ((exact, episodes),) = study._played(actor, env, [[exact, broken]], [2], 1, None)
    env.close()
    assert exact.failures == 0
    assert episodes.failures == 2
    assert episodes.failed_at.tolist() == [0, 0]
    assert episodes.lengths.tolist() == [1, 1]


@pytest.mark.parametrize("errors", ["negative", "positive", "shift", "noise"])
def test_arms_with_one_kind_of_error(errors, runs):
    actor = actor_of(runs[0])
    z = np.random.default_rng(0).normal(size=(50, 12))
    settings = replace(FEW, errors=errors, degrees=(4,))
    exact, arm = arms_of(actor, [z, z[:, :8]], settings)
    difference = arm.functions[0](z) - exact.functions[0](z)
    upper = arm.layers[0].upper
    assert np.abs(difference).max() <= upper * (1 + 1e-9)
    if errors == "negative":
        assert not difference[z > 0].any()
        assert difference[z < 0].any()
    elif errors == "positive":
        assert not difference[z < 0].any()
        assert difference[z > 0].any()
    elif errors == "shift":
        np.testing.assert_allclose(difference, upper)
    else:
        assert abs(difference.mean()) < 0.2 * upper


def test_each_unit_has_a_range_with_a_floor(runs):
    actor = actor_of(runs[0])
    z = np.ones((4, 12))
    z[:, 3] = 10.0
    arm = arms_of(actor, [z, z[:, :8]], replace(FEW, range="unit", margin=1.0))[1]
    assert arm.layers[0].bounds.tolist() == [5.0] * 3 + [10.0] + [5.0] * 8
    assert len(arm.layers[0].series) == 12
    series = arm.layers[0].series
    values = arm.functions[0](z)
    np.testing.assert_allclose(values[0], [s(x) for s, x in zip(series, z[0], strict=True)])


def test_least_squares_follow_the_inputs(runs):
    actor = actor_of(runs[0])
    z = np.random.default_rng(0).normal(size=(400, 12))
    squares = [
        np.mean(
            (
                arms_of(actor, [z, z[:, :8]], replace(FEW, fit=fit, degrees=(4,)))[1].functions[0](z)
                - actor.functions[0](z)
            )
            ** 2
        )
        for fit in ("observed", "minimax")
    ]
    assert squares[0] < squares[1]


def test_compositions_take_the_place_of_relu(runs):
    relu = parse_name("relu")
    actor = replace(actor_of(runs[0]), activations=(relu, relu), functions=(numpy_function(relu),) * 2)
    z = np.random.default_rng(0).normal(size=(50, 12))
    z[:, 3] *= 4
    for width in ("layer", "unit"):
        settings = replace(FEW, fit="composite", degrees=(4, 9), range=width)
        arms = arms_of(actor, [z, z[:, :8]], settings)
        assert [arm.name for arm in arms] == ["exact", "alpha 4", "alpha 9"]
        for alpha, arm in zip((4, 9), arms[1:], strict=True):
            errors = np.abs(arm.functions[0](z) - np.maximum(z, 0)).max(axis=0)
            assert 0 < errors.max() <= arm.layers[0].upper
            assert np.all(errors <= arm.bounds[0] * 2.0**-alpha)
    with pytest.raises(InputError, match=r"replaces relu, and the policy has swim"):
        arms_of(actor_of(runs[0]), [z, z[:, :8]], settings)


def test_the_polynomial_policy_is_a_run_like_any_other(runs, tmp_path):
    measured = measure(runs[0], replace(FEW, degrees=(6,)))
    saved = write_policy(measured, measured.arms[1], tmp_path / "saved")
    observations = np.random.default_rng(1).normal(size=(10, 3)).astype(np.float32)
    expected = measured.actor.act(observations, measured.arms[1].arm.functions)
    np.testing.assert_allclose([saved.policy(o) for o in observations], expected, atol=1e-4)
    assert swimrl.open_run(tmp_path / "saved").evaluate(2, seed=0).returns.shape == (2,)
    exported = swimrl.export(tmp_path / "saved", ["onnx", "c", "numpy"], verify_steps=50, verify_episodes=1)
    assert exported.is_right
    with pytest.raises(RunExistsError, match="never overwritten"):
        write_policy(measured, measured.arms[1], tmp_path / "saved")
    with pytest.raises(InputError, match="--range layer"):
        write_policy(
            replace(measured, settings=replace(FEW, errors="noise")), measured.arms[1], tmp_path / "x"
        )


def test_files_and_answer_over_seeds(runs, tmp_path):
    done = approximate(runs, FEW, out=tmp_path)
    assert done.answer is None
    assert "not positive" not in done.page.read_text()
    assert "mean return -" in str(done.undetermined)  # the pendulum's returns are negative
    page = done.page.read_text()
    assert "<svg" in page
    assert "degree 30" in page
    assert done.record.exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"degrees": ()}, "--degrees"),
        ({"degrees": (2, 2)}, "different whole numbers"),
        ({"fit": "best"}, "one of minimax, observed, composite"),
        ({"fit": "composite", "degrees": (2,)}, "alphas from 4 to 14, such as 6 9 12"),
        ({"range": "far"}, "layer, unit or a positive number"),
        ({"range": "-1"}, "positive number"),
        ({"episodes": 1}, "at least 2"),
        ({"margin": 0}, "positive number"),
    ],
)
def test_wrong_settings(settings, message):
    with pytest.raises(InputError, match=message):
        Settings(**settings)


def test_runs_must_differ_in_their_seed_only(runs):
    with pytest.raises(InputError, match="same seed"):
        approximate([runs[0], runs[0]], FEW)
    with pytest.raises(InputError, match="at least one run"):
        approximate([], FEW)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"act": "maxout"}, "module and no formula"),
        ({"act": "swim", "td3": {"layer_norm": True}}, "layer norm"),
        ({"act": "swim", "net": "residual:8x1"}, "residual blocks; .* such as --net 64x64"),
    ],
)
def test_policies_that_cannot_be_measured(settings, message, tmp_path):
    settings = {**settings, "td3": {**SMALL["td3"], **settings.get("td3", {})}, "steps": 1}
    run = swimrl.train(out=tmp_path, **{**SMALL, **settings})
    with pytest.raises(InputError, match=message):
        actor_of(run)
