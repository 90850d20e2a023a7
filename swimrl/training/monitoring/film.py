"""A short film of a policy, small enough to be written many times during a run."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from swimrl.envs.make import Env
from swimrl.envs.seeding import evaluation_seed
from swimrl.errors import InputError
from swimrl.training.policy_function import Policy

_SECONDS, _FRAMES_PER_S, _WIDTH = 4, 20, 200


@dataclass(frozen=True)
class Film:
    """Frames of the beginning of an episode."""

    frames: list[Image.Image]

    frame_s: float
    """Seconds that each frame is shown."""

    @property
    def width(self) -> int:
        """In pixels."""
        return self.frames[0].width

    @property
    def height(self) -> int:
        """In pixels."""
        return self.frames[0].height

    def gif(self) -> bytes:
        """Return the film as an animated GIF that repeats."""
        first, *others = self.frames
        file = io.BytesIO()
        first.save(file, "GIF", save_all=True, append_images=others, duration=1000 * self.frame_s, loop=0)
        return file.getvalue()


def film(policy: Policy, env: Env, *, seed: int) -> Film:
    """Return the first seconds of a run's first evaluation episode.

    Args:
        policy: Chooses the actions.
        env: Made with ``render_mode="rgb_array"``.
        seed: The seed of the run.

    Raises:
        InputError: If a frame cannot be drawn.
    """
    fps = env.metadata.get("render_fps") or 30
    stride = max(1, round(fps / _FRAMES_PER_S))
    observation, _ = env.reset(seed=evaluation_seed(seed))
    frames = [_frame(env)]
    for step in range(1, round(_SECONDS * fps)):
        observation, _, terminated, truncated, _ = env.step(policy(observation))
        if step % stride == 0:
            frames.append(_frame(env))
        if terminated or truncated:
            break
    return Film(frames, stride / fps)


def _frame(env: Env) -> Image.Image:
    try:
        pixels = np.asarray(env.render())
        height, width, _ = pixels.shape
    # An environment is a user's code and may raise anything.
    except Exception as error:
        name = env.spec.id if env.spec else type(env.unwrapped).__name__
        raise InputError(f"{name} cannot be drawn: {error}; leave out --video-every") from error
    return Image.fromarray(pixels).resize((_WIDTH, round(_WIDTH * height / width)))
