"""Writes run.json: what is known of a run before, during and after training."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Literal

import torch

from swimrl.activations.language.spec import ActivationSpec
from swimrl.envs.make import Env
from swimrl.errors import StorageError, SwimrlError, one_line
from swimrl.fields import to_mapping
from swimrl.host import host_facts, library_versions
from swimrl.runs.directory import Episode, RunDirectory, read_evaluations
from swimrl.runs.record import Failure, RunRecord, Status, failure_of
from swimrl.runs.scores import scores
from swimrl.td3.agent import TD3
from swimrl.td3.network import layer_gains
from swimrl.td3.policy import perceptrons
from swimrl.training.monitoring.recorder import Recorder
from swimrl.training.resolved import Resolved
from swimrl.training.resume import Continuation


def new_record(resolved: Resolved, agent: TD3, env: Env, study: Mapping[str, Any]) -> RunRecord:
    """Return the record of a run that has not begun.

    Args:
        resolved: The settings.
        agent: Not trained yet.
        env: An environment of the run.
        study: The sweep that the run belongs to, as the record describes it.
    """
    config = resolved.config
    return RunRecord(
        config=to_mapping(config),
        activations={"actor": _describe(resolved.actor), "critic": _describe(resolved.critic)},
        network={
            "actor_parameters": _count(agent.actor),
            "critic_parameters": _count(agent.critic),
            "actor_gains": layer_gains(perceptrons(agent.actor)[0]),
            "critic_gains": layer_gains(perceptrons(agent.critic)[0]),
        },
        environment={
            "id": config.env,
            "observation_size": int(env.observation_space.shape[0]),  # type: ignore[index]
            "action_size": int(env.action_space.shape[0]),  # type: ignore[index]
            "max_episode_steps": getattr(env.spec, "max_episode_steps", None),
        },
        versions=library_versions(),
        host={**host_facts(), "device": str(agent.device), "threads": agent.threads_in_use},
        engine=agent.engine_facts(),
        study=dict(study),
        started=_now(),
    )


class Stopwatch:
    """The seconds of a run, including those before it was resumed."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._parts = {"evaluation": 0.0, "checkpoints": 0.0}

    @property
    def total(self) -> float:
        """Seconds since the run began."""
        return time.perf_counter() - self._started

    def part(self, name: Literal["evaluation", "checkpoints"]) -> float:
        """Return the seconds that a part has taken."""
        return self._parts[name]

    @contextmanager
    def measure(self, name: Literal["evaluation", "checkpoints"]) -> Iterator[None]:
        """Add the seconds spent within to a part."""
        before = time.perf_counter()
        yield
        self._parts[name] += time.perf_counter() - before

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {
            "total_s": self.total,
            "evaluation_s": self._parts["evaluation"],
            "checkpoint_s": self._parts["checkpoints"],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state` was taken."""
        self._started -= state["total_s"]
        self._parts = {"evaluation": state["evaluation_s"], "checkpoints": state["checkpoint_s"]}


class Facts:
    """Keeps run.json up to date.

    Args:
        directory: The directory of the run.
        record: The record before training.
        agent: The agent that learns.
        stopwatch: The seconds of the run.
        recorder: The diagnostics, which count their own seconds.
    """

    def __init__(
        self, directory: RunDirectory, record: RunRecord, agent: TD3, stopwatch: Stopwatch, recorder: Recorder
    ) -> None:
        self.record = record
        self._directory = directory
        self._agent = agent
        self._stopwatch = stopwatch
        self._recorder = recorder

    def write(self) -> None:
        """Write the record."""
        self._directory.write_record(self.record)

    def update(self) -> None:
        """Write the record with the steps, updates and seconds so far."""
        self.record = dataclasses.replace(self.record, **self._progress())
        self.write()

    def resumed(self, continuation: Continuation) -> None:
        """Add to the record that the run continues from the agent's present step."""
        resume = {"step": self._agent.num_timesteps, "at": _now(), "changed": dict(continuation.changed)}
        self.record = dataclasses.replace(
            self.record,
            resumes=[*continuation.resumes, resume],
            study=dict(continuation.study) or self.record.study,
        )

    def close(
        self,
        status: Status,
        *,
        reason: str | None = None,
        failure: Failure | None = None,
        final: Sequence[Episode] = (),
    ) -> RunRecord:
        """Write how the run ended, and return the record.

        Args:
            status: The final status.
            reason: Why it ended, unless it is done.
            failure: The kind of failure, if it failed.
            final: The fresh episodes after training.
        """
        metrics: dict[str, Any] = {}
        if self._directory.evaluations_file.exists():
            steps, returns, _ = read_evaluations(self._directory.evaluations_file)
            metrics = scores(steps, returns, [episode.undiscounted_return for episode in final])
        self.record = dataclasses.replace(
            self.record,
            status=status,
            failure=failure,
            reason=reason,
            metrics=metrics,
            ended=_now(),
            **self._progress(),
        )
        self.write()
        return self.record

    def fail(self, error: BaseException) -> None:
        """Write that ``error`` ended the run."""
        reason = str(error) if isinstance(error, SwimrlError) else one_line(error)
        # If a full disk stopped the run, run.json cannot be written either. The first error is reported.
        with suppress(StorageError):
            self.close("failed", failure=failure_of(error), reason=reason)

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"started": self.record.started}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state` was taken."""
        self.record = dataclasses.replace(self.record, started=state["started"])

    def _progress(self) -> dict[str, Any]:
        agent, stopwatch = self._agent, self._stopwatch
        seconds = {
            "updates": agent.update_s,
            "evaluation": stopwatch.part("evaluation"),
            "diagnostics": self._recorder.seconds,
            "checkpoints": stopwatch.part("checkpoints"),
        }
        total = stopwatch.total
        everything = {"total": total, **seconds, "interaction": total - sum(seconds.values())}
        return {
            "engine": agent.engine_facts(),
            "steps_done": agent.num_timesteps,
            "updates_done": agent.updates_done,
            "wall_clock_s": {name: round(value, 3) for name, value in everything.items()},
        }


def _describe(specs: Sequence[ActivationSpec]) -> list[dict[str, Any]]:
    """Return one description for each hidden layer; one for all if they are equal."""
    is_one = len({spec.canonical for spec in specs}) == 1
    return [spec.describe() for spec in (specs[:1] if is_one else specs)]


def _count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
