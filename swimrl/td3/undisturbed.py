"""Whether a user's code can run between two updates, and what need not be checked again where it cannot.

Engine and fast actor compare, before each use, all that a user can change on modules and optimisers with
what they were built for (`engine.watch`). In a small network that takes as long as a tenth of a step. But in
a call of `learn` nothing can change where neither the callbacks nor the environment are a user's code. So
there it is checked once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from stable_baselines3.common.callbacks import CallbackList, ConvertCallback, ProgressBarCallback
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from swimrl.td3.threads import product_threads

_KNOWN_ENVIRONMENTS = (
    "gymnasium.envs.",
    "gymnasium.wrappers.common",
    "stable_baselines3.common.monitor",
    "stable_baselines3.common.vec_env.",
    "swimrl.envs.",
)
"""Modules whose environments and wrappers neither change an agent nor call a function of a user."""


class Undisturbed:
    """What was checked since a user's code could last run."""

    def __init__(self) -> None:
        self._stack: ExitStack | None = None
        self._checked: set[object] = set()

    @contextmanager
    def learning(self, *, is_undisturbed: bool) -> Iterator[None]:
        """Remember what is checked, until the end of the context.

        Args:
            is_undisturbed: Whether no code of a user runs within; otherwise nothing is remembered.
        """
        with ExitStack() as stack:
            self._stack = stack if is_undisturbed else None
            try:
                yield
            finally:
                self._stack = None
                self.forget()

    def is_checked(self, part: object) -> bool:
        """Return whether nothing can have changed since ``part`` was checked."""
        return part in self._checked

    def checked(self, part: object) -> None:
        """Remember that ``part`` was checked; each product is computed by one thread from now on."""
        if self._stack is None:
            return
        if not self._checked:
            self._stack.enter_context(product_threads(1))
        self._checked.add(part)

    def forget(self) -> None:
        """Forget all checks, and put the number of threads of a product back."""
        self._checked.clear()
        if self._stack is not None:
            self._stack.close()


def can_change_agent(callback: Any, env: VecEnv | None) -> bool:
    """Return whether code of a user runs in each step, which might change the agent.

    A callback that changes no network, optimiser or replay buffer can say so by an attribute
    ``leaves_agent_alone`` that is true.

    Args:
        callback: As given to `learn`.
        env: The agent's environments.
    """
    return _callback_can(callback) or _environments_can(env)


def _callback_can(callback: Any) -> bool:
    if callback is None or getattr(callback, "leaves_agent_alone", False):
        return False
    if isinstance(callback, list):
        return any(map(_callback_can, callback))
    if type(callback) is CallbackList:
        return any(map(_callback_can, callback.callbacks))
    if type(callback) is ConvertCallback:
        return callback.callback is not None
    return type(callback) is not ProgressBarCallback


def _environments_can(env: VecEnv | None) -> bool:
    while isinstance(env, VecEnvWrapper):
        if not _is_known(env):
            return True
        env = env.venv
    return env is not None and not (_is_known(env) and all(map(_is_known_chain, getattr(env, "envs", []))))


def _is_known_chain(env: Any) -> bool:
    while _is_known(env):
        inner = vars(env).get("env")
        if inner is None:
            return True
        env = inner
    return False


def _is_known(env: object) -> bool:
    return type(env).__module__.startswith(_KNOWN_ENVIRONMENTS)
