"""How frames are drawn: the OpenGL backend, chosen by drawing with it, the size, and the effects."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from swimrl.errors import InputError

if TYPE_CHECKING:
    import gymnasium as gym

APT_LINE = "apt-get install -y libegl1 libgl1-mesa-dri libosmesa6"

# Creating a context is not enough: GLFW without a display fails only when MuJoCo draws with it.
_PROBE = """
import importlib, mujoco, os
backend = importlib.import_module("mujoco." + os.environ["MUJOCO_GL"])
context = backend.GLContext(16, 16)
context.make_current()
mujoco.MjrContext(mujoco.MjModel.from_xml_string("<mujoco/>"), mujoco.mjtFontScale.mjFONTSCALE_100)
"""


def import_mujoco() -> ModuleType:
    """Import mujoco; this loads the backend that ``MUJOCO_GL`` names.

    Raises:
        InputError: That backend cannot be loaded.
    """
    try:
        import mujoco
    # PyOpenGL raises AttributeError if a library is missing, MuJoCo RuntimeError for a wrong name.
    except (AttributeError, ImportError, OSError, RuntimeError) as error:
        given = os.environ.get("MUJOCO_GL")
        if not given:
            raise
        raise InputError(
            f"MuJoCo cannot start with MUJOCO_GL={given} ({error}); unset MUJOCO_GL, or run: {APT_LINE}"
        ) from error
    return cast(ModuleType, mujoco)


def choose_backend() -> None:
    """Make sure that frames can be drawn off screen, setting ``MUJOCO_GL`` if need be.

    On Linux Gymnasium draws with the backend that ``MUJOCO_GL`` names. It fails if the variable is empty, or
    if it is unset and there is no display. In these cases the variable is set here to the first backend that
    works: GLFW (only with a display), EGL or OSMesa. Other systems use MuJoCo's native backend.

    Raises:
        InputError: No backend works, or the one that ``MUJOCO_GL`` names does not.
    """
    if sys.platform != "linux":
        return
    given = os.environ.get("MUJOCO_GL")
    if given:
        failure = _failure(given)
        if failure:
            raise InputError(
                f"MUJOCO_GL={given} cannot draw here ({failure}); unset MUJOCO_GL, or run: {APT_LINE}"
            )
        return
    for backend in ("glfw", "egl", "osmesa") if _has_display() else ("egl", "osmesa"):
        if not _failure(backend):
            os.environ["MUJOCO_GL"] = backend
            return
    raise InputError(f"no OpenGL backend to draw frames with (EGL or OSMesa); run: {APT_LINE}")


def set_drawing(
    env: gym.Env[Any, Any], *, size: tuple[int, int] | None = None, effects: bool = False
) -> None:
    """Choose how frames of ``env`` are drawn; call it before the first frame. Physics does not change.

    Without a graphics card, shadows, reflections and antialiasing are computed by the processor and take nine
    tenths of the time of a frame. Environments that do not draw with MuJoCo are left as they are.

    Args:
        env: An environment made with ``render_mode="rgb_array"``.
        size: Width and height in pixels; the environment's own size if it is not given.
        effects: Draw shadows, reflections and antialiasing.

    Raises:
        InputError: A size is given for an environment that does not draw with MuJoCo.
    """
    renderer = getattr(env.unwrapped, "mujoco_renderer", None)
    if renderer is None:
        if size is not None:
            name = env.spec.id if env.spec else type(env.unwrapped).__name__
            raise InputError(f"{name} draws frames of its own size; leave the size out")
        return
    model = renderer.model
    if size is not None:
        renderer.width, renderer.height = size
        # The frame buffer must hold the largest frame.
        model.vis.global_.offwidth, model.vis.global_.offheight = size
    if not effects:
        model.vis.quality.shadowsize = 0
        model.vis.quality.offsamples = 0
        model.mat_reflectance[:] = 0


def check_display() -> None:
    """Check that a window can be expected to open.

    Raises:
        InputError: There is no display.
    """
    if not _has_display():
        raise InputError(
            "a window needs a display and neither DISPLAY nor WAYLAND_DISPLAY is set; "
            "write a video instead: --video FILE.mp4"
        )


def _has_display() -> bool:
    if sys.platform != "linux":
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@functools.cache
def _failure(backend: str) -> str:
    """Draw with ``backend`` in a process of its own; return why it fails, or an empty string.

    A process of its own, because a backend that fails can leave OpenGL unusable in its process.
    """
    environment = {**os.environ, "MUJOCO_GL": backend}
    # PyOpenGL binds to one platform; MuJoCo refuses a backend that contradicts this variable.
    environment.pop("PYOPENGL_PLATFORM", None)
    probe = subprocess.run(  # noqa: S603  (our own interpreter and text)
        [sys.executable, "-c", _PROBE], env=environment, capture_output=True, text=True, check=False
    )
    if probe.returncode == 0:
        return ""
    lines = probe.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {probe.returncode}"
