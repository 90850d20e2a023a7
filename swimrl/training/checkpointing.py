"""Writes the state of a run to checkpoints and restores it; their layout: `swimrl.runs.checkpoint`."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from swimrl.fields import to_mapping
from swimrl.runs.checkpoint import Checkpoint, CheckpointFolder
from swimrl.runs.directory import RunDirectory
from swimrl.runs.replay_log import ReplayLog
from swimrl.td3.agent import TD3
from swimrl.td3.state import PendingLog, agent_state, replay_ring, restore_agent
from swimrl.training.config import TrainConfig
from swimrl.training.facts import Stopwatch
from swimrl.training.monitoring.recorder import Recorder
from swimrl.training.resume import Continuation


class Stateful(Protocol):
    """A part of a run that a checkpoint must hold."""

    def state(self) -> dict[str, Any]:
        """Return its state as plain data and NumPy arrays, under keys that no other part has."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from where `state` was taken; the mapping holds other parts' keys too."""


class Checkpointing:
    """Writes checkpoints, and restores a run from one.

    Args:
        config: The resolved configuration.
        directory: The directory of the run.
        agent: The agent that learns.
        recorder: The diagnostics.
        stopwatch: The seconds of the run.
        parts: The other parts of the run that have state.

    Attributes:
        pending_log: Numbers that the logger had not written when the run stopped.
    """

    def __init__(
        self,
        config: TrainConfig,
        directory: RunDirectory,
        agent: TD3,
        recorder: Recorder,
        stopwatch: Stopwatch,
        parts: Sequence[Stateful],
    ) -> None:
        assert agent.replay_buffer is not None
        self.pending_log: PendingLog = []
        self._config = config
        self._directory = directory
        self._agent = agent
        self._buffer = agent.replay_buffer
        self._recorder = recorder
        self._stopwatch = stopwatch
        self._parts = (*parts, stopwatch)
        self._folder = CheckpointFolder(directory.checkpoint_folder)
        self._replay_log = ReplayLog(self._folder.replay, replay_ring(agent.replay_buffer))
        self._next_step = math.inf

    def plan(self) -> None:
        """Choose the step of the next checkpoint."""
        every = self._config.checkpoint_every
        self._next_step = (self._agent.num_timesteps // every + 1) * every if every else math.inf

    @property
    def is_due(self) -> bool:
        """Whether it is time for a checkpoint."""
        return self._agent.num_timesteps >= self._next_step

    def write_if_due(self) -> None:
        """Write a checkpoint if it is time; called between two steps."""
        if self.is_due:
            self.write()
            self.plan()

    def write(self) -> None:
        """Write everything that decides the rest of the run, unless checkpoints are off.

        Called between two steps.
        """
        if not self._config.checkpoint_every:
            return
        agent = self._agent
        stored_steps = agent.num_timesteps // agent.n_envs
        assert stored_steps % self._buffer.buffer_size == self._buffer.pos, "every step is stored"
        state = {
            "config": to_mapping(self._config),
            "step": agent.num_timesteps,
            "stored_steps": stored_steps,
            "agent": agent_state(agent),
            "watch": self._recorder.state(),
        }
        for part in self._parts:
            state |= part.state()
        with self._stopwatch.measure("checkpoints"):
            state["lengths"] = self._directory.lengths()
            self._folder.write(state, self._replay_log.append(stored_steps))

    def restore(self, continuation: Continuation) -> None:
        """Restore agent, parts and files to the step from which the run continues."""
        if continuation.checkpoint is None:
            self._directory.rewind({})
        else:
            self._restore(continuation.checkpoint)

    def _restore(self, checkpoint: Checkpoint) -> None:
        state, buffer = checkpoint.state, self._buffer
        stored_steps = state["stored_steps"]
        self._folder = CheckpointFolder(self._directory.checkpoint_folder, checkpoint.place)
        self._replay_log.restore(stored_steps, checkpoint.shared)
        buffer.pos, buffer.full = stored_steps % buffer.buffer_size, stored_steps >= buffer.buffer_size
        if not restore_agent(self._agent, state["agent"]):
            logging.getLogger("swimrl.training").warning(
                "%s did not come to the same observation when its episode was repeated; the run goes on from "
                "where it came to, and will differ from a run never stopped",
                self._config.env,
            )
        self.pending_log = state["agent"]["pending_log"]
        self._recorder.restore(state["watch"])
        for part in self._parts:
            part.restore(state)
        self._directory.rewind(state["lengths"])
