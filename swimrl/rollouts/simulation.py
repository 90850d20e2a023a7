"""Lockstep of Gymnasium's MuJoCo tasks: one environment, one simulator state for each place.

Resets are the environment's own. A step simulates all places, and computes observations, rewards and ends
for all of them at once by the task's rules (`tasks`). The environment's ``step`` steps a task without
rules, or with other arguments than the defaults, and is given one simulator state after the other. Either
way every number has the bits of the environment played alone.

Letters in shapes: M running episodes, O observation, A action, U actuators, P numbers of a full state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import OrderEnforcing, TimeLimit

from swimrl.envs.catalogue import TASKS
from swimrl.envs.guard import Guard
from swimrl.errors import EnvironmentFaultError, InputError, NonFiniteError
from swimrl.rollouts.interface import Outcome, Start, reset, seeds_of
from swimrl.rollouts.tasks import RULES, Rules, Step, observations

_DERIVED = ("xpos", "xipos")
"""Fields that lag one substep behind the joints, and that a task compares with those after its next step."""


def why_unsupported(env: gym.Env[Any, Any]) -> str | None:
    """Return why `MujocoLockstep` cannot play an environment, or None if it can."""
    wrapped: Any = env
    wrappers: list[type] = []
    while isinstance(wrapped, gym.Wrapper):
        wrappers.append(type(wrapped))
        wrapped = wrapped.env
    if wrappers not in ([Guard, TimeLimit, OrderEnforcing], [Guard, OrderEnforcing]):
        return "it has other wrappers than those of swimrl.envs.make.make"
    task_id, cls = wrapped.spec.id if wrapped.spec else "", type(wrapped)
    if task_id not in TASKS or f"{cls.__module__}:{cls.__name__}" != gym.registry[task_id].entry_point:
        return "it is no MuJoCo task of Gymnasium"
    if {"step", "_get_obs", "reset_model"} & set(vars(wrapped)):
        return "its methods were replaced"
    if wrapped.render_mode is not None:
        return "it is drawn"
    return None


@dataclass(frozen=True)
class MujocoState:
    """The state of a MuJoCo task in mid-episode; starting from it takes microseconds."""

    observation: np.ndarray
    """[O]."""

    elapsed: int
    """Steps since the reset."""

    simulator: np.ndarray
    """MuJoCo's full physics state, the solver's warm start, and the fields that lag behind, float64 [P]."""


class MujocoLockstep:
    """Places that are simulator states of one MuJoCo task.

    Args:
        env: An environment for which `why_unsupported` returns None. Its generator is used by resets, as if
            the episodes were played in it.
        size: The number of places.
        threads: Processor threads that simulate; results do not depend on it.
    """

    def __init__(self, env: gym.Env[Any, Any], size: int, *, threads: int = 1) -> None:
        import mujoco

        reason = why_unsupported(env)
        if reason is not None:
            raise InputError(f"{env} cannot be played as a MuJoCo task: {reason}; use EnvironmentLockstep")
        if size < 1 or threads < 1:
            raise InputError(f"size is {size} and threads is {threads}; expected whole numbers of at least 1")
        self._mujoco = mujoco
        self._env = env
        task: Any = env.unwrapped
        space: Any = env.action_space
        self._task = task
        self._model = model = task.model
        self._name = task.spec.id
        self._limit = env.spec.max_episode_steps if env.spec else None
        self._low, self._high = space.low, space.high
        self._datas = [mujoco.MjData(model) for _ in range(size)]
        self._controls = [data.ctrl for data in self._datas]  # views; taking one costs a microsecond
        self._forces = [data.actuator_force for data in self._datas]
        self._speeds = [data.actuator_velocity for data in self._datas]
        self._step_s = task.dt
        self._elapsed = np.zeros(size, np.int64)
        self._observations: list[np.ndarray] = [np.zeros(0)] * size
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None
        self._threads = threads
        self._rules = _rules_of(task)
        self._joints = np.zeros((size, model.nq + model.nv))
        self._joint_rows = list(self._joints)
        self._joint_kind = int(mujoco.mjtState.mjSTATE_QPOS | mujoco.mjtState.mjSTATE_QVEL)
        self._full_kind = int(mujoco.mjtState.mjSTATE_FULLPHYSICS | mujoco.mjtState.mjSTATE_WARMSTART)
        self._full_size = mujoco.mj_stateSize(model, self._full_kind)
        names = [name for name, _ in self._rules.observed] if self._rules else []
        self._fields = {name: [getattr(data, name).reshape(-1) for data in self._datas] for name in names}
        self._x = np.zeros(size)

    @property
    def size(self) -> int:
        """The number of places."""
        return len(self._datas)

    def begin(self, place: int, start: Start) -> np.ndarray:
        """Start an episode at a place, and return its first observation [O].

        Raises:
            InputError: If the start is the state of another kind of environment.
        """
        seeds = seeds_of(start)
        if seeds is None:
            observation = self._restore(place, start)
        else:
            observation, _ = reset(self._env, seeds)
            self._mujoco.mj_copyData(self._datas[place], self._model, self._task.data)
            self._elapsed[place] = 0
        if self._rules:
            self._x[place] = self._x_position(place)
        self._observations[place] = observation
        return observation

    def step(self, places: np.ndarray, actions: np.ndarray) -> Outcome:
        """Step the episodes at ``places`` [M] with ``actions`` [M, A].

        Raises:
            EnvironmentFaultError: If an observation or a reward is NaN or infinite.
            NonFiniteError: If an action is.
        """
        if not _are_finite(actions):
            raise NonFiniteError(
                f"an action for {self._name} is {actions[~np.isfinite(actions)].flat[0]}; "
                "the policy's numbers are no longer finite"
            )
        actions = np.minimum(np.maximum(actions, self._low), self._high)
        self._elapsed[places] += 1
        seen, rewards, terminated, velocities = (
            self._stepped_by_rules(self._rules, places, actions)
            if self._rules
            else self._stepped_by_environment(places, actions)
        )
        if not (_are_finite(seen) and _are_finite(rewards)):
            raise EnvironmentFaultError(
                f"the environment {self._name} returned an observation or a reward that is not finite; check "
                "the environment and its arguments"
            )
        for place, observation in zip(places, seen, strict=True):
            self._observations[place] = observation
        truncated = self._elapsed[places] >= (self._limit or np.inf)
        return Outcome(seen, rewards, terminated, truncated, velocities)

    def state(self, place: int) -> MujocoState:
        """Return the present state of the episode at a place."""
        data = self._datas[place]
        physics = np.empty(self._full_size)
        self._mujoco.mj_getState(self._model, data, physics, self._full_kind)
        derived = [getattr(data, name).reshape(-1) for name in _DERIVED]
        return MujocoState(
            self._observations[place].copy(), int(self._elapsed[place]), np.concatenate([physics, *derived])
        )

    def powers(self, places: np.ndarray) -> np.ndarray:
        """Return the power of each actuator in the last step in W, [M, U]."""
        return np.array([self._forces[place] * self._speeds[place] for place in places])

    def _restore(self, place: int, state: Start) -> np.ndarray:
        data = self._datas[place]
        derived = [getattr(data, name) for name in _DERIVED]
        size = self._full_size + sum(field.size for field in derived)
        if not isinstance(state, MujocoState) or state.simulator.shape != (size,):
            raise InputError(
                f"{self._name} cannot start from this {type(state).__name__}; "
                "expected a state that a lockstep of the same task returned"
            )
        physics, *parts = np.split(
            state.simulator, np.cumsum([self._full_size, *(field.size for field in derived)])[:-1]
        )
        self._mujoco.mj_resetData(self._model, data)
        self._mujoco.mj_setState(self._model, data, physics, self._full_kind)
        for field, part in zip(derived, parts, strict=True):
            field[:] = part.reshape(field.shape)
        self._elapsed[place] = state.elapsed
        return state.observation.copy()

    def _stepped_by_rules(
        self, rules: Rules, places: np.ndarray, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
        """Return observations, rewards, which episodes end, and velocities."""
        self._simulate(places, actions)
        states = self._joints[places]
        fields = {name: np.array([rows[place] for place in places]) for name, rows in self._fields.items()}
        if rules.limits is not None:
            low, high = rules.limits(self._task)
            fields["cfrc_ext"] = np.clip(fields["cfrc_ext"], low, high)
        if rules.x_position is None:
            x = states[:, 0]
        else:
            x = np.array([self._x_position(place) for place in places])
        velocities = (x - self._x[places]) / self._step_s
        self._x[places] = x
        healthy = rules.healthy(self._task, states) if rules.healthy else np.ones(len(places), bool)
        step = Step(actions, states, fields, velocities, healthy)
        seen = observations(rules, states, fields, self._model.nq)
        ended = (
            ~healthy
            if getattr(self._task, "_terminate_when_unhealthy", True)
            else np.zeros(len(places), bool)
        )
        return seen, rules.rewards(self._task, step), ended, velocities if rules.has_velocity else None

    def _stepped_by_environment(
        self, places: np.ndarray, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
        """Return observations, rewards, which episodes end, and velocities."""
        own = self._task.data
        steps = []
        try:
            for place, action in zip(places, actions, strict=True):
                self._task.data = self._datas[place]
                steps.append(self._task.step(action))
        finally:
            self._task.data = own
        seen, rewards, terminated, _, infos = zip(*steps, strict=True)
        velocities = [info.get("x_velocity") for info in infos]
        return (
            np.array(seen),
            np.array([float(reward) for reward in rewards]),
            np.array(terminated, bool),
            None if None in velocities else np.array(velocities),
        )

    def _simulate(self, places: np.ndarray, actions: np.ndarray) -> None:
        """Simulate one step of each place, and copy the joints' positions and velocities."""
        rows = list(zip(places.tolist(), actions, strict=True))
        if self._pool is None:
            self._simulate_rows(rows)
            return
        shares = [rows[number :: self._threads] for number in range(self._threads)]
        others = [self._pool.submit(self._simulate_rows, share) for share in shares[1:]]
        self._simulate_rows(shares[0])
        for other in others:
            other.result()

    def _simulate_rows(self, rows: Sequence[tuple[int, np.ndarray]]) -> None:
        mujoco, model, substeps = self._mujoco, self._model, self._task.frame_skip
        needs_forces = "cfrc_ext" in self._fields
        for place, action in rows:
            data = self._datas[place]
            self._controls[place][:] = action
            mujoco.mj_step(model, data, nstep=substeps)
            if needs_forces:
                mujoco.mj_rnePostConstraint(model, data)
            mujoco.mj_getState(model, data, self._joint_rows[place], self._joint_kind)

    def _x_position(self, place: int) -> float:
        assert self._rules is not None
        data = self._datas[place]
        return (
            float(data.qpos[0])
            if self._rules.x_position is None
            else self._rules.x_position(self._task, data)
        )


def _are_finite(array: np.ndarray) -> bool:
    # A sum of squares is finite only if all that it adds up is; it takes half the time of np.isfinite.
    return math.isfinite(np.vdot(array, array)) or bool(np.isfinite(array).all())


def _rules_of(task: Any) -> Rules | None:
    """Return the rules of a task; None if it has none, or has other arguments than Gymnasium's defaults."""
    if task.spec.kwargs != gym.registry[task.spec.id].kwargs:
        return None
    return RULES.get(type(task).__module__.rpartition(".")[2])
