"""Gaussian exploration noise draws from its stream, also for several environments."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from stable_baselines3.common.noise import (
    NormalActionNoise,
    OrnsteinUhlenbeckActionNoise,
    VectorizedActionNoise,
)

import swimrl
from swimrl.td3.noise import GaussianNoise, gaussian_parameters, with_own_stream

MEAN, DEVIATION = np.array([0.5, 0.0]), np.array([0.1, 2.0])


def noise(seed: int = 0) -> GaussianNoise:
    return GaussianNoise(MEAN, DEVIATION, np.random.RandomState(seed))


def test_it_draws_what_stable_baselines3_draws_from_an_equal_generator() -> None:
    np.random.seed(0)
    theirs, ours = NormalActionNoise(MEAN, DEVIATION), noise()
    for _ in range(3):
        drawn = ours()
        np.testing.assert_array_equal(drawn, theirs())
        assert drawn.dtype == np.float32


def test_the_global_generator_is_not_touched() -> None:
    before = np.random.get_state()[1].copy()
    noise()()
    np.testing.assert_array_equal(before, np.random.get_state()[1])


def test_copies_for_several_environments_draw_one_after_the_other() -> None:
    together = VectorizedActionNoise(noise(), 3)
    one = noise()
    np.testing.assert_array_equal(together(), [one(), one(), one()])
    assert len({id(part.stream) for part in with_own_stream(together)}) == 1


def test_what_the_agent_draws_itself() -> None:
    for one in (noise(), NormalActionNoise(MEAN, DEVIATION), copy.deepcopy(noise())):
        np.testing.assert_array_equal(gaussian_parameters(one), (MEAN, DEVIATION))
        np.testing.assert_array_equal(
            gaussian_parameters(VectorizedActionNoise(one, 2)), ([MEAN] * 2, [DEVIATION] * 2)
        )


@pytest.mark.parametrize(
    "other",
    [
        None,
        OrnsteinUhlenbeckActionNoise(MEAN, DEVIATION),
        VectorizedActionNoise(OrnsteinUhlenbeckActionNoise(MEAN, DEVIATION), 2),
    ],
    ids=["none", "another", "another for two environments"],
)
def test_other_noise_is_left_to_itself(other: object) -> None:
    assert gaussian_parameters(other) is None


def test_an_agents_noise_follows_a_new_seed_and_a_loaded_agent() -> None:
    agent = swimrl.TD3("MlpPolicy", "Pendulum-v1", seed=0, buffer_size=10)
    agent.set_random_seed(1)
    assert isinstance(agent.action_noise, GaussianNoise)
    assert agent.action_noise.stream is agent.streams.numpy("exploration noise")
    kept = pickle.loads(pickle.dumps(agent.action_noise))
    other = swimrl.TD3("MlpPolicy", "Pendulum-v1", seed=0, buffer_size=10, action_noise=kept)
    assert kept.stream is other.streams.numpy("exploration noise")
