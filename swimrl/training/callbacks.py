"""The user's callbacks: names from the command line, or objects from Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from stable_baselines3.common.callbacks import BaseCallback, CallbackList

from swimrl.errors import ConfigError
from swimrl.training.build import import_module

Callbacks = str | type[BaseCallback] | BaseCallback | Sequence[str | type[BaseCallback] | BaseCallback]
"""One callback of Stable-Baselines3 or several: ``"package.module:Class"``, a class or an object."""

_OBJECT = "(...)"


@dataclass(frozen=True)
class GivenCallbacks:
    """Callbacks that were given in Python."""

    names: tuple[str, ...]
    """Names for the settings of the run: ``package.module:Class``, followed by ``(...)`` for an object."""

    objects: tuple[BaseCallback | None, ...]
    """The objects; None where the name is enough to make one."""


def given_callbacks(choice: Callbacks) -> GivenCallbacks:
    """Return the names and objects of the callbacks in ``choice``.

    Raises:
        ConfigError: If something in it is no callback.
    """
    each = list(choice) if isinstance(choice, list | tuple) else [choice]
    named = [_named(one) for one in each]
    return GivenCallbacks(tuple(name for name, _ in named), tuple(made for _, made in named))


def assigned(names: Sequence[str], given: GivenCallbacks) -> tuple[BaseCallback | None, ...]:
    """Return for each name in the settings of a run the object that was given for it, or None.

    Raises:
        ConfigError: If a callback was given that the run does not have.
    """
    left = list(zip(given.names, given.objects, strict=True))
    objects: list[BaseCallback | None] = []
    for name in names:
        same = [pair for pair in left if pair[0].removesuffix(_OBJECT) == name.removesuffix(_OBJECT)]
        if same:
            left.remove(same[0])
        objects.append(same[0][1] if same else None)
    if left:
        known = ", ".join(names) or "none"
        raise ConfigError(
            f"callback {left[0][0]} is not one of the run's ({known}); give those that it was started with"
        )
    return tuple(objects)


def build_callbacks(names: Sequence[str], objects: Sequence[BaseCallback | None] = ()) -> list[BaseCallback]:
    """Return the callbacks of a run, in the order of ``names``.

    Args:
        names: The names in the settings of the run.
        objects: For each name the object that was given, or None; nothing was given when left out.

    Raises:
        ConfigError: If one cannot be imported or made, is no callback, or was an object and is missing.
    """
    made = objects or [None] * len(names)
    return [_build(name) if one is None else one for name, one in zip(names, made, strict=True)]


def _named(one: object) -> tuple[str, BaseCallback | None]:
    if isinstance(one, str):
        return one, None
    if isinstance(one, BaseCallback):
        return _path(type(one)) + _OBJECT, one
    if isinstance(one, type) and issubclass(one, BaseCallback):
        can_be_imported = one.__module__ != "__main__" and one.__qualname__ == one.__name__
        return (_path(one), None) if can_be_imported else (_path(one) + _OBJECT, _make(one, repr(one)))
    raise ConfigError(
        f"callback is {one!r}; expected an object or a class of Stable-Baselines3's BaseCallback, its "
        "name as package.module:Class, or a list of these"
    )


def _path(kind: type) -> str:
    return f"{kind.__module__}:{kind.__qualname__}"


def _build(name: str) -> BaseCallback:
    if name.endswith(_OBJECT):
        raise ConfigError(
            f"the run had a callback object of {name.removesuffix(_OBJECT)}, which only Python can give; "
            "resume it with swimrl.open_run(PATH).resume(callback=OBJECT)"
        )
    module_name, _, attribute = name.partition(":")
    kind = getattr(import_module(module_name, "--callback"), attribute or "", None)
    if not (isinstance(kind, type) and issubclass(kind, BaseCallback)):
        raise ConfigError(
            f"--callback {name!r} names no callback; expected package.module:Class, a subclass of "
            "stable_baselines3.common.callbacks.BaseCallback"
        )
    return _make(kind, repr(name))


def _make(kind: type[BaseCallback], shown: str) -> BaseCallback:
    try:
        return kind()
    except TypeError as error:
        raise ConfigError(
            f"--callback {shown} cannot be made without arguments ({error}); give a subclass that needs "
            "none, or an object from Python: swimrl.train(callback=OBJECT)"
        ) from error


class UsersCallbacks(CallbackList):
    """Runs the user's callbacks, and remembers which of them wants to end training.

    What one of them raises keeps its class; a note names the callback and the step.

    Stable-Baselines3 ends training in the middle of a step, before the transition is stored. Here the step is
    finished first, so that the run can be resumed exactly.

    Attributes:
        stop: Which callback wants to end training, and at which step; None while none does.
    """

    def __init__(self, callbacks: Sequence[BaseCallback]) -> None:
        super().__init__(list(callbacks))
        self.stop: str | None = None

    @property
    def leaves_agent_alone(self) -> bool:
        """Whether there are none; the agent may then leave out checks between updates."""
        return not self.callbacks

    def _init_callback(self) -> None:
        super()._init_callback()
        self._env = self.model.get_env()

    def _on_training_start(self) -> None:
        for callback in self.callbacks:
            with self._named(callback):
                callback.on_training_start(self.locals, self.globals)

    def _on_rollout_start(self) -> None:
        for callback in self.callbacks:
            with self._named(callback):
                callback.on_rollout_start()

    def _on_rollout_end(self) -> None:
        for callback in self.callbacks:
            with self._named(callback):
                callback.on_rollout_end()

    def _on_training_end(self) -> None:
        for callback in self.callbacks:
            with self._named(callback):
                callback.on_training_end()

    @contextmanager
    def _named(self, callback: BaseCallback) -> Iterator[None]:
        """Add a note with the name of the callback and the step to an exception."""
        try:
            yield
        except BaseException as error:
            error.add_note(f"raised by the callback {type(callback).__name__} in step {self.num_timesteps:,}")
            raise

    def _on_step(self) -> bool:
        for callback in self.callbacks:
            with self._named(callback):
                answer = callback.on_step()
            if self.model.get_env() is not self._env:
                raise ConfigError(
                    f"the callback {type(callback).__name__} replaced the environment in step "
                    f"{self.num_timesteps:,}; a run trains in one environment: use set_env between calls of "
                    "swimrl.TD3's learn, not in a run"
                )
            if not answer and self.stop is None:  # None as well as False, as in Stable-Baselines3
                self.stop = (
                    f"stopped by the callback {type(callback).__name__}, which returned {answer} at step "
                    f"{self.num_timesteps:,}; a callback that goes on returns True"
                )
        return True
