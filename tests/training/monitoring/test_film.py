"""Short films of a policy."""

from __future__ import annotations

import io
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image
from worlds import Line

from swimrl.envs.make import make
from swimrl.errors import InputError
from swimrl.training.monitoring.film import film


def still(_: np.ndarray) -> np.ndarray:
    return np.zeros(1, np.float32)


def stage(**arguments: Any) -> gym.Env[Any, Any]:
    return make("worlds/Line-v0", arguments, render_mode="rgb_array")


def test_it_shows_the_first_evaluation_episode() -> None:
    found = film(still, stage(), seed=3)
    assert len(found.frames) == 21  # the start and 20 steps, at 20 frames a second
    assert found.frame_s == pytest.approx(1 / 20)
    assert (found.width, found.height) == (200, 100)  # of 64 x 32
    env = Line()
    env.reset(seed=103)
    bright = np.asarray(found.frames[0])[50].mean(axis=1).argmax()
    assert bright * 64 / 200 == pytest.approx(int(31.5 + 3 * env.position[0]), abs=1)


def test_it_is_the_same_each_time() -> None:
    env = stage()
    assert film(still, env, seed=0).gif() == film(still, env, seed=0).gif()


def test_the_gif_plays_again_and_again() -> None:
    picture = Image.open(io.BytesIO(film(lambda _: np.ones(1, np.float32), stage(), seed=0).gif()))
    assert picture.format == "GIF"
    assert picture.info["loop"] == 0
    assert picture.info["duration"] == 50
    assert getattr(picture, "n_frames", 1) > 5  # frames that equal the one before are one frame, shown longer


def test_a_fast_environment_is_not_filmed_at_each_step() -> None:
    env = stage()
    env.unwrapped.metadata = {"render_modes": ["rgb_array"], "render_fps": 100}
    found = film(still, env, seed=0)
    assert len(found.frames) == 1 + 20 // 5
    assert found.frame_s == pytest.approx(5 / 100)


def test_an_environment_that_draws_nothing_is_an_error_with_the_way_out() -> None:
    env = stage()
    env.unwrapped.render = lambda: None  # type: ignore[method-assign]
    with pytest.raises(InputError, match=r"worlds/Line-v0 cannot be drawn: .*; leave out --video-every"):
        film(still, env, seed=0)
