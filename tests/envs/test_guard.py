"""An environment's own faults are named, and sound environments are let through unchanged."""

from __future__ import annotations

import re
from typing import Any

import faulty
import gymnasium as gym
import numpy as np
import pytest
from gymnasium.spaces import Box

from swimrl.envs.guard import Guard
from swimrl.errors import EnvironmentFaultError, NonFiniteError

ZERO = np.zeros(2, np.float32)


def test_a_sound_environment_is_let_through() -> None:
    plain, guarded = gym.make("faulty/Sound-v0"), Guard(gym.make("faulty/Sound-v0"))
    np.testing.assert_array_equal(plain.reset(seed=3)[0], guarded.reset(seed=3)[0])
    for _ in range(3):
        expected, found = plain.step(ZERO + 0.5), guarded.step(ZERO + 0.5)
        np.testing.assert_array_equal(expected[0], found[0])
        assert expected[1:] == found[1:]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (
            faulty.FourValues,
            r"raised ValueError: .* in step 1 of episode 1, on action \[0, 0\]; step",
        ),
        (faulty.RewardOfShapeOne, r"returned the reward \[0\] in step 1 .*; expected a single number"),
        (faulty.NoReward, r"returned the reward None in step 1 of episode 1, on action"),
        (
            faulty.FlagOfShapeOne,
            r"returned array\(\[False\]\) as terminated .*; expected True",
        ),
        (faulty.NoInfo, r"returned the info None in step 1 .*; expected a dictionary"),
    ],
)
def test_a_fault_of_a_step_is_named_with_the_step_and_the_action(
    kind: type[faulty.Sound], message: str
) -> None:
    env = Guard(kind())
    env.reset(seed=0)
    with pytest.raises(EnvironmentFaultError, match=rf"the environment {kind.__name__} {message}"):
        env.step(ZERO)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (faulty.NoSeed, r"raised TypeError: .*'seed' in reset\(seed=0\); reset must accept"),
        (faulty.ThreeOfReset, r"raised ValueError: too many values to unpack .* in reset\(seed=0\)"),
        (
            faulty.OtherShape,
            r"returned an observation of shape \(1,\) in reset\(seed=0\); .* shape \(3,\)",
        ),
        (faulty.NanInObservation, r"returned nan in its observation in reset\(seed=0\)"),
        (
            faulty.Words,
            r"returned the observation \['left', 'of', 'it'\] .*; expected an array",
        ),
    ],
)
def test_a_fault_of_a_reset_is_named(kind: type[faulty.Sound], message: str) -> None:
    with pytest.raises(EnvironmentFaultError, match=rf"the environment {kind.__name__} {message}"):
        Guard(kind()).reset(seed=0)


def test_an_exit_of_the_process_is_a_fault_and_an_interrupt_is_not() -> None:
    env = Guard(faulty.Exits())
    env.reset(seed=0)
    for _ in range(7):
        env.step(ZERO)
    with pytest.raises(EnvironmentFaultError, match="raised SystemExit: 0 in step 8 of episode 1"):
        env.step(ZERO)

    class Interrupted(faulty.Sound):
        def step(self, action: np.ndarray) -> Any:
            raise KeyboardInterrupt

    interrupted = Guard(Interrupted())
    interrupted.reset(seed=0)
    with pytest.raises(KeyboardInterrupt):
        interrupted.step(ZERO)


def test_numpys_kinds_of_numbers_become_pythons() -> None:
    env = Guard(faulty.Lists())
    observation, _ = env.reset(seed=0)
    assert (observation.dtype, observation.tolist()) == (np.float32, [1.0, 2.0, 3.0])
    _, reward, terminated, truncated, _ = env.step(ZERO)
    assert (reward, terminated, truncated) == (0.0, False, False)
    assert (type(reward), type(terminated), type(truncated)) == (float, bool, bool)


def test_an_action_beyond_the_box_by_one_ulp_is_clipped_to_it() -> None:
    env = Guard(faulty.Strict())
    env.reset(seed=0)
    space = env.action_space
    assert isinstance(space, Box)
    # As a policy scales a saturated action: low + 0.5 (1 + 1) (high - low).
    action = space.low + np.float32(0.5) * (np.ones(2, np.float32) + 1) * (space.high - space.low)
    above = np.nextafter(space.high, np.float32(1))
    for given in (action, above, np.array([-6, 1], np.float32)):
        env.step(given)


def test_an_action_that_is_not_finite_is_not_the_environments_fault() -> None:
    env = Guard(faulty.Sound())
    env.reset(seed=0)
    message = "the action for step 1 of episode 1 of Sound is [nan, 0]"
    with pytest.raises(NonFiniteError, match=re.escape(message)):
        env.step(np.array([np.nan, 0], np.float32))
