"""Evaluates a policy at intervals, writes the returns, and keeps the best policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from swimrl.envs.make import Env
from swimrl.runs.directory import Episode, RunDirectory, replace, writing
from swimrl.runs.weights import Normalisation
from swimrl.td3.agent import TD3
from swimrl.training.config import TrainConfig
from swimrl.training.evaluation import episodes_of, evaluate, evaluate_final
from swimrl.training.facts import Stopwatch
from swimrl.training.monitoring.gait import Gait
from swimrl.training.monitoring.recorder import Recorder
from swimrl.training.policy_function import Policy, normalisation_of, policy_function, save_policy
from swimrl.training.progress import Reporter


@dataclass(frozen=True)
class Evaluation:
    """One evaluation of the present policy."""

    step: int
    episodes: list[Episode]
    policy: Policy
    normalisation: Normalisation | None
    gait: Gait | None


class Evaluator:
    """Evaluates the agent in an environment of its own.

    Args:
        config: The resolved configuration.
        directory: The directory of the run.
        agent: The agent that learns.
        env: The environment of the evaluations.
        recorder: Receives the gait.
        reporter: Receives the episodes.
        stopwatch: Receives the seconds.
    """

    def __init__(
        self,
        config: TrainConfig,
        directory: RunDirectory,
        agent: TD3,
        env: Env,
        recorder: Recorder,
        reporter: Reporter,
        stopwatch: Stopwatch,
    ) -> None:
        self._config = config
        self._directory = directory
        self._agent = agent
        self._env = env
        self._recorder = recorder
        self._reporter = reporter
        self._stopwatch = stopwatch
        self._next_step = 0
        self._best_return: float | None = None

    @property
    def is_due(self) -> bool:
        """Whether it is time for an evaluation."""
        return self._agent.num_timesteps >= self._next_step

    def play(self) -> Evaluation:
        """Return an evaluation of the present policy; it can be broken off and done again."""
        agent = self._agent
        with self._stopwatch.measure("evaluation"):
            normalisation = normalisation_of(agent.get_vec_normalize_env())
            policy = policy_function(agent.policy, normalisation)
            agent.policy.set_training_mode(False)
            has_gait = bool(self._config.diagnosis_interval)
            done = evaluate(
                policy,
                self._env,
                seed=self._config.seed,
                episodes=self._config.eval_episodes,
                keep=Gait.KEEP if has_gait else (),
                threads=self._agent.threads_in_use,
            )
            gait = Gait(done, self._env) if has_gait else None
        return Evaluation(agent.num_timesteps, episodes_of(done), policy, normalisation, gait)

    def keep(self, evaluation: Evaluation) -> None:
        """Write an evaluation to files, log and screen, and its policy if it is the best so far."""
        step, every = evaluation.step, self._config.eval_every
        with self._stopwatch.measure("evaluation"):
            self._next_step = (step // every + 1) * every
            self._directory.append_evaluation(step, evaluation.episodes)
            returns = [episode.undiscounted_return for episode in evaluation.episodes]
            mean_return = sum(returns) / len(returns)
            if self._best_return is None or mean_return > self._best_return:
                self._best_return = mean_return
                save_policy(self._directory.best_policy_file, self._agent.policy, evaluation.normalisation)
            logger = self._agent.logger
            logger.record("eval/mean_reward", mean_return)
            logger.record("eval/min_reward", min(returns))
            logger.record("eval/max_reward", max(returns))
            lengths = [episode.length for episode in evaluation.episodes]
            logger.record("eval/mean_ep_length", sum(lengths) / len(lengths))
            logger.dump(step)
        self._recorder.evaluated(evaluation.gait, evaluation.policy)
        self._reporter.evaluation(step, evaluation.episodes)

    def final_episodes(self) -> list[Episode]:
        """Play, write and return the fresh episodes after training; it can be broken off and done again."""
        total = self._config.final_episodes
        if not total:
            return []
        with self._stopwatch.measure("evaluation"):
            policy = policy_function(
                self._agent.policy, normalisation_of(self._agent.get_vec_normalize_env())
            )
            self._reporter.final(0, total)
            done = evaluate_final(
                policy,
                self._env,
                episodes=total,
                on_end=lambda ended: self._reporter.final(ended, total),
                threads=self._agent.threads_in_use,
            )
            episodes = episodes_of(done)
            self._directory.write_final(self._agent.num_timesteps, episodes)
        return episodes

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint, with the file of the best policy."""
        best = None
        if self._best_return is not None:
            best = np.frombuffer(self._directory.best_policy_file.read_bytes(), np.uint8)
        return {
            "next_evaluation": self._next_step,
            "best_return": self._best_return,
            "best_policy": best,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state` was taken."""
        self._next_step = state["next_evaluation"]
        self._best_return = state["best_return"]
        if state["best_policy"] is not None:
            with writing(self._directory.best_policy_file):
                replace(self._directory.best_policy_file, state["best_policy"].tobytes())
