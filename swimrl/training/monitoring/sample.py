"""The transitions on which the networks of a run are diagnosed.

Letters in shapes: N transitions of the sample, O observation, A action.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from gymnasium.spaces import Box
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from torch import Tensor

from swimrl.envs.make import Env
from swimrl.envs.seeding import Streams
from swimrl.td3.agent import TD3

SAMPLE_SIZE = 1024
"""N. Ranks cannot exceed it."""


@dataclass(frozen=True)
class Sample:
    """Transitions, as the networks see them."""

    observations: Tensor
    """[N, O]."""

    actions: Tensor
    """[N, A], in [-1, 1]."""

    replay: ReplayBufferSamples | None = None
    """The same with rewards and next observations; None for random transitions, which are not the agent's."""

    @property
    def observations_actions(self) -> Tensor:
        """Input of the critics, [N, O + A]."""
        return torch.cat([self.observations, self.actions], dim=1)


class Sampler:
    """Takes samples of an agent's transitions.

    Args:
        agent: The agent in training.
        make_env: Makes an environment like those it is trained in. Random actions there give the sample until
            the replay buffer holds `SAMPLE_SIZE` transitions, or is full.
    """

    def __init__(self, agent: TD3, make_env: Callable[[], Env]) -> None:
        self._agent = agent
        self._make_env = make_env
        self._random: tuple[np.ndarray, np.ndarray] | None = None

    def draw(self) -> Sample | None:
        """Return a sample; None if random transitions are needed and the environment failed."""
        agent = self._agent
        buffer = agent.replay_buffer
        assert buffer is not None
        size = buffer.size()
        if size < buffer.buffer_size and size * buffer.n_envs < SAMPLE_SIZE:
            return self._random_sample()
        # One from each of N equal parts of the buffer: old and new experience alike.
        parts = np.arange(SAMPLE_SIZE) + agent.streams.numpy("diagnostics").random_sample(SAMPLE_SIZE)
        replay = agent.stored_transitions((parts * size / SAMPLE_SIZE).astype(int))
        assert isinstance(replay.observations, Tensor)
        # Stable-Baselines3's buffer keeps float64 where the environment has it.
        return Sample(replay.observations.float(), replay.actions, replay)

    def _random_sample(self) -> Sample | None:
        """Return transitions of uniformly random actions; they are the same at every step of a run."""
        if self._random is None:
            # New streams give the same transitions at any step of the run.
            generator = Streams(self._agent.streams.seed).numpy("diagnostics")
            try:
                self._random = _random_transitions(self._make_env, generator)
            # An environment is a user's code and may raise anything; diagnostics must not end the run.
            except Exception as error:
                logging.getLogger("swimrl.training").warning(
                    "no diagnostics before the replay buffer holds %d transitions: random actions in an "
                    "environment of their own ended in %s: %s",
                    SAMPLE_SIZE,
                    type(error).__name__,
                    error,
                )
                self._random = np.zeros((0, 0)), np.zeros((0, 0))
        observations, actions = self._random
        if not len(observations):
            return None
        return Sample(self.seen(observations), self._tensor(actions))

    def seen(self, observations: np.ndarray) -> Tensor:
        """Return observations [N, O] as the networks see them."""
        normalisation = self._agent.get_vec_normalize_env()
        if normalisation is not None:
            seen = normalisation.normalize_obs(observations)
            assert isinstance(seen, np.ndarray)
            observations = seen
        return self._tensor(observations)

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.as_tensor(array, dtype=torch.float32, device=self._agent.device)


def _random_transitions(
    make_env: Callable[[], Env], generator: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Return observations [N, O] and random actions [N, A] in [-1, 1] of a new environment."""
    env = make_env()
    space = env.action_space
    assert isinstance(space, Box)
    actions = generator.uniform(-1, 1, (SAMPLE_SIZE, *space.shape)).astype(np.float32)
    scaled = space.low + (actions + 1) / 2 * (space.high - space.low)
    observations = []
    try:
        observation, _ = env.reset(seed=int(generator.randint(2**30)))
        for action in scaled:
            observations.append(observation)
            observation, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                observation, _ = env.reset()
    finally:
        env.close()
    return np.array(observations), actions
