"""One training run, from configuration to a complete run directory."""

from __future__ import annotations

import dataclasses
import io
import logging
import math
import pickle
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.logger import configure

from swimrl.activations.language.names import parse_name, split_layers
from swimrl.envs.make import Env
from swimrl.errors import StorageError, SwimrlError
from swimrl.fields import to_mapping
from swimrl.host import host_facts, library_versions
from swimrl.runs.checkpoint import Checkpoint, CheckpointFolder
from swimrl.runs.directory import Episode, RunDirectory, read_evaluations, replace, writing
from swimrl.runs.naming import run_path, variant_slug
from swimrl.runs.record import Failure, RunRecord, Status, failure_of
from swimrl.runs.replay_log import ReplayLog
from swimrl.runs.scores import scores
from swimrl.td3.agent import TD3
from swimrl.td3.network import layer_gains
from swimrl.td3.policy import perceptrons
from swimrl.td3.state import PendingLog, agent_state, replay_ring, restore_agent, restore_log
from swimrl.td3.threads import product_threads
from swimrl.training import build
from swimrl.training.callbacks import build_callbacks
from swimrl.training.config import TrainConfig, layer_names
from swimrl.training.evaluation import evaluate, evaluate_final
from swimrl.training.interruption import Interruption
from swimrl.training.monitoring.watch import Watch
from swimrl.training.policy_function import normalisation_of, policy_function, save_policy
from swimrl.training.progress import Reporter, Reporters
from swimrl.training.progress_file import ProgressFile
from swimrl.training.resume import Continuation
from swimrl.training.widths import matched

_LOG_INTERVAL_EPISODES = 4


def resolve(config: TrainConfig) -> TrainConfig:
    """Return ``config`` in one form, so that equal runs look equal.

    Every activation has its canonical name, and the widths are those that `match_parameters` asked for.

    Raises:
        SwimrlError: If an activation cannot be used.
    """
    config = matched(config)
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


def execute(
    config: TrainConfig,
    directory: RunDirectory,
    reporter: Reporter,
    *,
    overwrite: bool = False,
    continuation: Continuation | None = None,
    callbacks: Sequence[BaseCallback] | None = None,
    products: Mapping[str, str] | None = None,
    study: Mapping[str, Any] | None = None,
) -> RunRecord:
    """Train, evaluate and write everything into ``directory``.

    Args:
        config: A resolved configuration.
        directory: Where to write; made here.
        reporter: Is told how the run goes.
        overwrite: Whether an existing run is deleted first.
        continuation: From where the existing run goes on; a new run is started when not given.
        callbacks: The user's own; when not given, those that the configuration names.
        products: Backend of matrix products by shape, chosen for a whole study; else chosen here.
        study: What run.json is to say about the sweep that the run belongs to; a continued run keeps what it
            says.

    Returns:
        The final record, whose status is ``done`` or ``interrupted``.

    Raises:
        SwimrlError: If the configuration cannot be run or the run failed; run.json then says ``failed`` and
            why, and everything written so far is kept.
    """
    device = build.choose_device(config.device)
    # The fused engine uses its threads for whole critics; within a product one thread is fastest.
    with product_threads(1 if config.engine == "fused" else config.threads):
        agent = build.build_agent(config, device=device, products=products)
        callbacks = build_callbacks(config.callback) if callbacks is None else callbacks
        evaluation_env = build.build_environment(config)
        reporters = Reporters(ProgressFile(directory), reporter)
        run = _Run(config, directory, reporters, agent, evaluation_env)
        run.record = dataclasses.replace(run.record, study=dict(study or {}))
        with directory.at_work():
            if continuation is None:
                directory.create(overwrite=overwrite)
            else:
                run.restore(continuation)
            with run.interruption.listening():
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
        assert agent.replay_buffer is not None
        self.checkpoints = CheckpointFolder(directory.checkpoint_folder)
        self.replay_log = ReplayLog(self.checkpoints.replay, replay_ring(agent.replay_buffer))
        self.interruption = Interruption()
        self.pending_log: PendingLog = []
        self.best_return: float | None = None
        self.next_evaluation = 0
        self.watch = Watch(agent, config, directory)
        self.evaluation_s = 0.0
        self.checkpoint_s = 0.0
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

    def go(self, callbacks: Sequence[BaseCallback]) -> RunRecord:
        """Train to the end, or to what stops it; run.json says which."""
        self.directory.write_record(self.record)
        is_new = not any(self.directory.path.glob("events.out.tfevents.*"))
        with writing(self.directory.path):
            self.agent.set_logger(configure(str(self.directory.path), ["tensorboard"]))
            self.watch.start(self.record.config, self.record.activations, is_new=is_new)
        restore_log(self.agent, self.pending_log)
        done = self.agent.num_timesteps
        try:
            self.reporter.start(self.config.steps)
            self.reporter.step(done)
            self.agent.learn(
                max(self.config.steps - done, 0),
                callback=CallbackList([_Monitoring(self), *callbacks]),
                log_interval=_LOG_INTERVAL_EPISODES,
                reset_num_timesteps=self.agent.last_observations is None,
            )
            self._save_policy()
            final = self._final_episodes()
            return self._close("done", final=final)
        except KeyboardInterrupt:
            self._save_policy()
            return self._close("interrupted", reason="stopped from outside (Ctrl-C or SIGTERM)")
        except SwimrlError as error:
            self._fail(failure_of(error), str(error))
            raise
        except BaseException as error:
            self._fail(failure_of(error), f"{type(error).__name__}: {error}")
            raise
        finally:
            self.reporter.stop()
            self.watch.close()
            self.agent.logger.close()

    def evaluate(self) -> None:
        """Score the policy as it is, and keep it if it is the best so far."""
        before = time.perf_counter()
        step = self.agent.num_timesteps
        normalisation = normalisation_of(self.agent.get_vec_normalize_env())
        policy = policy_function(self.agent.policy, normalisation)
        gait = self.watch.gait_recorder(self.evaluation_env)
        self.agent.policy.set_training_mode(False)
        try:
            with self.interruption.at_once():
                episodes = evaluate(
                    policy,
                    self.evaluation_env,
                    seed=self.config.seed,
                    episodes=self.config.eval_episodes,
                    on_step=gait,
                )
        except KeyboardInterrupt:
            self.write_checkpoint()  # with the evaluation still to do
            raise
        self.next_evaluation = (step // self.config.eval_every + 1) * self.config.eval_every
        self.directory.append_evaluation(step, episodes)
        returns = [episode.undiscounted_return for episode in episodes]
        mean_return = sum(returns) / len(returns)
        if self.best_return is None or mean_return > self.best_return:
            self.best_return = mean_return
            save_policy(self.directory.best_policy_file, self.agent.policy, normalisation)
        logger = self.agent.logger
        logger.record("eval/mean_reward", mean_return)
        logger.record("eval/min_reward", min(returns))
        logger.record("eval/max_reward", max(returns))
        logger.record("eval/mean_ep_length", sum(e.length for e in episodes) / len(episodes))
        logger.dump(step)
        self.evaluation_s += time.perf_counter() - before
        self.watch.evaluated(gait, policy)
        self.reporter.evaluation(step, episodes)
        self.record = dataclasses.replace(self.record, **self._progress())
        self.directory.write_record(self.record)

    def write_checkpoint(self) -> None:
        """Write all that decides the rest of the run; called between two steps."""
        agent, buffer = self.agent, self.agent.replay_buffer
        assert buffer is not None
        stored_steps = agent.num_timesteps // agent.n_envs
        if not self.config.checkpoint_every or stored_steps % buffer.buffer_size != buffer.pos:
            return  # a callback that ends training does so between a step and its storing
        before = time.perf_counter()
        best = self.directory.best_policy_file
        state = {
            "config": to_mapping(self.config),
            "step": agent.num_timesteps,
            "stored_steps": stored_steps,
            "agent": agent_state(agent),
            "next_evaluation": self.next_evaluation,
            "best_return": self.best_return,
            "best_policy": np.frombuffer(best.read_bytes(), np.uint8)
            if self.best_return is not None
            else None,
            "lengths": self.directory.lengths(),
            "started": self.record.started,
            "total_s": before - self.started,
            "evaluation_s": self.evaluation_s,
            "watch": self.watch.state(),
            "checkpoint_s": self.checkpoint_s,
        }
        self.checkpoints.write(state, self.replay_log.append(stored_steps))
        self.checkpoint_s += time.perf_counter() - before

    def restore(self, continuation: Continuation) -> None:
        """Bring agent, bookkeeping and files to where the run goes on."""
        if continuation.checkpoint is None:
            self.directory.rewind({})
        else:
            self._restore_checkpoint(continuation.checkpoint)
        resume = {"step": self.agent.num_timesteps, "at": _now(), "changed": dict(continuation.changed)}
        self.record = dataclasses.replace(
            self.record,
            resumes=[*continuation.resumes, resume],
            study=dict(continuation.study) or self.record.study,
        )

    def _restore_checkpoint(self, checkpoint: Checkpoint) -> None:
        state, buffer = checkpoint.state, self.agent.replay_buffer
        assert buffer is not None
        stored_steps = state["stored_steps"]
        self.checkpoints = CheckpointFolder(self.directory.checkpoint_folder, checkpoint.place)
        self.replay_log.restore(stored_steps, checkpoint.shared)
        buffer.pos, buffer.full = stored_steps % buffer.buffer_size, stored_steps >= buffer.buffer_size
        if not restore_agent(self.agent, state["agent"]):
            logging.getLogger("swimrl.training").warning(
                "%s did not come to the same observation when its episode was repeated; the run goes on from "
                "where it came to, and will differ from a run never stopped",
                self.config.env,
            )
        self.pending_log = state["agent"]["pending_log"]
        self.next_evaluation = state["next_evaluation"]
        self.best_return = state["best_return"]
        self.started -= state["total_s"]
        self.evaluation_s, self.checkpoint_s = state["evaluation_s"], state["checkpoint_s"]
        self.watch.restore(state["watch"])
        self.record = dataclasses.replace(self.record, started=state["started"])
        self.directory.rewind(state["lengths"])
        if state["best_policy"] is not None:
            with writing(self.directory.best_policy_file):
                replace(self.directory.best_policy_file, state["best_policy"].tobytes())

    def _progress(self) -> dict[str, Any]:
        total = time.perf_counter() - self.started
        parts = (self.agent.update_s, self.evaluation_s, self.watch.seconds, self.checkpoint_s)
        return {
            "engine": self.agent.engine_facts(),
            "steps_done": self.agent.num_timesteps,
            "updates_done": self.agent.updates_done,
            "wall_clock_s": {
                "total": round(total, 3),
                "updates": round(self.agent.update_s, 3),
                "evaluation": round(self.evaluation_s, 3),
                "diagnostics": round(self.watch.seconds, 3),
                "checkpoints": round(self.checkpoint_s, 3),
                "interaction": round(total - sum(parts), 3),
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
        policy = policy_function(self.agent.policy, normalisation_of(self.agent.get_vec_normalize_env()))
        episodes: list[Episode] = []
        self.reporter.final(0, total)
        with self.interruption.at_once():
            for episode in evaluate_final(policy, self.evaluation_env, episodes=total):
                episodes.append(episode)
                self.reporter.final(len(episodes), total)
        self.directory.write_final(self.agent.num_timesteps, episodes)
        self.evaluation_s += time.perf_counter() - before
        return episodes

    def _close(
        self,
        status: Status,
        *,
        failure: Failure | None = None,
        reason: str | None = None,
        final: list[Episode] | None = None,
    ) -> RunRecord:
        metrics: dict[str, Any] = {}
        if self.directory.evaluations_file.exists():
            steps, returns, _ = read_evaluations(self.directory.evaluations_file)
            metrics = scores(steps, returns, [episode.undiscounted_return for episode in final or []])
        self.record = dataclasses.replace(
            self.record,
            status=status,
            failure=failure,
            reason=reason,
            metrics=metrics,
            ended=_now(),
            **self._progress(),
        )
        self.directory.write_record(self.record)
        return self.record

    def _fail(self, failure: Failure, reason: str) -> None:
        # A full disk can have stopped the run and keep run.json from saying so. The first error is the one
        # to tell.
        with suppress(StorageError):
            self._close("failed", failure=failure, reason=reason)


class _Monitoring(BaseCallback):
    """Evaluates and writes checkpoints when it is time, stops when asked, and moves the progress display."""

    def __init__(self, run: _Run) -> None:
        super().__init__()
        self.run = run

    def _on_training_start(self) -> None:
        self._plan_checkpoint()

    def _on_rollout_start(self) -> None:
        # A rollout is one step here. At its start the updates that belong to the steps so far are done, as
        # they are in the authors' loop when it evaluates.
        if self.run.interruption.is_asked:
            self.run.write_checkpoint()
            raise KeyboardInterrupt
        self._evaluate_if_due()
        self.run.watch.look_if_due()
        if self.model.num_timesteps >= self.next_checkpoint:
            self.run.write_checkpoint()
            self._plan_checkpoint()

    def _on_step(self) -> bool:
        self.run.reporter.step(self.num_timesteps)
        return True

    def _on_training_end(self) -> None:
        self._evaluate_if_due()
        self.run.watch.look_if_due(is_end=True)
        # From here the run can be continued further, or its final episodes be played again.
        self.run.write_checkpoint()

    def _evaluate_if_due(self) -> None:
        if self.model.num_timesteps >= self.run.next_evaluation:
            self.run.evaluate()

    def _plan_checkpoint(self) -> None:
        every = self.run.config.checkpoint_every
        self.next_checkpoint = (self.model.num_timesteps // every + 1) * every if every else math.inf


def _describe(text: str) -> list[dict[str, Any]]:
    return [parse_name(name).describe() for name in split_layers(text)]


def _joined(names: list[str]) -> str:
    return names[0] if len(set(names)) == 1 else ",".join(names)


def _count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
