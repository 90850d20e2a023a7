"""Diagnoses a run as it goes: to TensorBoard and, the same numbers, to diagnostics.csv."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from swimrl.envs.make import Env
from swimrl.runs.directory import RunDirectory
from swimrl.runs.policy_file import Policy
from swimrl.td3.agent import TD3
from swimrl.td3.network import hidden_activations
from swimrl.training import build, curves
from swimrl.training.config import TrainConfig
from swimrl.training.diagnostics import Diagnostics, Values, named_perceptrons
from swimrl.training.film import film
from swimrl.training.gait import GaitRecorder
from swimrl.training.tensorboard import Board

_CURVES_EVERY = 10  # diagnoses between pictures of the learned activations, which cost as much as a diagnosis


class Watch:
    """Watches one run.

    Args:
        agent: Who learns.
        config: How often to look.
        directory: Where diagnostics.csv goes.

    Raises:
        InputError: If films are wanted and cannot be drawn here.
    """

    def __init__(self, agent: TD3, config: TrainConfig, directory: RunDirectory) -> None:
        self._agent = agent
        self._config = config
        self._directory = directory
        self._diagnostics = Diagnostics(
            agent,
            lambda: build.build_environment(config),
            bound=config.diagnose_bound,
            flat=config.diagnose_flat,
        )
        self._stage: Env | None = None
        if config.video_every:
            self._stage = build.build_environment(config, render_mode="rgb_array")
        self.last_diagnosis: int | None = None
        """Step of the last look; None before the first."""
        self.seconds = 0.0
        """Spent in looking."""

    def start(self, config: Mapping[str, Any], activations: Mapping[str, Any], *, is_new: bool) -> None:
        """Open the agent's TensorBoard file, and describe the run in it if there was none before.

        Args:
            config: The configuration, as plain nested data.
            activations: The activations' descriptions, as run.json has them.
            is_new: Whether the run has no TensorBoard file yet.
        """
        self._board = Board(self._agent.logger)
        if is_new:
            self._board.describe(config, activations)

    def gait_recorder(self, env: Env) -> GaitRecorder | None:
        """Return what an evaluation in ``env`` shall be recorded by, if by anything."""
        return GaitRecorder(env) if self._config.diagnosis_interval else None

    def evaluated(self, gait: GaitRecorder | None, policy: Policy) -> None:
        """Write what an evaluation tells besides its score, and film the policy if it is time."""
        step, every = self._agent.num_timesteps, self._config.video_every
        with self._timed():
            if gait is not None:
                self._publish(self._diagnostics.evaluation(gait))
            if self._stage is not None and step // every > (step - self._config.eval_every) // every:
                with self._agent.streams.borrow(numpy="diagnostics", torch="diagnostics"):
                    self._board.film(step, film(policy, self._stage, seed=self._config.seed))

    def look_if_due(self) -> None:
        """Write what actor and critics do inside, if it is time."""
        step, every = self._agent.num_timesteps, self._config.diagnosis_interval
        if not every or (self.last_diagnosis is not None and step // every <= self.last_diagnosis // every):
            return
        self.last_diagnosis = step
        with self._timed():
            findings = self._diagnostics.networks()
            self._publish(findings.values)
            self._board.histograms(step, findings)
            if step // every % _CURVES_EVERY == 0:
                self._draw_curves()

    def close(self) -> None:
        """Free what films are drawn with."""
        if self._stage is not None:
            self._stage.close()

    def _publish(self, values: Values) -> None:
        step = self._agent.num_timesteps
        finite = {n: v if v is not None and math.isfinite(v) else None for n, v in values.items()}
        self._directory.append_diagnostics(step, finite)
        self._board.scalars(step, finite)

    def _draw_curves(self) -> None:
        activations = {
            f"{name}.layer{number}": activation
            for name, perceptron in named_perceptrons(self._agent)
            for number, activation in enumerate(hidden_activations(perceptron), start=1)
        }
        learning = curves.learning(activations)
        if learning and curves.can_draw():
            self._board.picture(self._agent.num_timesteps, "parameter/curves", curves.draw(learning))

    @contextmanager
    def _timed(self) -> Iterator[None]:
        before = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - before
