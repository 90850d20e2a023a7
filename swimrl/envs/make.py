"""Make any continuous-control environment by its id, or raise one line that says why it cannot be made."""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Mapping
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import load_env_creator
from gymnasium.spaces import Box

from swimrl.envs import physics, rendering
from swimrl.envs.catalogue import TASKS
from swimrl.envs.guard import Guard
from swimrl.errors import EnvironmentIdError, InputError, closest, command_line

Env = gym.Env[Any, Any]

_TASK_NAMES = {task_id.rpartition("-v")[0] for task_id in TASKS}

_MUJOCO = "gymnasium.envs.mujoco."

# Arguments that Gymnasium's MuJoCo environments hand on to MujocoEnv.
_MUJOCO_KWARGS = ("camera_id", "camera_name", "height", "max_geom", "visual_options", "width")


def check_id(env_id: str) -> None:
    """Check that ``env_id`` names an environment that can be made; nothing is made.

    Raises:
        EnvironmentIdError: It does not; the message says what to use instead.
    """
    if env_id in TASKS:
        return
    name, _, version = env_id.rpartition("-v")
    if env_id == "Pusher-v4":
        raise EnvironmentIdError("Pusher-v4 cannot run with MuJoCo 3 or later; use Pusher-v5")
    if env_id in _TASK_NAMES:
        raise EnvironmentIdError(f"environment {env_id!r} has no version; use {_supported_versions(env_id)}")
    if name in _TASK_NAMES and version.isdecimal():
        reason = "needs mujoco-py, which is retired" if int(version) in (1, 2, 3) else "is unknown"
        raise EnvironmentIdError(f"{env_id} {reason}; use {_supported_versions(name)}")
    if ":" in env_id:
        module, _, rest = env_id.partition(":")
        options = command_line("--import", module, "--env", rest)
        raise EnvironmentIdError(f"environment {env_id!r} names a module; give it apart: {options}")
    if env_id in gym.registry:
        return
    namespace = env_id.rpartition("/")[0]
    if namespace and not any(known.startswith(f"{namespace}/") for known in gym.registry):
        raise EnvironmentIdError(
            f"environment {env_id!r} is not registered, nor is anything in {namespace!r}; "
            "import the module that registers it: --import MODULE"
        )
    candidates = set(TASKS) | {
        known for known in gym.registry if known.rpartition("-v")[0] not in _TASK_NAMES
    }
    matches = closest(env_id, candidates)
    guess = f"; did you mean {' or '.join(map(repr, matches))}?" if matches else "."
    raise EnvironmentIdError(
        f"unknown environment {env_id!r}{guess} List the supported ones with: swimrl envs. "
        "For one of another package add: --import MODULE"
    )


def make(env_id: str, env_kwargs: Mapping[str, Any] | None = None, *, render_mode: str | None = None) -> Env:
    """Make the environment ``env_id`` with Gymnasium's usual wrappers, its time limit among them.

    Observations are float vectors and actions are vectors in a bounded box; `swimrl.envs.guard.Guard` checks
    every step. MuJoCo's warnings go to `swimrl.envs.physics`. Gymnasium's notice that version 4 is out of
    date is not shown, because the published results are on version 4.

    Args:
        env_id: A Gymnasium id such as ``"HalfCheetah-v4"``.
        env_kwargs: Arguments for the environment itself, such as ``ctrl_cost_weight``.
        render_mode: ``None``, ``"rgb_array"`` for frames, or ``"human"`` for a window.

    Raises:
        EnvironmentIdError: The id is unknown, an argument is refused, or the spaces do not fit.
        InputError: ``render_mode`` asks for what this machine cannot draw.
    """
    check_id(env_id)
    env_kwargs = env_kwargs or {}
    if render_mode == "human":
        rendering.check_display()
    physics.route_warnings()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".* is out of date", category=DeprecationWarning)
        # _check_rendering raises an error for this.
        warnings.filterwarnings("ignore", message=".* is not in the possible render_modes")
        try:
            # Not every environment has this argument, so it is given only if something is drawn.
            drawing: dict[str, Any] = {"render_mode": render_mode} if render_mode else {}
            # Guard checks every step instead of Gymnasium's checker, which checks the first one.
            env = gym.make(env_id, disable_env_checker=True, **env_kwargs, **drawing)
        except KeyboardInterrupt:
            raise
        # An environment is a user's code and may raise anything.
        except BaseException as error:
            raise EnvironmentIdError(_why_not_made(env_id, env_kwargs, error)) from error
    try:
        _check_spaces(env, env_id)
        _check_rendering(env, env_id)
        if render_mode and not {"camera_id", "camera_name"} & set(env_kwargs):
            _follow(env)
        if env_kwargs:
            _try_one_step(env, env_id, env_kwargs)
    except InputError:
        env.close()
        raise
    return Guard(env)


def _supported_versions(name: str) -> str:
    return " or ".join(task_id for task_id in TASKS if task_id.rpartition("-v")[0] == name)


def _why_not_made(env_id: str, env_kwargs: Mapping[str, Any], error: BaseException) -> str:
    reason = _first_line(error)
    if not env_kwargs:
        return f"{env_id} cannot be made: {reason}"
    refused = re.search(r"(?:unexpected keyword|multiple values for) argument '(\w+)'", reason)
    if isinstance(error, TypeError) and refused:
        accepted = ", ".join(_accepted_kwargs(env_id))
        return f"{env_id} does not accept the argument {refused[1]!r}; it accepts: {accepted}"
    return f"{env_id} cannot be made with {_shown(env_kwargs)}: {reason}"


def _accepted_kwargs(env_id: str) -> list[str]:
    """Return the argument names that the environment's constructor is known to accept."""
    entry_point = gym.registry[env_id].entry_point
    assert entry_point is not None  # gym.make has called it
    creator = load_env_creator(entry_point) if isinstance(entry_point, str) else entry_point
    parameters = inspect.signature(creator).parameters.values()
    accepted = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    if str(entry_point).startswith(_MUJOCO):
        accepted.update(_MUJOCO_KWARGS)
    return sorted((accepted | {"max_episode_steps"}) - {"render_mode"})


class _ActionSpaceError(EnvironmentIdError, AssertionError):
    """Actions that are not continuous; Stable-Baselines3 raises an AssertionError for them."""


def _check_spaces(env: Env, env_id: str) -> None:
    action, observation = env.action_space, env.observation_space
    if not isinstance(action, Box) or action.dtype is None or action.dtype.kind != "f":
        raise _ActionSpaceError(
            f"{env_id} has actions in {action}, but TD3 acts in a continuous Box; "
            "choose a continuous-control environment (swimrl envs)"
        )
    if not action.is_bounded("both"):
        raise EnvironmentIdError(
            f"{env_id} has unbounded actions, but TD3 scales its actions to finite bounds; "
            "register the environment with finite action bounds"
        )
    _check_width(action, env_id)
    if not isinstance(observation, Box):
        raise EnvironmentIdError(
            f"{env_id} has {type(observation).__name__} observations, but a float vector "
            "is expected; register the environment wrapped in gymnasium.wrappers.FlattenObservation"
        )
    if observation.dtype is None or observation.dtype.kind != "f":
        raise EnvironmentIdError(
            f"{env_id} has {observation.dtype} observations, but a float vector is expected; "
            "register the environment wrapped in gymnasium.wrappers.DtypeObservation"
        )
    for name, space, wrapper in (
        ("observations", observation, "FlattenObservation"),
        ("actions", action, "TransformAction"),
    ):
        if space.shape == (0,):
            raise EnvironmentIdError(
                f"{env_id} has {name} without any number (shape (0,)), but at least one is expected; choose "
                "another environment (swimrl envs)"
            )
        if len(space.shape) != 1:
            raise EnvironmentIdError(
                f"{env_id} has {name} of shape {space.shape}, but shape (n,) is expected; "
                f"register the environment wrapped in gymnasium.wrappers.{wrapper}"
            )


def _check_width(action: Box, env_id: str) -> None:
    """Check that actions of the box can be scaled to [-1, 1] and back."""
    with np.errstate(over="ignore"):
        width = np.ravel(action.high - action.low)
    for number, (low, high, wide) in enumerate(
        zip(np.ravel(action.low), np.ravel(action.high), width, strict=True)
    ):
        if low == high:
            raise EnvironmentIdError(
                f"action {number} of {env_id} can only be {low:g} (low = high), so nothing can be learned "
                "for it; register the environment without this action"
            )
        if not np.isfinite(wide):
            raise EnvironmentIdError(
                f"action {number} of {env_id} lies between {low:g} and {high:g}, a width that overflows "
                f"{action.dtype}; register the environment wrapped in gymnasium.wrappers.RescaleAction"
            )


def _check_rendering(env: Env, env_id: str) -> None:
    if env.render_mode is None:
        return
    offered = env.metadata.get("render_modes", [])
    # Gymnasium itself shows the frames of an environment that has no window of its own.
    shown_by_gymnasium = env.render_mode == "human" and "rgb_array" in offered
    if env.render_mode not in offered and not shown_by_gymnasium:
        raise EnvironmentIdError(
            f"{env_id} cannot be drawn as {env.render_mode!r}; it offers: "
            f"{', '.join(offered) or 'no drawing at all'}"
        )
    if env.render_mode == "rgb_array" and hasattr(env.unwrapped, "mujoco_renderer"):
        rendering.choose_backend()


def _follow(env: Env) -> None:
    """Draw through the model's own camera that follows the body, if it has one.

    Gymnasium 1.4 draws HalfCheetah, Ant and Swimmer through a camera that stays where the body started.
    """
    renderer = getattr(env.unwrapped, "mujoco_renderer", None)
    if renderer is None:
        return
    import mujoco

    camera = mujoco.mj_name2id(renderer.model, mujoco.mjtObj.mjOBJ_CAMERA, "track")
    if camera != -1:
        renderer.camera_id = camera


def _try_one_step(env: Env, env_id: str, env_kwargs: Mapping[str, Any]) -> None:
    """Take one step: many environments first look at their arguments there, not when made."""
    assert isinstance(env.action_space, Box)  # _check_spaces
    try:
        env.reset(seed=0)
        space = env.action_space
        env.step(np.clip(np.zeros(space.shape), space.low, space.high).astype(space.dtype))
    except Exception as error:
        raise EnvironmentIdError(
            f"{env_id} fails in its first step with {_shown(env_kwargs)}: {_first_line(error)}"
        ) from error


def _shown(env_kwargs: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value!r}" for key, value in env_kwargs.items())


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
