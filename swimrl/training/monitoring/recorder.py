"""The diagnostics of one run: writes the same numbers to TensorBoard and diagnostics.csv."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from swimrl.envs.make import Env
from swimrl.envs.rendering import set_drawing
from swimrl.runs import series
from swimrl.runs.directory import RunDirectory
from swimrl.td3.agent import TD3
from swimrl.training import build
from swimrl.training.config import TrainConfig
from swimrl.training.monitoring import curves
from swimrl.training.monitoring.diagnostics import Diagnostics, Values
from swimrl.training.monitoring.film import film
from swimrl.training.monitoring.gait import Gait
from swimrl.training.monitoring.tensorboard import Board
from swimrl.training.policy_function import Policy

_CURVES_EVERY = 10  # diagnoses between pictures of the learned activations, which cost as much as a diagnosis


class Recorder:
    """Records the diagnostics of one run.

    Args:
        agent: The agent, not trained yet.
        config: The settings of the run; they say how often to diagnose and to film.
        directory: The directory of the run.

    Raises:
        InputError: If films are wanted but cannot be drawn on this machine.
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
        self._first_curves: curves.Curves = {}
        if config.diagnosis_interval and curves.can_draw():
            with self._diagnostics.looking():
                self._first_curves = curves.learned_curves(agent)
        self._stage: Env | None = None
        if config.video_every:
            self._stage = build.build_environment(config, render_mode="rgb_array")
            set_drawing(self._stage)
        self._last_look: int | None = None
        self._last_curves: int | None = None
        self.seconds = 0.0
        """Seconds spent in diagnostics."""

    def start(self, config: Mapping[str, Any], activations: Mapping[str, Any], *, is_new: bool) -> None:
        """Open the TensorBoard file of the agent, and describe the run in it if the file is new.

        Args:
            config: The configuration, as plain nested data.
            activations: The descriptions of the activations in run.json.
            is_new: Whether the run has no TensorBoard file yet.
        """
        self._board = Board(self._agent.logger)
        if is_new:
            self._board.describe(config, activations)

    def evaluated(self, gait: Gait | None, policy: Policy) -> None:
        """Write the measurements of an evaluation beside its score, and film the policy if a film is due."""
        step, every = self._agent.num_timesteps, self._config.video_every
        with self._timed():
            if gait is not None:
                self._publish(self._diagnostics.evaluation(gait))
            if self._stage is not None and step // every > (step - self._config.eval_every) // every:
                with self._diagnostics.looking():
                    self._board.film(step, film(policy, self._stage, seed=self._config.seed))

    @property
    def is_due(self) -> bool:
        """Whether it is time for a diagnosis."""
        step, every = self._agent.num_timesteps, self._config.diagnosis_interval
        return bool(every) and (self._last_look is None or step // every > self._last_look // every)

    def look_if_due(self, *, is_end: bool = False) -> None:
        """Diagnose actor and critics, if a diagnosis is due.

        Args:
            is_end: Whether training is over; the learned activations are then drawn in any case.
        """
        step, every = self._agent.num_timesteps, self._config.diagnosis_interval
        is_due = self.is_due
        if not every or not (is_due or is_end):
            return
        with self._timed():
            if is_due:
                self._last_look = step
                findings = self._diagnostics.networks()
                self._publish(findings.values)
                self._board.histograms(step, findings)
                if step // every % _CURVES_EVERY == 0:
                    self._draw_curves()
            if is_end:
                self._draw_curves()

    def state(self) -> dict[str, Any]:
        """Return the state that a continued run needs, as plain data."""
        return {"last_look": self._last_look, "last_curves": self._last_curves, "diagnosis_s": self.seconds}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Continue from the result of `state`."""
        self._last_look, self._last_curves = state["last_look"], state["last_curves"]
        self.seconds = state["diagnosis_s"]

    def close(self) -> None:
        """Close the environment of the films."""
        if self._stage is not None:
            self._stage.close()

    def _publish(self, values: Values) -> None:
        step = self._agent.num_timesteps
        finite = {n: v if v is not None and math.isfinite(v) else None for n, v in values.items()}
        self._directory.append_diagnostics(step, finite)
        self._board.scalars(step, finite)

    def _draw_curves(self) -> None:
        step = self._agent.num_timesteps
        if self._first_curves and self._last_curves != step:
            self._last_curves = step
            with self._diagnostics.looking():
                now = curves.learned_curves(self._agent)
            self._board.picture(step, series.PARAMETER_CURVES.at(), curves.draw(now, self._first_curves))

    @contextmanager
    def _timed(self) -> Iterator[None]:
        before = time.perf_counter()
        try:
            yield
        finally:
            self.seconds += time.perf_counter() - before
