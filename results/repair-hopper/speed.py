"""Measure the search beside the plain environment, and the localisation.

python results/repair-hopper/speed.py RUN --rounds 5    # RUN: a policy that falls on some starts
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch

import swimrl
from swimrl.repairing import Place, SearchSpace, localise, patched
from swimrl.repairing.failure import Fall
from swimrl.repairing.policies import PatchedPolicies
from swimrl.repairing.starts import Window
from swimrl.repairing.windows import WindowTests
from swimrl.rollouts import lockstep
from swimrl.runs.weights import Normalisation
from swimrl.td3.policy import TD3Policy, perceptrons
from swimrl.training.policy_function import policy_function

WINDOWS, STEPS = 24, 300
CANDIDATES = 10
PLAIN = 8
"""Episodes that the plain loop plays in a round."""

STATES = 800
"""Failing and passing states of the localisation: 16 episodes of 50 states."""


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--best", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    run = swimrl.open_run(arguments.run)
    policy, normalisation = run.td3_policy(best=arguments.best)
    with closing(run.make_environment()) as env:
        task = Task(policy, normalisation, env)
        cores = os.cpu_count() or 1
        works = {
            "plain loop": task.plain,
            "search, 1 thread": task.search(1),
            f"search, {cores} threads": task.search(cores),
        }
        speeds: dict[str, list[float]] = {name: [] for name in works}
        for number in range(arguments.rounds):
            for name, work in works.items():
                speeds[name].append(work(number))
        for name, values in speeds.items():
            ratios = np.array(values) / speeds["plain loop"]
            print(f"{name}: {np.median(values):,.0f} steps/s, {np.median(ratios):.2f} of the plain loop")
        print(f"localisation: {localisation_s(policy, env.observation_space.shape[0]):.2f} s")


class Task:
    """The first steps of some episodes, for candidates near a policy.

    Args:
        policy: The policy.
        normalisation: How it normalises observations.
        env: The environment.
    """

    def __init__(
        self, policy: TD3Policy, normalisation: Normalisation | None, env: gym.Env[Any, Any]
    ) -> None:
        (self._actor,) = perceptrons(policy.actor)
        self._policy, self._normalisation, self._env = policy, normalisation, env
        self._places = tuple(Place(layer, 0, column) for layer in (0, 1, 2) for column in range(3))
        noise = np.random.default_rng(0).normal(0, 0.05, (CANDIDATES, len(self._places)))
        self._candidates = SearchSpace.of(self._actor, self._places).values + noise

    def plain(self, number: int) -> float:
        """Return steps/s of one candidate in the environment, one step after the other."""
        act, env, steps = policy_function(self._policy, self._normalisation), self._env, 0
        with patched(self._actor, self._places, self._candidates[number % CANDIDATES]):
            act(env.reset(seed=0)[0])
            began = time.perf_counter()
            for seed in range(PLAIN):
                observation, _ = env.reset(seed=seed)
                for _ in range(STEPS):
                    observation, _, terminated, truncated, _ = env.step(act(observation))
                    steps += 1
                    if terminated or truncated:
                        break
            return steps / (time.perf_counter() - began)

    def search(self, threads: int) -> Callable[[int], float]:
        """Return what plays the same episodes for all candidates as the search does; it returns steps/s."""
        policies = PatchedPolicies(self._policy, self._normalisation, self._places)
        windows = [Window(seed, STEPS, fails=False) for seed in range(WINDOWS)]
        tests = WindowTests(policies, lockstep(self._env, 128, threads=threads), windows, Fall(), 1.0)

        def steps_per_s(number: int) -> float:
            began, before = time.perf_counter(), tests.steps
            tests.fitness(self._candidates, np.full(CANDIDATES, -np.inf))  # nothing is left out
            return (tests.steps - before) / (time.perf_counter() - began)

        return steps_per_s


def localisation_s(policy: TD3Policy, size: int) -> float:
    """Return the seconds of a localisation on random states; its cost does not depend on them."""
    (actor,) = perceptrons(policy.actor)
    critic = perceptrons(policy.critic)[0]
    failing, passing = torch.randn(2, STATES, size)

    def loss(outputs: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        value: torch.Tensor = -critic(torch.cat([inputs, torch.tanh(outputs)], dim=1)).sum()
        return value

    began = time.perf_counter()
    costs = localise(
        torch.nn.Sequential(*list(actor)[:-1]), (failing, failing), (passing, passing), loss=loss
    )
    costs.front()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
