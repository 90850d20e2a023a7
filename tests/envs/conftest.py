"""What the tests of drawing share."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest


def _draws(backend: str, **environment: str) -> bool:
    """Say whether MuJoCo's own renderer, without gymnasium and swimrl, draws with ``backend`` here."""
    script = """
import mujoco
model = mujoco.MjModel.from_xml_string(
    "<mujoco><worldbody><light pos='0 0 3'/><geom size='1'/></worldbody></mujoco>"
)
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
with mujoco.Renderer(model, 32, 32) as renderer:
    renderer.update_scene(data)
    assert renderer.render().std() > 0
"""
    variables = {**os.environ, "MUJOCO_GL": backend, **environment}
    variables.pop("PYOPENGL_PLATFORM", None)
    return subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True).returncode == 0


@pytest.fixture(scope="session")
def draws() -> Callable[..., bool]:
    """A function that says whether a backend draws, given further environment variables."""
    return _draws


@pytest.fixture(scope="session")
def backends() -> list[str]:
    """The headless backends that work on this machine."""
    return [backend for backend in ("egl", "osmesa") if _draws(backend)]
