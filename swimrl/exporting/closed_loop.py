"""Episodes that a file plays by itself, beside those of the policy from the same starts.

They are printed and not judged: rounding grows from step to step, so that two right files may part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from swimrl.envs.make import Env
from swimrl.envs.seeding import final_seeds
from swimrl.exporting.loading import Batch
from swimrl.rollouts import Rollouts
from swimrl.runs.directory import RunDirectory, read_evaluations
from swimrl.stats.interval import Interval, mean_student
from swimrl.training import Run
from swimrl.training.evaluation import rollouts
from swimrl.training.policy_function import Policy

PARTED = 1e-3
"""From this difference on, in the environment's units, the file's action is another than the policy's."""


@dataclass(frozen=True)
class PolicyEpisodes:
    """The policy's own episodes, on the seeds of the score ``final100``."""

    actions: list[np.ndarray]
    """Of each episode [T, A]."""

    returns: np.ndarray
    """Of each episode, [N]."""

    source: str
    """Where the returns are from: ``final.csv``, or ``episodes played now``."""


@dataclass(frozen=True)
class ClosedLoop:
    """Episodes of a file, paired with the policy's by their seeds."""

    returns: np.ndarray
    """Of the file, [N]."""

    differences: np.ndarray
    """Return of the file minus return of the policy, [N]."""

    compared_with: str
    """Where the policy's returns are from."""

    steps_alike: tuple[int | None, ...]
    """In each episode, the steps before an action first differs by `PARTED`; None if none does."""

    @property
    def interval(self) -> Interval | None:
        """The 95 % interval of the mean difference (Student's t); None for one episode."""
        return mean_student(self.differences) if len(self.differences) > 1 else None

    def as_json(self) -> dict[str, Any]:
        """Return what policy.json has of it."""
        interval = self.interval
        return {
            "compared_with": self.compared_with,
            "return_differences": self.differences.tolist(),
            "mean_difference": float(self.differences.mean()),
            "mean_difference_interval": None if interval is None else [interval.low, interval.high],
            "actions_part_at_difference": PARTED,
            "steps_alike": list(self.steps_alike),
        }


def policy_episodes(run: Run, env: Env, episodes: int, *, best: bool) -> PolicyEpisodes:
    """Return the policy's episodes; its returns are those of final.csv, if the run has that many."""
    played = _play(run.best_policy if best else run.policy, env, episodes)
    final = RunDirectory(run.path).final_file
    if not best and final.exists():  # final.csv holds episodes of the last policy
        recorded = read_evaluations(final)[1].ravel()
        if len(recorded) >= episodes:
            return PolicyEpisodes(played.actions, recorded[:episodes], "final.csv")
    return PolicyEpisodes(played.actions, played.returns, "episodes played now")


def closed_loop(act: Batch, env: Env, policy: PolicyEpisodes) -> ClosedLoop:
    """Let a file play the episodes of the policy's seeds."""
    played = _play(lambda observation: act(observation.astype(np.float32)[None])[0], env, len(policy.returns))
    alike = tuple(map(_steps_alike, played.actions, policy.actions))
    return ClosedLoop(played.returns, played.returns - policy.returns, policy.source, alike)


def _play(policy: Policy, env: Env, episodes: int) -> Rollouts:
    starts = [final_seeds(number) for number in range(episodes)]
    return rollouts(policy, env, starts, keep=["actions"])


def _steps_alike(file: np.ndarray, policy: np.ndarray) -> int | None:
    both = min(len(file), len(policy))
    parted = (np.abs(file[:both] - policy[:both]) >= PARTED).any(axis=1)
    return int(parted.argmax()) if parted.any() else None
