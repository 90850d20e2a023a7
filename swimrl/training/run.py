"""One training run, from configuration to a complete run directory."""

from __future__ import annotations

import dataclasses
import io
import pickle
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.logger import configure

from swimrl.activations.names import parse_name, split_layers
from swimrl.envs.make import Env
from swimrl.errors import StorageError, SwimrlError
from swimrl.runs.directory import Episode, RunDirectory, read_evaluations, replace, writing
from swimrl.runs.naming import run_path, variant_slug
from swimrl.runs.policy_file import acting, normalisation_of, save_policy
from swimrl.runs.record import RunRecord, Status
from swimrl.td3.agent import TD3
from swimrl.td3.network import layer_gains
from swimrl.td3.policy import perceptrons
from swimrl.timing.host import host_facts, library_versions
from swimrl.training import build
from swimrl.training.config import TrainConfig, layer_names
from swimrl.training.config_file import to_mapping
from swimrl.training.evaluation import evaluate, evaluate_final, metrics
from swimrl.training.progress import Reporter

_LOG_INTERVAL_EPISODES = 4


def resolve(config: TrainConfig) -> TrainConfig:
    """Return ``config`` with every activation by its canonical name, so that equal runs look equal.

    Raises:
        SwimrlError: If an activation cannot be used.
    """
    layers = len(config.hidden_widths)
    actor = _joined(layer_names(config.actor_activation, layers))
    critic = _joined(layer_names(config.critic_activation, layers))
    return dataclasses.replace(
        config, act=actor, act_actor=None, act_critic=None if critic == actor else critic
    )


def directory_of(config: TrainConfig, study: Path) -> RunDirectory:
    """Return the directory of the run that the resolved ``config`` describes."""
    slug = variant_slug(
        [parse_name(name).slug for name in split_layers(config.actor_activation)],
        [parse_name(name).slug for name in split_layers(config.critic_activation)],
    )
    return RunDirectory(run_path(study, to_mapping(config), slug))


def train(
    config: TrainConfig, directory: RunDirectory, reporter: Reporter, *, overwrite: bool = False
) -> RunRecord:
    """Train, evaluate and write everything into ``directory``.

    Args:
        config: A resolved configuration.
        directory: Where to write; made here.
        reporter: Is told how the run goes.
        overwrite: Whether an existing run is deleted first.

    Returns:
        The final record, whose status is ``done`` or ``interrupted``.

    Raises:
        SwimrlError: If the configuration cannot be run or the run failed; run.json then says ``failed`` and
            why, and everything written so far is kept.
    """
    device = build.choose_device(config.device)
    # The fused engine uses its threads for whole critics; within a product one thread is fastest.
    torch.set_num_threads(1 if config.engine == "fused" else config.threads)
    agent = build.build_agent(config, device=device)
    callbacks = build.build_callbacks(config)
    evaluation_env = build.build_environment(config)
    directory.create(overwrite=overwrite)
    run = _Run(config, directory, reporter, agent, evaluation_env)
    with _interruptible():
        return run.go(callbacks)


class _Run:
    """A run in progress."""

    def __init__(
        self,
        config: TrainConfig,
        directory: RunDirectory,
        reporter: Reporter,
        agent: TD3,
        evaluation_env: Env,
    ) -> None:
        self.config = config
        self.directory = directory
        self.reporter = reporter
        self.agent = agent
        self.evaluation_env = evaluation_env
        self.best_return: float | None = None
        self.evaluation_s = 0.0
        self.started = time.perf_counter()
        self.record = RunRecord(
            config=to_mapping(config),
            activations={
                "actor": _describe(config.actor_activation),
                "critic": _describe(config.critic_activation),
            },
            network={
                "actor_parameters": _count(agent.actor),
                "critic_parameters": _count(agent.critic),
                "actor_gains": layer_gains(perceptrons(agent.actor)[0]),
                "critic_gains": layer_gains(perceptrons(agent.critic)[0]),
            },
            environment={
                "id": config.env,
                "observation_size": int(evaluation_env.observation_space.shape[0]),  # type: ignore[index]
                "action_size": int(evaluation_env.action_space.shape[0]),  # type: ignore[index]
                "max_episode_steps": getattr(evaluation_env.spec, "max_episode_steps", None),
            },
            versions=library_versions(),
            host={**host_facts(), "device": str(agent.device), "threads": config.threads},
            engine=agent.engine_facts(),
            started=_now(),
        )

    def go(self, callbacks: list[BaseCallback]) -> RunRecord:
        """Train to the end, or to what stops it; run.json says which."""
        self.directory.write_record(self.record)
        with writing(self.directory.path):
            self.agent.set_logger(configure(str(self.directory.path), ["tensorboard"]))
        try:
            self.reporter.start(self.config.steps)
            self.agent.learn(
                self.config.steps,
                callback=CallbackList([_Monitoring(self), *callbacks]),
                log_interval=_LOG_INTERVAL_EPISODES,
            )
            self._save_policy()
            final = self._final_episodes()
            return self._close("done", final=final)
        except KeyboardInterrupt:
            self._save_policy()
            return self._close("interrupted", reason="stopped from outside (Ctrl-C or SIGTERM)")
        except SwimrlError as error:
            self._fail(str(error))
            raise
        except BaseException as error:
            self._fail(f"{type(error).__name__}: {error}")
            raise
        finally:
            self.reporter.stop()
            self.agent.logger.close()

    def evaluate(self) -> None:
        """Score the policy as it is, and keep it if it is the best so far."""
        before = time.perf_counter()
        step = self.agent.num_timesteps
        normalisation = normalisation_of(self.agent.get_vec_normalize_env())
        self.agent.policy.set_training_mode(False)
        episodes = evaluate(
            acting(self.agent.policy, normalisation),
            self.evaluation_env,
            seed=self.config.seed,
            episodes=self.config.eval_episodes,
        )
        self.directory.append_evaluation(step, episodes)
        mean_return = sum(e.undiscounted_return for e in episodes) / len(episodes)
        if self.best_return is None or mean_return > self.best_return:
            self.best_return = mean_return
            save_policy(self.directory.best_policy_file, self.agent.policy, normalisation)
        logger = self.agent.logger
        logger.record("eval/mean_reward", mean_return)
        logger.record("eval/mean_ep_length", sum(e.length for e in episodes) / len(episodes))
        logger.dump(step)
        self.evaluation_s += time.perf_counter() - before
        self.reporter.evaluation(step, episodes)
        self.record = dataclasses.replace(self.record, **self._progress())
        self.directory.write_record(self.record)

    def _progress(self) -> dict[str, Any]:
        total = time.perf_counter() - self.started
        interaction = total - self.evaluation_s - self.agent.update_s
        return {
            "engine": self.agent.engine_facts(),
            "steps_done": self.agent.num_timesteps,
            "updates_done": self.agent._n_updates,
            "wall_clock_s": {
                "total": round(total, 3),
                "updates": round(self.agent.update_s, 3),
                "evaluation": round(self.evaluation_s, 3),
                "interaction": round(interaction, 3),
            },
        }

    def _save_policy(self) -> None:
        normalisation = normalisation_of(self.agent.get_vec_normalize_env())
        save_policy(self.directory.policy_file, self.agent.policy, normalisation)
        with writing(self.directory.sb3_file):
            buffer = io.BytesIO()
            self.agent.save(buffer)
            replace(self.directory.sb3_file, buffer.getvalue())
            if normalising := self.agent.get_vec_normalize_env():
                replace(self.directory.path / "vecnormalize.pkl", pickle.dumps(normalising))

    def _final_episodes(self) -> list[Episode]:
        total = self.config.final_episodes
        if not total:
            return []
        before = time.perf_counter()
        policy = acting(self.agent.policy, normalisation_of(self.agent.get_vec_normalize_env()))
        episodes: list[Episode] = []
        self.reporter.final(0, total)
        for episode in evaluate_final(policy, self.evaluation_env, episodes=total):
            episodes.append(episode)
            self.reporter.final(len(episodes), total)
        self.directory.write_final(self.agent.num_timesteps, episodes)
        self.evaluation_s += time.perf_counter() - before
        return episodes

    def _close(
        self, status: Status, *, reason: str | None = None, final: list[Episode] | None = None
    ) -> RunRecord:
        scores: dict[str, Any] = {}
        if self.directory.evaluations_file.exists():
            steps, returns, _ = read_evaluations(self.directory.evaluations_file)
            scores = metrics(list(steps), returns, final or [])
        self.record = dataclasses.replace(
            self.record,
            status=status,
            reason=reason,
            metrics=scores,
            ended=_now(),
            **self._progress(),
        )
        self.directory.write_record(self.record)
        return self.record

    def _fail(self, reason: str) -> None:
        # A full disk can have stopped the run and keep run.json from saying so. The first error is the one
        # to tell.
        with suppress(StorageError):
            self._close("failed", reason=reason)


class _Monitoring(BaseCallback):
    """Evaluates when it is time and moves the progress display."""

    def __init__(self, run: _Run) -> None:
        super().__init__()
        self.run = run
        self.next_evaluation = 0

    def _on_rollout_start(self) -> None:
        # A rollout is one step here. At its start the updates that belong to the steps so far are done, as
        # they are in the authors' loop when it evaluates.
        self._evaluate_if_due()

    def _on_step(self) -> bool:
        self.run.reporter.step(self.num_timesteps)
        return True

    def _on_training_end(self) -> None:
        self._evaluate_if_due()

    def _evaluate_if_due(self) -> None:
        if self.model.num_timesteps >= self.next_evaluation:
            every = self.run.config.eval_every
            self.next_evaluation = (self.model.num_timesteps // every + 1) * every
            self.run.evaluate()


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM end a run as cleanly as Ctrl-C does."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _describe(text: str) -> list[dict[str, Any]]:
    return [parse_name(name).describe() for name in split_layers(text)]


def _joined(names: list[str]) -> str:
    return names[0] if len(set(names)) == 1 else ",".join(names)


def _count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
