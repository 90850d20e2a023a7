"""Frames of the policies of a study: the best, the median and the worst seed of each arm."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from swimrl.errors import InputError
from swimrl.reporting.findings import Analysis, Arm
from swimrl.reporting.read import Run

if TYPE_CHECKING:
    from swimrl.envs.make import Env
    from swimrl.training import Run as TrainedRun

MOST_ARMS = 12
"""Only the best arms of a task are drawn if there are more."""

_FRAMES, _FRAME_S, _SIZE = 8, 0.08, (160, 120)
"""Frames of a strip, seconds between them, and their width and height in pixels."""

Place = Literal["best", "median", "worst"]


@dataclass(frozen=True)
class Strip:
    """Frames from the middle of an episode of one run."""

    env: str
    arm: str
    seed: int
    place: Place
    """Of this run among the runs of the arm, by their scores."""

    score: float

    length: int
    """Steps of the episode."""

    frames: np.ndarray
    """uint8 [F, H, W, 3]; fewer than eight where the episode ended."""


def chosen(arm: Arm) -> list[tuple[Place, Run, float]]:
    """Return the best, the median and the worst run of an arm, with their scores; of 2 runs no median."""
    order = np.argsort(-arm.scores, kind="stable")
    places: dict[int, Place] = {int(order[0]): "best"}
    places.setdefault(int(order[(len(order) - 1) // 2]), "median")
    places.setdefault(int(order[-1]), "worst")
    return [(place, arm.runs[number], float(arm.scores[number])) for number, place in places.items()]


Progress = Callable[[int, int], None]
"""Receives the number of policies that are drawn, and of how many."""


def strips(analysis: Analysis, progress: Progress | None = None) -> tuple[Strip, ...]:
    """Play one episode of the best, the median and the worst run of each arm, and draw its middle.

    Runs without a policy, such as published records, are left out.

    Args:
        analysis: The runs and their scores.
        progress: Receives the progress before the first policy and after each.

    Raises:
        InputError: If no run has a policy, or frames cannot be drawn.
    """
    to_draw = [*_with_policies(analysis)]
    if not to_draw:
        raise InputError("--videos: no run has a policy.safetensors to play; leave --videos out")
    drawn: list[Strip] = []
    for arm, place, run, score in to_draw:
        if progress is not None:
            progress(len(drawn), len(to_draw))
        length, frames = _frames(run)
        drawn.append(Strip(arm.env, arm.name, run.seed, place, score, length, frames))
    if progress is not None:
        progress(len(drawn), len(to_draw))
    return tuple(drawn)


def _with_policies(analysis: Analysis) -> Iterator[tuple[Arm, Place, Run, float]]:
    """Yield the chosen runs of the best arms of each task that have a policy, with their scores."""
    for task in analysis.tasks:
        arms = [arm for arm in analysis.arms if arm.env == task]
        for arm in sorted(arms, key=lambda arm: -float(arm.scores.mean()))[:MOST_ARMS]:
            for place, run, score in chosen(arm):
                if (run.source / "policy.safetensors").exists():
                    yield arm, place, run, score


def _frames(run: Run) -> tuple[int, np.ndarray]:
    """Return the steps of a run's first evaluation episode, and frames around its middle."""
    from swimrl.envs.seeding import evaluation_seed
    from swimrl.training import open_run

    trained = open_run(run.source)
    seed = evaluation_seed(run.seed)
    with contextlib.closing(trained.make_environment()) as env:
        length = sum(1 for _ in _steps(trained, env, seed)) - 1
    with contextlib.closing(trained.make_environment(render_mode="rgb_array")) as env:
        _set_size(env)
        stride = max(1, round(_FRAME_S * (env.metadata.get("render_fps") or 30)))
        first = max(0, length // 2 - stride * (_FRAMES // 2))
        wanted = {first + stride * number for number in range(_FRAMES)}
        frames = []
        for step, _ in enumerate(_steps(trained, env, seed)):
            if step in wanted:
                frames.append(_frame(env))
            if step >= max(wanted):
                break
    return length, np.stack(frames)


def _steps(run: TrainedRun, env: Env, seed: int) -> Iterator[None]:
    """Yield once for the reset and once for each step of an episode."""
    observation, _ = env.reset(seed=seed)
    yield
    is_over = False
    while not is_over:
        observation, _, terminated, truncated, _ = env.step(run.policy(observation))
        is_over = terminated or truncated
        yield


def _set_size(env: Env) -> None:
    from swimrl.envs.rendering import set_drawing

    has_size = hasattr(env.unwrapped, "mujoco_renderer")
    set_drawing(env, size=_SIZE if has_size else None)


def _frame(env: Env) -> np.ndarray:
    from PIL import Image

    try:
        image = Image.fromarray(np.asarray(env.render(), np.uint8))
    # An environment is a user's code and may raise anything.
    except Exception as error:
        name = env.spec.id if env.spec else type(env.unwrapped).__name__
        raise InputError(f"{name} cannot be drawn: {error}; leave out --videos") from error
    return np.asarray(image.resize(_SIZE))
