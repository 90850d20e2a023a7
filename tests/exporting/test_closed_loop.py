"""A file's own episodes are paired with the policy's."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from swimrl.exporting.closed_loop import PolicyEpisodes, closed_loop, policy_episodes
from swimrl.runs.directory import RunDirectory, read_evaluations
from swimrl.training import Run


@pytest.fixture
def policy(run: Run) -> PolicyEpisodes:
    return policy_episodes(run, run.make_environment(), 2, best=False)


def test_the_returns_are_those_of_final_csv(run: Run, policy: PolicyEpisodes) -> None:
    assert policy.source == "final.csv"
    _, returns, _ = read_evaluations(RunDirectory(run.path).final_file)
    np.testing.assert_array_equal(policy.returns, returns.ravel())


@pytest.mark.parametrize(("episodes", "best"), [(3, False), (2, True)])
def test_episodes_are_played_where_final_csv_does_not_hold_them(run: Run, episodes: int, best: bool) -> None:
    played = policy_episodes(run, run.make_environment(), episodes, best=best)
    assert played.source == "episodes played now"
    assert len(played.returns) == episodes


def test_the_policy_itself_never_parts(run: Run, policy: PolicyEpisodes) -> None:
    same = closed_loop(
        lambda seen: np.array([run.policy(row) for row in seen]), run.make_environment(), policy
    )
    np.testing.assert_allclose(same.differences, 0, atol=1e-6)
    assert same.steps_alike == (None, None)


def test_the_first_different_action_is_found(run: Run, policy: PolicyEpisodes) -> None:
    calls = iter(range(1000))

    def different_from_the_third_step_on(seen: np.ndarray) -> np.ndarray:
        return run.policy(seen[0])[None] + 0.01 * (next(calls) >= 2)

    one = dataclasses.replace(policy, returns=policy.returns[:1] - 5, actions=policy.actions[:1])
    played = closed_loop(different_from_the_third_step_on, run.make_environment(), one)
    assert played.steps_alike == (2,)
    assert played.differences == played.returns - policy.returns[:1] + 5
    assert played.interval is None
