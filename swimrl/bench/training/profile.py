"""Where the time of a training step goes: timers around the parts of an agent with the fused engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from swimrl.errors import SwimrlError
from swimrl.td3 import TD3
from swimrl.td3.engine.perceptron import Program, Step
from swimrl.td3.engine.update import FusedUpdate
from swimrl.timing.clock import Parts

PARTS = ("environment", "action", "buffer", "sampling", "products", "activations", "optimiser")
"""The parts that are timed; what remains of a step is the rest."""


class StepProfile:
    """Timers around the parts of an agent's step.

    A timer costs about 0.2 us, and an update has about a hundred timed calls; so a profiled step is slower by
    1 or 2 percent, which appears in the parts with many calls.

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
        untimed = dict(update.programs)
        with ExitStack() as stack:
            stack.enter_context(self._around_method(agent.env, "step", "environment"))
            for name, part in agent.STEP_METHODS.items():
                stack.enter_context(self._around_method(agent, name, part))
            update.programs.update({name: self._timed_program(steps) for name, steps in untimed.items()})
            stack.callback(update.programs.update, untimed)
            yield

    @contextmanager
    def _around_method(self, owner: Any, name: str, part: str) -> Iterator[None]:
        # An attribute of the object hides the class's method.
        setattr(owner, name, self._timer(getattr(owner, name), part))
        try:
            yield
        finally:
            delattr(owner, name)

    def _timed_program(self, program: Program) -> Program:
        return [
            Step(self._timer(step.call, step.part), step.part) if step.part in self.seconds else step
            for step in program
        ]

    def _timer(self, call: Callable[..., object], part: str) -> Callable[..., object]:
        def timed(*args: Any, **kwargs: Any) -> object:
            started = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                self.seconds[part] += time.perf_counter() - started

        return timed
