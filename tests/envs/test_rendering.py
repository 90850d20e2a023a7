"""Choosing the OpenGL backend, judged by MuJoCo's own renderer (see conftest.py)."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from swimrl.envs import rendering
from swimrl.envs.make import make
from swimrl.envs.rendering import set_drawing
from swimrl.errors import InputError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have one native backend")

DRAW = """
import os
from swimrl.envs.make import make
with make("HalfCheetah-v4", render_mode="rgb_array") as env:
    env.reset(seed=0)
    frame = env.render()
assert frame.shape == (480, 480, 3) and frame.dtype == "uint8"
print(os.environ["MUJOCO_GL"], len({tuple(pixel) for pixel in frame[::10, ::10].reshape(-1, 3)}))
"""
NONE = (
    "swimrl.errors.InputError: no OpenGL backend to draw frames with (EGL or OSMesa); "
    "run: apt-get install -y libegl1 libgl1-mesa-dri libosmesa6"
)


def draw(**variables: str) -> tuple[str, str]:
    """Draw HalfCheetah without a display; return the backend, or nothing, and what was said last."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL", "PYOPENGL_PLATFORM")
    }
    done = subprocess.run(
        [sys.executable, "-c", DRAW], env={**environment, **variables}, capture_output=True, text=True
    )
    if done.returncode:
        return "", done.stderr.splitlines()[-1]
    backend, colours = done.stdout.split()
    assert int(colours) > 10  # a blank frame has one
    return backend, done.stderr


@pytest.mark.parametrize("variables", [{}, {"MUJOCO_GL": ""}])
def test_the_first_backend_that_works_is_chosen(variables: dict[str, str], backends: list[str]) -> None:
    expected = (backends[0], "") if backends else ("", NONE)
    assert draw(**variables) == expected


def test_osmesa_is_chosen_where_egl_fails(backends: list[str], draws: Callable[..., bool]) -> None:
    """EGL is told to use a graphics device that does not exist."""
    assert not draws("egl", MUJOCO_EGL_DEVICE_ID="99")
    expected = ("osmesa", "") if "osmesa" in backends else ("", NONE)
    assert draw(MUJOCO_EGL_DEVICE_ID="99") == expected


def test_a_given_backend_that_fails_is_named() -> None:
    backend, said = draw(MUJOCO_GL="glfw")
    assert backend == ""
    assert said.startswith("swimrl.errors.InputError: MUJOCO_GL=glfw cannot draw here (")
    assert said.endswith("; unset MUJOCO_GL, or run: " + rendering.APT_LINE)


def test_a_given_backend_that_mujoco_does_not_know_is_named() -> None:
    backend, said = draw(MUJOCO_GL="opengl")
    assert backend == ""
    assert said.startswith("swimrl.errors.InputError: MuJoCo cannot start with MUJOCO_GL=opengl (")


@pytest.mark.parametrize("variable", ["DISPLAY", "WAYLAND_DISPLAY"])
def test_a_display_is_seen(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(InputError, match="a window needs a display"):
        rendering.check_display()
    monkeypatch.setenv(variable, "0")
    rendering.check_display()


def test_effects_change_the_picture_and_not_the_physics(backends: list[str]) -> None:
    if not backends:
        pytest.skip("nothing can be drawn here")
    frames, states = [], []
    for effects in (True, False):
        env = make("HalfCheetah-v4", render_mode="rgb_array")
        with contextlib.closing(env):
            set_drawing(env, size=(96, 96), effects=effects)
            env.reset(seed=0)
            for _ in range(3):
                state, *_ = env.step(np.ones(6))
            frames.append(np.asarray(env.render()).astype(int))
            states.append(state)
    np.testing.assert_array_equal(states[0], states[1])
    difference = np.abs(frames[0] - frames[1]).mean()
    assert 0 < difference < 30  # the same scene, without shadows
