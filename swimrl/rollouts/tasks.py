"""Observations, rewards and ends of Gymnasium's MuJoCo tasks, computed for many episodes at once.

The formulas are those of ``gymnasium.envs.mujoco``, in the same order of operations and the same dtypes, so
that every number has the same bits; `tests/rollouts/test_simulation.py` compares them. Weights and limits are
read from the environment.

Letters in shapes: M episodes, S joint positions and velocities together, A action, F numbers of a field.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Step:
    """One simulated step of M episodes."""

    actions: np.ndarray
    """[M, A], clipped to the box, in the policy's dtype."""

    states: np.ndarray
    """Joint positions and velocities after the step, float64 [M, S]."""

    fields: Mapping[str, np.ndarray]
    """The simulator's fields of `Rules.observed` after the step, each float64 [M, F]."""

    x_velocities: np.ndarray
    """Velocity of `Rules.x_position` in m/s, float64 [M]."""

    healthy: np.ndarray
    """bool [M]."""


@dataclass(frozen=True)
class Rules:
    """How a task computes its numbers; functions receive the unwrapped environment first."""

    rewards: Callable[[Any, Step], np.ndarray]
    """Rewards [M]."""

    healthy: Callable[[Any, np.ndarray], np.ndarray] | None = None
    """Which states [M, S] do not end the episode, bool [M]; None if none ends it."""

    x_position: Callable[[Any, Any], float] | None = None
    """Position in m whose velocity is rewarded, from the simulator's data; None for the first joint's."""

    has_velocity: bool = True
    """Whether infos have ``x_velocity``."""

    positions_hidden: int = 1
    """Joint positions, from the first, that the observation leaves out."""

    speed_limit: float | None = None
    """To what velocities are clipped in the observation."""

    observed: tuple[tuple[str, int], ...] = ()
    """Fields of the simulator behind the velocities, and how many of their first numbers are left out."""

    limits: Callable[[Any], tuple[float, float]] | None = None
    """To what contact forces are clipped in the observation and in the reward."""


def _forward(env: Any, step: Step) -> Any:
    return getattr(env, "_forward_reward_weight", 1.0) * step.x_velocities


def _control(env: Any, values: np.ndarray) -> Any:
    return env._ctrl_cost_weight * np.sum(np.square(values), axis=1)


def _in_double(step: Step) -> np.ndarray:
    """Return the actions as the simulator has them, from which the humanoids compute their control cost."""
    return step.actions.astype(np.float64)


def _survival_v4(env: Any, step: Step) -> Any:
    """Version 4 pays for survival also in the step that ends the episode."""
    return (step.healthy | env._terminate_when_unhealthy) * env._healthy_reward


def _squares(forces: np.ndarray) -> Any:
    return np.sum(np.square(forces), axis=1)


def _run(env: Any, step: Step) -> Any:
    return _forward(env, step) - _control(env, step.actions)


def _run_and_survive(env: Any, step: Step) -> Any:
    return _forward(env, step) + step.healthy * env._healthy_reward - _control(env, step.actions)


def _run_to_the_end(env: Any, step: Step) -> Any:
    return _forward(env, step) + _survival_v4(env, step) - _control(env, step.actions)


def _ant_v5(env: Any, step: Step) -> Any:
    costs = _control(env, step.actions) + env._contact_cost_weight * _squares(step.fields["cfrc_ext"])
    return _forward(env, step) + step.healthy * env._healthy_reward - costs


def _humanoid_v4(env: Any, step: Step) -> Any:
    return _forward(env, step) + _survival_v4(env, step) - _control(env, _in_double(step))


def _humanoid_v5(env: Any, step: Step) -> Any:
    contact = np.clip(env._contact_cost_weight * _squares(step.fields["cfrc_ext"]), *env._contact_cost_range)
    costs = _control(env, _in_double(step)) + contact
    return _forward(env, step) + step.healthy * env._healthy_reward - costs


def _standup(env: Any, step: Step) -> Any:
    """Version 4 has no attributes; its numbers are the defaults of version 5."""
    control, impact = getattr(env, "_ctrl_cost_weight", 0.1), getattr(env, "_impact_cost_weight", 0.5e-6)
    height = (step.states[:, 2] - 0) / env.model.opt.timestep
    control_cost = control * _squares(_in_double(step))
    impact_cost = impact * _squares(step.fields["cfrc_ext"])
    impact_cost = np.clip(impact_cost, *getattr(env, "_impact_cost_range", (-np.inf, 10.0)))
    return height - control_cost - impact_cost + 1


def _between(values: np.ndarray, limits: tuple[float, float]) -> Any:
    low, high = limits
    return (low < values) & (values < high)


def _walker_healthy(env: Any, states: np.ndarray) -> Any:
    return _between(states[:, 1], env._healthy_z_range) & _between(states[:, 2], env._healthy_angle_range)


def _hopper_healthy(env: Any, states: np.ndarray) -> Any:
    return _walker_healthy(env, states) & _between(states[:, 2:], env._healthy_state_range).all(axis=1)


def _ant_healthy(env: Any, states: np.ndarray) -> Any:
    low, high = env._healthy_z_range
    return np.isfinite(states).all(axis=1) & (low <= states[:, 2]) & (states[:, 2] <= high)


def _humanoid_healthy(env: Any, states: np.ndarray) -> Any:
    return _between(states[:, 2], env._healthy_z_range)


def _pendulum_healthy(env: Any, states: np.ndarray) -> Any:
    return np.isfinite(states).all(axis=1) & ~(np.abs(states[:, 1]) > 0.2)


def _torso(env: Any, data: Any) -> float:
    return float(data.xpos[env.model.body(getattr(env, "_main_body", "torso")).id, 0])


def _mass_centre(env: Any, data: Any) -> float:
    return float(sys.modules[type(env).__module__].mass_center(env.model, data)[0])


_V4_FIELDS = (("cinert", 0), ("cvel", 0), ("qfrc_actuator", 0), ("cfrc_ext", 0))
# Without the numbers of the world's body, and of the root joint's six forces.
_V5_FIELDS = (("cinert", 10), ("cvel", 6), ("qfrc_actuator", 6), ("cfrc_ext", 6))


def _humanoid(
    rewards: Callable[[Any, Step], Any], observed: tuple[tuple[str, int], ...], *, standup: bool
) -> Rules:
    return Rules(
        rewards,
        healthy=None if standup else _humanoid_healthy,
        x_position=None if standup else _mass_centre,
        has_velocity=not standup,
        positions_hidden=2,
        observed=observed,
    )


def _hopper(rewards: Callable[[Any, Step], Any], healthy: Callable[[Any, np.ndarray], Any]) -> Rules:
    return Rules(rewards, healthy=healthy, speed_limit=10.0)


def _pendulum(rewards: Callable[[Any, Step], Any]) -> Rules:
    return Rules(rewards, healthy=_pendulum_healthy, has_velocity=False, positions_hidden=0)


RULES: Mapping[str, Rules] = MappingProxyType(
    {
        "ant_v4": Rules(_run_to_the_end, healthy=_ant_healthy, x_position=_torso, positions_hidden=2),
        "ant_v5": Rules(
            _ant_v5,
            healthy=_ant_healthy,
            x_position=_torso,
            positions_hidden=2,
            observed=(("cfrc_ext", 6),),
            limits=lambda env: env._contact_force_range,
        ),
        "half_cheetah_v4": Rules(_run),
        "half_cheetah_v5": Rules(_run),
        "hopper_v4": _hopper(_run_to_the_end, _hopper_healthy),
        "hopper_v5": _hopper(_run_and_survive, _hopper_healthy),
        "humanoid_v4": _humanoid(_humanoid_v4, _V4_FIELDS, standup=False),
        "humanoid_v5": _humanoid(_humanoid_v5, _V5_FIELDS, standup=False),
        "humanoidstandup_v4": _humanoid(_standup, _V4_FIELDS, standup=True),
        "humanoidstandup_v5": _humanoid(_standup, _V5_FIELDS, standup=True),
        "inverted_pendulum_v4": _pendulum(lambda env, step: np.ones(len(step.states))),
        "inverted_pendulum_v5": _pendulum(lambda env, step: step.healthy.astype(np.float64)),
        "swimmer_v4": Rules(_run, positions_hidden=2),
        "swimmer_v5": Rules(_run, positions_hidden=2),
        "walker2d_v4": _hopper(_run_to_the_end, _walker_healthy),
        "walker2d_v5": _hopper(_run_and_survive, _walker_healthy),
    }
)
"""The rules of each task by the module of ``gymnasium.envs.mujoco`` that defines it."""


def observations(
    rules: Rules, states: np.ndarray, fields: Mapping[str, np.ndarray], joints: int
) -> np.ndarray:
    """Return the observations [M, O].

    Args:
        rules: The task's.
        states: [M, S].
        fields: Each [M, F].
        joints: How many numbers of each state are positions.
    """
    seen = states[:, rules.positions_hidden :]
    if rules.observed:
        return np.concatenate(
            [seen, *(fields[name][:, left_out:] for name, left_out in rules.observed)], axis=1
        )
    seen = seen.copy()
    if rules.speed_limit is not None:
        speeds = seen[:, joints - rules.positions_hidden :]
        np.clip(speeds, -rules.speed_limit, rules.speed_limit, out=speeds)
    return seen


def never_terminates(env: Any) -> bool:
    """Return whether an environment is known to end episodes by their time limit alone.

    Args:
        env: Any Gymnasium environment; of one that is no MuJoCo task with rules nothing is known.
    """
    task = env.unwrapped
    rules = RULES.get(type(task).__module__.rpartition(".")[2])
    return rules is not None and (
        rules.healthy is None or not getattr(task, "_terminate_when_unhealthy", True)
    )
