"""One training run, from its settings to a complete run directory.

In the order of this file: `execute` builds the parts of a run; `_Training.go` trains, saves the policy, plays
the fresh episodes and closes run.json; `_BetweenSteps` evaluates, diagnoses and writes checkpoints during
training. The content of a checkpoint is in `checkpointing`, that of run.json in `facts`.
"""

from __future__ import annotations

import io
import logging
import pickle
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from stable_baselines3.common.callbacks import BaseCallback, CallbackList
from stable_baselines3.common.logger import configure

from swimrl.envs.check import check_environment, close
from swimrl.envs.make import Env
from swimrl.errors import TrainingError, one_line
from swimrl.runs.directory import RunDirectory, replace, writing
from swimrl.runs.record import RunRecord
from swimrl.td3.agent import TD3
from swimrl.td3.state import restore_log
from swimrl.td3.threads import product_threads
from swimrl.training import build
from swimrl.training.callbacks import UsersCallbacks, build_callbacks
from swimrl.training.checkpointing import Checkpointing
from swimrl.training.evaluator import Evaluator
from swimrl.training.facts import Facts, Stopwatch, new_record
from swimrl.training.interruption import Interruption
from swimrl.training.monitoring.recorder import Recorder
from swimrl.training.policy_function import normalisation_of, save_policy
from swimrl.training.progress import Reporter, Reporters
from swimrl.training.progress_file import ProgressFile
from swimrl.training.resolved import Resolved
from swimrl.training.resume import Continuation
from swimrl.training.starting_point import load_start

_LOG_INTERVAL_EPISODES = 4


def execute(
    resolved: Resolved,
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
        resolved: The settings.
        directory: The directory to write; it is made here.
        reporter: Receives the progress.
        overwrite: Whether an existing run is deleted first.
        continuation: From where the existing run continues; a new run is started when not given.
        callbacks: The user's own; when not given, those that the settings name.
        products: Backend of matrix products by shape, chosen for a whole study; chosen here when not given.
        study: The sweep that the run belongs to, for run.json; a continued run keeps its own.

    Returns:
        The final record, whose status is ``done``, ``stopped`` (by a callback) or ``interrupted``.

    Raises:
        SwimrlError: If the settings cannot be run or the run failed; run.json then says ``failed`` and why,
            and everything written so far is kept.
        Exception: Whatever else the user's own environment or callback raised; run.json says it too.
    """
    config = resolved.config
    check_environment(config.env, config.environment_arguments())
    device = build.choose_device(config.device)
    # Each thread of the fused engine computes its own products; within a product one thread is fastest.
    with product_threads(1 if config.engine == "fused" else config.fixed_threads):
        threads = continuation.threads if continuation else None
        agent = build.build_agent(config, device=device, products=products, threads=threads)
        if callbacks is None:
            callbacks = build_callbacks(config.callback)
        env = build.build_environment(config)
        with _closing(agent, env), directory.at_work():
            training = _Training(resolved, directory, reporter, agent, env, study or {})
            if continuation is None:
                load_start(agent, config)
                directory.create(overwrite=overwrite)
            else:
                training.restore(continuation)
            with training.interruption.listening():
                return training.go(callbacks)


@contextmanager
def _closing(agent: TD3, env: Env) -> Iterator[None]:
    """Close all environments at the end, so that no simulator of theirs stays behind."""
    try:
        yield
    finally:
        for one in (env, agent.get_env()):
            try:
                if one is not None:
                    one.close()
            except Exception as error:
                # The run is written; an environment that cannot be closed does not change it.
                logging.getLogger("swimrl.training").warning("an environment cannot be closed: %s", error)


class _Training:
    """The training of one run.

    Args:
        resolved: The settings.
        directory: The directory of the run.
        reporter: Receives the progress.
        agent: The agent that learns.
        env: The environment of the evaluations.
        study: The sweep that the run belongs to, for run.json.
    """

    def __init__(
        self,
        resolved: Resolved,
        directory: RunDirectory,
        reporter: Reporter,
        agent: TD3,
        env: Env,
        study: Mapping[str, Any],
    ) -> None:
        config = resolved.config
        self.interruption = Interruption()
        self._steps = config.steps
        self._directory = directory
        self.agent = agent
        self._env = env
        self.reporter = Reporters(ProgressFile(directory), reporter)
        stopwatch = Stopwatch()
        self.recorder = Recorder(agent, config, directory)
        self.evaluator = Evaluator(config, directory, agent, env, self.recorder, self.reporter, stopwatch)
        record = new_record(resolved, agent, env, study)
        self.facts = Facts(directory, record, agent, stopwatch, self.recorder)
        self.checkpointing = Checkpointing(
            config, directory, agent, self.recorder, stopwatch, (self.evaluator, self.facts)
        )

    def restore(self, continuation: Continuation) -> None:
        """Restore everything to the step from which the run continues."""
        self.checkpointing.restore(continuation)
        self.facts.resumed(continuation)

    def go(self, callbacks: Sequence[BaseCallback]) -> RunRecord:
        """Train to the end, or until something stops the run; run.json says which."""
        self.facts.write()
        self._open_log()
        try:
            self._learn(UsersCallbacks(callbacks))
            self._save_policy()
            with self.interruption.at_once():
                final = self.evaluator.final_episodes()
            return self.facts.close("done", final=final)
        except _StoppedError as stop:
            self._save_policy()
            return self.facts.close("stopped", reason=str(stop))
        except KeyboardInterrupt:
            self._save_policy()
            return self.facts.close("interrupted", reason=self.interruption.reason)
        except Exception as error:
            self.facts.fail(error)
            raise
        except BaseException as error:
            # Such as a SystemExit(0) of the environment, after which the run would seem to have succeeded.
            self.facts.fail(error)
            raise TrainingError(f"the run was ended by {one_line(error)}") from error
        finally:
            self.reporter.stop()
            self.recorder.close()
            self.agent.logger.close()
            close(self.agent.env)
            close(self._env)

    def _open_log(self) -> None:
        is_new = not any(self._directory.path.glob("events.out.tfevents.*"))
        with writing(self._directory.path):
            self.agent.set_logger(configure(str(self._directory.path), ["tensorboard"]))
            record = self.facts.record
            self.recorder.start(record.config, record.activations, is_new=is_new)
        restore_log(self.agent, self.checkpointing.pending_log)

    def _learn(self, users: UsersCallbacks) -> None:
        done = self.agent.num_timesteps
        self.reporter.start(self._steps)
        self.reporter.step(done)
        self.agent.learn(
            max(self._steps - done, 0),
            callback=CallbackList([_BetweenSteps(self, users), users]),
            log_interval=_LOG_INTERVAL_EPISODES,
            reset_num_timesteps=self.agent.last_observations is None,
        )

    def _save_policy(self) -> None:
        agent, directory = self.agent, self._directory
        normalising = agent.get_vec_normalize_env()
        save_policy(directory.policy_file, agent.policy, normalisation_of(normalising))
        with writing(directory.sb3_file):
            buffer = io.BytesIO()
            agent.save(buffer)
            replace(directory.sb3_file, buffer.getvalue())
            if normalising:
                replace(directory.path / "vecnormalize.pkl", pickle.dumps(normalising))


class _StoppedError(Exception):
    """One of the user's callbacks ended training; the text says which and where."""


class _BetweenSteps(BaseCallback):
    """Evaluates, diagnoses and writes checkpoints when it is time, and ends training when asked to."""

    leaves_agent_alone = True

    def __init__(self, training: _Training, users: UsersCallbacks) -> None:
        super().__init__()
        self._agent = training.agent
        self._evaluator = training.evaluator
        self._recorder = training.recorder
        self._checkpointing = training.checkpointing
        self._facts = training.facts
        self._reporter = training.reporter
        self._interruption = training.interruption
        self._users = users

    def _on_training_start(self) -> None:
        self._checkpointing.plan()

    def _on_rollout_start(self) -> None:
        # A rollout is one step here. At its start the updates that belong to the steps so far are done, as
        # they are in the authors' loop when it evaluates.
        if self._interruption.is_asked:
            self._checkpointing.write()
            raise KeyboardInterrupt
        if self._users.stop is not None:
            self._checkpointing.write()
            self._users.on_training_end()
            raise _StoppedError(self._users.stop)
        if self._evaluator.is_due or self._recorder.is_due or self._checkpointing.is_due:
            self._evaluate_if_due()
            self._recorder.look_if_due()
            self._checkpointing.write_if_due()
            self._agent.check_again()

    def _on_step(self) -> bool:
        self._reporter.step(self.num_timesteps)
        return True

    def _on_training_end(self) -> None:
        self._evaluate_if_due()
        self._recorder.look_if_due(is_end=True)
        # From here the run can be continued further, or its final episodes be played again.
        self._checkpointing.write()

    def _evaluate_if_due(self) -> None:
        if not self._evaluator.is_due:
            return
        try:
            with self._interruption.at_once():
                evaluation = self._evaluator.play()
        except KeyboardInterrupt:
            self._checkpointing.write()  # with the evaluation still to do
            raise
        self._evaluator.keep(evaluation)
        self._facts.update()
