"""Starts, windows and candidates: the pieces from which the search of a controller is made."""

from __future__ import annotations

from contextlib import closing

import numpy as np
import pytest
import torch

import swimrl
from swimrl.envs.seeding import MAX_SEED, evaluation_seed, final_seeds
from swimrl.repairing import Place
from swimrl.repairing.failure import Fall, ReturnBelow
from swimrl.repairing.localisation import Costs
from swimrl.repairing.null import action_change, random_patch
from swimrl.repairing.policies import PatchedPolicies
from swimrl.repairing.starts import Window, collect, seeds
from swimrl.repairing.windows import WindowTests
from swimrl.rollouts import Rollouts, lockstep, play
from swimrl.td3.policy import perceptrons
from swimrl.training import Run
from swimrl.training.policy_function import policy_function
from tests.repairing.conftest import FAULT


def rollouts(lengths: list[int], terminated: list[bool], returns: list[float]) -> Rollouts:
    over = np.array(terminated)
    return Rollouts(np.array(returns), np.array(lengths), over, ~over)


def test_a_fall_scores_the_part_of_the_window_before_it() -> None:
    episodes = rollouts([50, 200, 200], [True, False, True], [1.0, 2.0, 3.0])
    assert Fall().failed(episodes).tolist() == [True, False, True]
    scores = Fall().scores(episodes, 200)
    assert scores[:2].tolist() == [0.25, 1.0]
    assert 0.9 < scores[2] < 1  # a fall in the last step is a fall


def test_a_low_return_scores_less_the_lower_it_is() -> None:
    episodes = rollouts([9, 9, 9], [False] * 3, [10.0, 5.0, 0.0])
    failure = ReturnBelow(10.0, 5.0)
    assert failure.failed(episodes).tolist() == [False, True, True]
    assert failure.scores(episodes, None) == pytest.approx([1.0, 1 / 2, 1 / 3])


def test_seeds_are_used_by_nothing_else() -> None:
    kinds = ("search", "validation", "test")
    used = {seed for kind in kinds for which in (0, 1, 255) for seed in seeds(kind, 400, which)}
    assert len(used) == 3 * 3 * 400
    assert min(used) > evaluation_seed(MAX_SEED)
    assert max(used) < min(final_seeds(10_000))


@pytest.fixture(scope="module")
def hopper_policy():
    """An untrained policy of Hopper, whose episodes take about twenty steps."""
    from swimrl.envs.make import make
    from swimrl.td3.policy import TD3Policy

    torch.manual_seed(0)
    with closing(make("Hopper-v4")) as env:
        yield (
            TD3Policy(
                env.observation_space,
                env.action_space,
                lambda _: 0.0,
                net_arch=[16, 16],
                activation_fn="swim",
            ),
            env,
        )


PLACES = (Place(0, 3, 2), Place(2, 1, 5), Place(1, 0, 0))


def test_the_actions_of_candidates_have_the_bits_of_the_patched_policy_alone(hopper_policy) -> None:
    policy, _ = hopper_policy
    (actor,) = perceptrons(policy.actor)
    before = {name: value.clone() for name, value in policy.state_dict().items()}
    policies = PatchedPolicies(policy, None, PLACES)
    generator = np.random.default_rng(0)
    candidates = generator.normal(size=(3, len(PLACES)))
    owners = np.array([2, 0, 2, 1, 0])
    observations = generator.normal(size=(4, 11))
    episodes = np.array([4, 0, 3, 2])
    with policies.in_use():
        actions = policies.batch_policy(candidates, owners)(observations, episodes)
    for name, value in policy.state_dict().items():
        assert torch.equal(value, before[name])
    for row, episode in enumerate(episodes):
        with swimrl.repairing.patched(actor, PLACES, candidates[owners[episode]]):
            np.testing.assert_array_equal(actions[row], policy_function(policy)(observations[row]))


def test_windows_that_cannot_matter_are_left_out_and_change_nothing(hopper_policy) -> None:
    policy, env = hopper_policy
    policies = PatchedPolicies(policy, None, PLACES)
    places = lockstep(env, 8)
    windows = [Window(seed, 22, seed < 4) for seed in range(8)]
    candidates = np.random.default_rng(1).normal(0, 5, (6, len(PLACES)))
    whole = WindowTests(policies, places, windows, Fall(), alpha=2.0)
    exact = whole.fitness(candidates, np.full(6, -np.inf))
    assert len(set(exact)) > 2
    assert whole.most == 4 * 2 + 4
    to_beat = np.sort(exact)[[5, 4, 3, 2, 1, 0]]
    hasty = WindowTests(policies, places, windows, Fall(), alpha=2.0)
    fitness = hasty.fitness(candidates, to_beat)
    counts = exact >= to_beat
    assert 0 < counts.sum() < 6
    np.testing.assert_array_equal(fitness[counts], exact[counts])
    assert (fitness[~counts] < to_beat[~counts]).all()
    assert hasty.skipped > 0
    assert hasty.steps < whole.steps


def test_a_candidate_whose_numbers_overflow_fails_and_spoils_no_other(hopper_policy) -> None:
    policy, env = hopper_policy
    tests = WindowTests(
        PatchedPolicies(policy, None, PLACES), lockstep(env, 8), [Window(0, 22, fails=True)], Fall(), 1.0
    )
    values = np.zeros((3, len(PLACES)))
    alone = tests.fitness(values[:1], np.full(1, -np.inf))
    values[1] = np.nan
    assert tests.fitness(values, np.full(3, -np.inf)).tolist() == [alone[0], 0.0, alone[0]]


def test_the_unpatched_policy_fails_every_failing_window_and_passes_every_passing_one(
    balance_run: Run,
) -> None:
    policy, _ = balance_run.td3_policy()
    with closing(balance_run.make_environment()) as env:
        unpatched, places = PatchedPolicies(policy, None).unpatched, lockstep(env)
        starts = seeds("search", 30, 0)
        episodes = play(unpatched, places, starts)
        collection = collect(unpatched, places, starts, Fall(), episodes, count=12, lead=4, window=20)
        assert [window.fails for window in collection.windows] == [True] * 6 + [False] * 6
        again = play(unpatched, places, [window.start for window in collection.windows], most_steps=20)
        assert again.terminated.tolist() == [window.fails for window in collection.windows]
        assert (again.lengths[:6] <= 4).all()
        assert (collection.failing_states > 0).all()  # the fault acts where x > 0
        assert (collection.passing_states < 0).all()
        values = np.array([[-1.0]])
        tests = WindowTests(
            PatchedPolicies(policy, None, FAULT), places, collection.windows, Fall(), alpha=10.0
        )
        assert tests.fitness(values, np.full(1, -np.inf)) == [tests.most]
        assert tests.best_passed.all()


def test_a_random_change_moves_the_actions_as_much_as_it_should(hopper_policy) -> None:
    policy, _ = hopper_policy
    (actor,) = perceptrons(policy.actor)
    shapes = [layer.weight.shape for layer in actor if isinstance(layer, torch.nn.Linear)]
    zeros = tuple(np.zeros(shape) for shape in shapes)
    inputs = torch.randn(50, 11, generator=torch.Generator().manual_seed(0))
    before = actor(inputs)
    generator = np.random.default_rng(0)
    for _ in range(5):
        places, values = random_patch(actor, Costs(zeros, zeros), 6, 0.05, inputs, generator)
        assert len(set(places)) == 6
        assert action_change(actor, places, values, inputs) == pytest.approx(0.05, rel=1e-2)
    assert torch.equal(actor(inputs), before)
