"""Playing many episodes together, in environments of any kind."""

from __future__ import annotations

import pickle
from typing import Any

import faulty  # noqa: F401 - registers environments
import gymnasium as gym
import numpy as np
import pytest

from swimrl.envs.make import Env, make
from swimrl.errors import InputError
from swimrl.rollouts import (
    EnvironmentLockstep,
    Lockstep,
    MujocoLockstep,
    lockstep,
    one_each,
    play,
    row_by_row,
)

SEEDS = [4, 5, 6, 7, 8]


def swing(observation: np.ndarray) -> np.ndarray:
    return np.clip(np.array([-2 * observation[2] - observation[0]]), -2, 2).astype(np.float32)


def alone(env: Env, seed: int | None) -> tuple[float, int]:
    observation, _ = env.reset(seed=seed)
    total, length, over = 0.0, 0, False
    while not over:
        observation, reward, terminated, truncated, _ = env.step(swing(observation))
        total, length, over = total + float(reward), length + 1, terminated or truncated
    return total, length


def pendulum(steps: int = 30) -> Env:
    return make("Pendulum-v1", {"max_episode_steps": steps})


def test_episodes_of_any_environment_are_those_played_alone() -> None:
    env = pendulum()
    expected = [alone(env, seed) for seed in SEEDS]
    for places in (1, 3, 8):
        played = play(row_by_row(swing), EnvironmentLockstep([pendulum() for _ in range(places)]), SEEDS)
        assert list(zip(played.returns, played.lengths, strict=True)) == expected
        assert played.truncated.all()
        assert not played.terminated.any()


def test_without_seeds_episodes_follow_one_another_in_one_environment() -> None:
    env, starts = pendulum(), [3, None, None]
    expected = [alone(env, seed) for seed in starts]
    played = play(row_by_row(swing), lockstep(pendulum()), starts)
    assert list(zip(played.returns, played.lengths, strict=True)) == expected
    with pytest.raises(InputError, match="an episode without seed cannot start in one of 2 environments"):
        play(row_by_row(swing), EnvironmentLockstep([pendulum(), pendulum()]), [None])


def test_the_first_seed_that_the_environment_does_not_refuse_is_used() -> None:
    env = make("faulty/CInteger-v0")
    first = play(
        lambda seen, _: np.zeros((len(seen), 2), np.float32),
        lockstep(env),
        [(2**40, 5)],
        keep=["observations"],
        most_steps=1,
    )
    second = play(
        lambda seen, _: np.zeros((len(seen), 2), np.float32),
        lockstep(env),
        [5],
        keep=["observations"],
        most_steps=1,
    )
    np.testing.assert_array_equal(first.observations[0], second.observations[0])


@pytest.mark.parametrize(
    "places",
    [lambda: EnvironmentLockstep([pendulum(), pendulum()]), lambda: MujocoLockstep(make("Hopper-v5"), 2)],
    ids=["environments", "simulators"],
)
class TestEveryLockstep:
    @staticmethod
    def act(places: Lockstep) -> Any:
        size = 1 if isinstance(places, EnvironmentLockstep) else 3
        return lambda seen, episodes: np.cos(seen[:, :size] + episodes[:, None]).astype(np.float32)

    def test_a_state_restarts_an_episode_also_after_pickling(self, places: Any) -> None:
        places = places()
        act = self.act(places)
        whole = play(act, places, [1], keep=("states", "observations", "rewards", "actions"))
        middle = len(whole.rewards[0]) // 2
        state = pickle.loads(pickle.dumps(whole.states[0][middle]))
        assert state.elapsed == middle
        np.testing.assert_array_equal(state.observation, whole.observations[0][middle])
        again = play(act, places, [state], keep=("observations", "rewards", "actions"))
        for name in ("observations", "rewards", "actions"):
            np.testing.assert_array_equal(getattr(again, name)[0], getattr(whole, name)[0][middle:])
        assert (again.terminated[0], again.truncated[0]) == (whole.terminated[0], whole.truncated[0])

    def test_an_episode_is_stopped_after_most_steps_or_by_until(self, places: Any) -> None:
        places = places()
        act = self.act(places)
        short = play(act, places, SEEDS, most_steps=3, keep=["observations"])
        assert short.lengths.tolist() == [3] * 5
        assert not (short.terminated | short.truncated).any()
        assert [len(path) for path in short.observations] == [4] * 5
        stops = play(act, places, SEEDS, until=lambda seen, episodes: episodes == 2, most_steps=2)
        assert stops.lengths.tolist() == [2, 2, 1, 2, 2]

    def test_each_episode_has_its_policy_whatever_runs_beside_it(self, places: Any) -> None:
        places = places()
        shape = (1,) if isinstance(places, EnvironmentLockstep) else (3,)
        policies = [
            lambda seen, level=level: np.full(shape, level, np.float32) for level in (-0.5, 0, 0.5, 1)
        ]
        together = play(one_each(policies), places, [9] * 4, keep=["actions"], most_steps=20)
        ended: list[int] = []
        for number, policy in enumerate(policies):
            single = play(
                row_by_row(policy), places, [9], keep=["actions"], most_steps=20, on_end=ended.append
            )
            assert single.returns[0] == together.returns[number]
            assert single.actions[0].tobytes() == together.actions[number].tobytes()
            assert (together.actions[number] == policy(np.zeros(1))).all()
        assert ended == [1] * 4

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"starts": []}, "there is no start; give at least one seed or state"),
            ({"most_steps": 0}, "most_steps is 0; expected a whole number of at least 1"),
            ({"keep": ["reward"]}, "cannot keep 'reward'; expected some of observations, actions, rewards"),
            ({"starts": [object()]}, "cannot start"),
        ],
    )
    def test_wrong_arguments_are_named(self, places: Any, arguments: dict[str, Any], message: str) -> None:
        places = places()
        with pytest.raises(InputError, match=message):
            play(self.act(places), places, **({"starts": [0]} | arguments))


def test_a_state_of_an_environment_with_hidden_state_is_refused() -> None:
    class Drifting(gym.Wrapper[Any, Any, Any, Any]):
        resets = 0

        def reset(self, **kwargs: Any) -> Any:
            self.resets += 1
            observation, info = super().reset(**kwargs)
            return observation + self.resets, info

    places = EnvironmentLockstep([Drifting(pendulum())])
    whole = play(row_by_row(swing), places, [0], most_steps=1, keep=["states"])
    with pytest.raises(InputError, match="does not return to its state after 0 steps"):
        play(row_by_row(swing), places, [whole.states[0][0]])
