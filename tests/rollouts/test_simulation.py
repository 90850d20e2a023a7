"""Every MuJoCo task of Gymnasium gives the same bits in lockstep as in its own environment."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from swimrl.envs.catalogue import TASKS
from swimrl.envs.make import Env, make
from swimrl.errors import InputError, NonFiniteError
from swimrl.rollouts import MujocoLockstep, Rollouts, one_each, play
from swimrl.rollouts.simulation import _rules_of, why_unsupported

STEPS = 60
"""Time limit, so that episodes end by it too."""


def policy(number: int, env: Env) -> Any:
    """Return a policy of its own for each number, so that episodes have different lengths."""
    rng = np.random.default_rng(number)
    low, high = env.action_space.low, env.action_space.high
    weights = rng.normal(size=(env.observation_space.shape[0], len(low)))
    return lambda observation: np.clip(np.tanh(observation) @ weights, low, high).astype(np.float32)


class Sequential:
    """Episodes played one after the other by ``env.step``."""

    def __init__(self, env: Env, seeds: list[int | None]) -> None:
        self.observations, self.actions, self.rewards, self.ends, self.x_velocities, self.powers = (
            [] for _ in range(6)
        )
        for number, seed in enumerate(seeds):
            act = policy(number, env)
            observation, _ = env.reset(seed=seed)
            path: dict[str, list[Any]] = {"o": [observation], "a": [], "r": [], "x": [], "p": []}
            over = False
            while not over:
                action = act(observation)
                observation, reward, terminated, truncated, info = env.step(action)
                over = terminated or truncated
                data = env.unwrapped.data  # type: ignore[attr-defined]
                path["o"].append(observation)
                path["a"].append(action)
                path["r"].append(reward)
                path["x"].append(info.get("x_velocity"))
                path["p"].append(data.actuator_force * data.actuator_velocity)
            self.observations.append(np.array(path["o"]))
            self.actions.append(np.array(path["a"]))
            self.rewards.append(np.array(path["r"], np.float64))
            self.powers.append(np.array(path["p"]))
            if None not in path["x"]:
                self.x_velocities.append(np.array(path["x"]))
            self.ends.append((terminated, truncated))


def assert_same(played: Rollouts, expected: Sequential) -> None:
    for name in ("observations", "actions", "rewards", "x_velocities", "powers"):
        got, want = getattr(played, name), getattr(expected, name)
        assert len(got) == len(want), name
        for number, (a, b) in enumerate(zip(got, want, strict=True)):
            assert a.dtype == b.dtype, name
            assert a.tobytes() == b.tobytes(), (
                name,
                number,
                np.abs(a - b).max() if a.shape == b.shape else a.shape,
            )
    assert list(zip(played.terminated, played.truncated, strict=True)) == expected.ends
    assert played.lengths.tolist() == [len(rewards) for rewards in expected.rewards]
    totals = [float(np.add.accumulate(rewards)[-1]) for rewards in expected.rewards]
    assert played.returns.tolist() == totals


KEEP = ("observations", "actions", "rewards", "x_velocities", "powers")


@pytest.mark.parametrize("task", TASKS)
def test_a_task_in_lockstep_is_its_environment_bit_for_bit(task: str) -> None:
    seeds = [7, None, None, None, 3]
    env, alone = make(task, {"max_episode_steps": STEPS}), make(task, {"max_episode_steps": STEPS})
    expected = Sequential(alone, seeds)
    act = one_each([policy(number, env) for number in range(len(seeds))])
    played = play(act, MujocoLockstep(env, 3), seeds, keep=KEEP)
    assert_same(played, expected)
    # The generator is left where the episodes one after the other leave it.
    assert env.reset()[0].tobytes() == alone.reset()[0].tobytes()


@pytest.mark.parametrize("task", ["Ant-v5", "Hopper-v4"])
def test_threads_do_not_change_a_bit(task: str) -> None:
    env, seeds = make(task, {"max_episode_steps": STEPS}), list(range(5))
    act = one_each([policy(number, env) for number in seeds])
    one, three = (
        play(act, MujocoLockstep(env, 4, threads=threads), seeds, keep=["observations"]) for threads in (1, 3)
    )
    assert one.returns.tobytes() == three.returns.tobytes()
    for a, b in zip(one.observations, three.observations, strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_task_with_other_arguments_is_stepped_by_its_own_code() -> None:
    kwargs = {
        "max_episode_steps": STEPS,
        "ctrl_cost_weight": 0.5,
        "exclude_current_positions_from_observation": False,
    }
    env, alone = make("Hopper-v5", kwargs), make("Hopper-v5", kwargs)
    seeds = [7, None, 3]
    act = one_each([policy(number, env) for number in range(3)])
    assert_same(play(act, MujocoLockstep(env, 2), seeds, keep=KEEP), Sequential(alone, list(seeds)))


def test_a_changed_attribute_counts() -> None:
    env, alone = (
        make("Hopper-v4", {"max_episode_steps": STEPS}),
        make("Hopper-v4", {"max_episode_steps": STEPS}),
    )
    for changed in (env, alone):
        vars(changed.unwrapped).update(_terminate_when_unhealthy=False, _forward_reward_weight=3.0)
    act = one_each([policy(0, env)])
    assert_same(play(act, MujocoLockstep(env, 1), [7], keep=KEEP), Sequential(alone, [7]))


def test_most_tasks_have_rules() -> None:
    without = {task for task in TASKS if _rules_of(make(task).unwrapped) is None}
    assert without == {
        "InvertedDoublePendulum-v4",
        "InvertedDoublePendulum-v5",
        "Pusher-v5",
        "Reacher-v4",
        "Reacher-v5",
    }


class Shifted(gym.Wrapper[Any, Any, Any, Any]):
    """A user's wrapper."""


@pytest.mark.parametrize(
    ("env", "reason"),
    [
        (lambda: make("Pendulum-v1"), "it is no MuJoCo task of Gymnasium"),
        (lambda: Shifted(make("Hopper-v5")), "it has other wrappers"),
        (lambda: gym.make("Hopper-v5"), "it has other wrappers"),
    ],
    ids=["other task", "wrapped", "without guard"],
)
def test_other_environments_are_refused(env: Any, reason: str) -> None:
    assert reason in (why_unsupported(env()) or "")
    with pytest.raises(InputError, match=reason):
        MujocoLockstep(env(), 1)


def test_an_action_that_is_not_finite_is_named() -> None:
    with pytest.raises(NonFiniteError, match="an action for Hopper-v5 is nan"):
        play(lambda seen, _: np.full((len(seen), 3), np.nan), MujocoLockstep(make("Hopper-v5"), 1), [0])


@pytest.mark.parametrize("task", TASKS)
def test_an_episode_continues_from_each_of_its_states_bit_for_bit(task: str) -> None:
    env = make(task, {"max_episode_steps": STEPS})
    lockstep = MujocoLockstep(env, 4)
    act = policy(0, env)
    whole = play(one_each([act]), lockstep, [5], keep=("observations", "rewards", "states"))
    steps = whole.lengths[0]
    (states,) = whole.states
    assert len(states) == steps + 1
    chosen = [0, steps // 3, steps // 2, steps - 1]
    again = play(one_each([act] * 4), lockstep, [states[i] for i in chosen], keep=("observations", "rewards"))
    for number, start in enumerate(chosen):
        assert again.observations[number].tobytes() == whole.observations[0][start:].tobytes()
        assert again.rewards[number].tobytes() == whole.rewards[0][start:].tobytes()
    assert again.terminated.tolist() == [whole.terminated[0]] * 4
    assert again.truncated.tolist() == [whole.truncated[0]] * 4
