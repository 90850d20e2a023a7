"""Where the time of a training step goes: timers around the parts of an agent with the fused engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np

from swimrl.errors import SwimrlError
from swimrl.td3 import TD3
from swimrl.td3.engine.native import Call, Segment
from swimrl.td3.engine.perceptron import Step
from swimrl.td3.engine.update import FusedUpdate
from swimrl.timing.clock import Parts

PARTS = ("environment", "action", "buffer", "sampling", "products", "activations", "optimiser", "python")
"""The parts that are timed; what remains of a step is the rest. ``python`` is what an update takes beyond its
compiled loops, products and random numbers."""


class StepProfile:
    """Timers around the parts of an agent's step.

    Inside one compiled call the processor's own counter of cycles is read around each step, which costs 20
    ns. A timer around a call from Python costs 0.2 us.

    Args:
        agent: An agent that has learned a little, so that its kernels are compiled.

    Raises:
        SwimrlError: If the agent does not use the fused engine on one thread.

    Attributes:
        seconds: Seconds so far, by part.
    """

    def __init__(self, agent: TD3) -> None:
        update = agent.prepare_engine()
        if update is None or update.settings.threads > 1:
            raise SwimrlError("only a step of the fused engine on one thread can be profiled; learn first")
        self._agent = agent
        self._update: FusedUpdate = update
        self.seconds = dict.fromkeys(PARTS, 0.0)

    def learn(self, steps: int) -> Parts:
        """Let the agent learn for ``steps`` and return the seconds of each part, on the wall clock alone."""
        self.seconds = dict.fromkeys(PARTS, 0.0)
        with self._timed():
            self._agent.learn(steps, reset_num_timesteps=False)
        return {part: (seconds, None) for part, seconds in self.seconds.items()}

    @contextmanager
    def _timed(self) -> Iterator[None]:
        agent, update = self._agent, self._update
        untimed = dict(update.sequences)
        with ExitStack() as stack:
            stack.enter_context(self._around_method(agent.env, "step", "environment"))
            stack.enter_context(self._around_method(agent, "train", "python"))
            stack.enter_context(self._around_method(update, "draw", "sampling", inside="python"))
            for name, part in agent.STEP_METHODS.items():
                stack.enter_context(self._around_method(agent, name, part))
            for kind, calls in untimed.items():
                update.sequences[kind] = self._timed_calls(calls, update.steps(kind))
            stack.callback(update.sequences.update, untimed)
            yield

    def _timed_calls(self, calls: list[Call], steps: list[Step]) -> list[Call]:
        """Return calls that time the steps that they run."""
        timed: list[Call] = []
        for call in calls:
            count = len(call.entries) if isinstance(call, Segment) else 1
            own, steps = steps[:count], steps[count:]
            if isinstance(call, Segment):
                timed.append(partial(self._run_timed, call, [step.part for step in own]))
            else:
                timed.append(self._timer(call, own[0].part, inside="python"))
        return timed

    def _run_timed(self, segment: Segment, parts: list[str]) -> None:
        cycles = np.zeros(len(parts), np.int64)
        started = time.perf_counter()
        segment.timed(cycles)
        seconds = time.perf_counter() - started
        self.seconds["python"] -= seconds
        for part, share in zip(parts, (cycles / cycles.sum()).tolist(), strict=True):
            if part in self.seconds:
                self.seconds[part] += share * seconds

    @contextmanager
    def _around_method(self, owner: Any, name: str, part: str, inside: str | None = None) -> Iterator[None]:
        # An attribute of the object hides the class's method.
        setattr(owner, name, self._timer(getattr(owner, name), part, inside))
        try:
            yield
        finally:
            delattr(owner, name)

    def _timer(
        self, call: Callable[..., object], part: str, inside: str | None = None
    ) -> Callable[..., object]:
        """Return a timed call; ``inside`` is the part of the timer around it, if any, which leaves it out."""

        def timed(*args: Any, **kwargs: Any) -> object:
            started = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                seconds = time.perf_counter() - started
                if part in self.seconds:
                    self.seconds[part] += seconds
                if inside:
                    self.seconds[inside] -= seconds

        return timed
