"""Where the time of a training step goes: timers around the parts of an agent with the fused engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import numpy as np
import torch

from swimrl.activations.cpu import kernel as cpu
from swimrl.errors import SwimrlError
from swimrl.td3 import TD3
from swimrl.td3.engine import kernels
from swimrl.td3.engine.perceptron import Call, Program
from swimrl.td3.engine.products import backends, precision
from swimrl.td3.engine.update import FusedUpdate
from swimrl.timing.clock import Parts

PARTS = ("environment", "action", "buffer", "sampling", "products", "activations", "optimiser")
"""The parts that are timed; what remains of a step is the rest."""

_PRODUCTS = (np.matmul, torch.mm, kernels.outer)


class StepProfile:
    """Timers around the parts of an agent's step.

    A timer costs about 0.2 us, and an update has about a hundred timed calls; so a profiled step is slower by
    1 or 2 percent, which appears in the parts with many calls.

    Args:
        agent: An agent whose fused engine has run.

    Raises:
        SwimrlError: If the fused engine has not run, or cannot.

    Attributes:
        seconds: Seconds so far, by part.
    """

    def __init__(self, agent: TD3) -> None:
        if agent._update is None or agent.threads > 1:
            raise SwimrlError("only a step of the fused engine on one thread can be profiled; learn first")
        self._agent, self._update = agent, agent._update
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
        with ExitStack() as stack:
            for owner, name, part in (
                (agent.env, "step", "environment"),
                (agent, "_sample_action", "action"),
                (agent, "_store_transition", "buffer"),
                (update, "_sample", "sampling"),
                (update.actor, "adam", "optimiser"),
                (update.actor, "polyak", "optimiser"),
                (update.critic, "adam", "optimiser"),
                (update.critic, "polyak", "optimiser"),
            ):
                stack.enter_context(self._around_method(owner, name, part))
            for program in programs(update):
                stack.enter_context(self._around_calls(program))
            yield

    @contextmanager
    def _around_method(self, owner: Any, name: str, part: str) -> Iterator[None]:
        # An attribute of the object hides the class's method.
        setattr(owner, name, self._timer(getattr(owner, name), part))
        try:
            yield
        finally:
            delattr(owner, name)

    @contextmanager
    def _around_calls(self, program: Program) -> Iterator[None]:
        before = list(program)
        for position, call in enumerate(before):
            part = part_of(call)
            if part is not None:
                program[position] = self._timer(call, part)
        try:
            yield
        finally:
            program[:] = before

    def _timer(self, call: Callable[..., object], part: str) -> Callable[..., object]:
        def timed(*args: Any, **kwargs: Any) -> object:
            started = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                self.seconds[part] += time.perf_counter() - started

        return timed


def programs(update: FusedUpdate) -> list[Program]:
    """Return all programs of an engine: its lists of calls, and those in its lists of lists."""
    found: list[Program] = []
    for value in vars(update).values():
        if isinstance(value, list):
            found += value if value and isinstance(value[0], list) else [value]
    return found


def part_of(call: Call) -> str | None:
    """Return whether a call of a program is a product or an activation, or None if it is neither.

    An activation's loop also adds the bias, and backwards sums the bias's gradient.
    """
    function = call.func if isinstance(call, partial) else call
    home = getattr(function, "__module__", None) or type(function).__module__
    if function in _PRODUCTS or home in (backends.__name__, precision.__name__):
        return "products"
    if home == cpu.__name__ or home.startswith("swimrl_kernel_"):
        return "activations"
    return None
