"""Films, read back with imageio-ffmpeg's reader."""

import contextlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import gymnasium as gym
import imageio_ffmpeg
import numpy as np
import pytest
from gymnasium.spaces import Box
from numpy.typing import NDArray

from swimrl.envs.make import make
from swimrl.envs.rendering import APT_LINE
from swimrl.envs.video import FilmedEnv, VideoWriter
from swimrl.errors import InputError

COLOURS = np.array([[220, 30, 30], [30, 220, 30], [30, 30, 220], [200, 200, 200]], np.uint8)


def frame_of(colour: NDArray[np.uint8], height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    return np.full((height, width, 3), colour, np.uint8)


def read(path: Path) -> tuple[str, NDArray[np.uint8]]:
    """Return what ffmpeg says of the film's stream, and its frames, uint8 [frames, height, width, 3]."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    found = re.search(r"Video: h264.*?, (\d+)x(\d+).*", done.stderr.decode())
    assert found is not None
    return found[0], np.frombuffer(done.stdout, np.uint8).reshape(-1, int(found[2]), int(found[1]), 3)


class Slides(gym.Env[Any, Any]):
    """Shows the next colour at each reset and each step."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 5}
    observation_space = Box(-1.0, 1.0, (1,))
    action_space = Box(-1.0, 1.0, (1,))
    render_mode = "rgb_array"
    shown = -1

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        self.shown += 1
        return np.zeros(1, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.shown += 1
        return np.zeros(1, np.float32), 0.0, False, False, {}

    def render(self) -> Any:
        if self.shown >= len(COLOURS):
            raise RuntimeError("out of slides")
        return frame_of(COLOURS[self.shown])


def test_frames_come_back(tmp_path: Path) -> None:
    path = tmp_path / "new" / "film.mp4"
    with VideoWriter(path, fps=25) as video:
        for colour in COLOURS:
            video.write(frame_of(colour))
        assert not path.exists()  # it appears when it is complete
    facts, frames = read(path)
    assert " 25 fps," in facts
    assert " yuv420p" in facts
    assert frames.shape == (4, 48, 64, 3)
    assert np.abs(frames.astype(int) - COLOURS[:, None, None, :]).max() < 12
    assert [file.name for file in path.parent.iterdir()] == ["film.mp4"]


def test_an_odd_row_and_column_are_cut_off(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "odd.mp4", fps=10) as video:
        video.write(frame_of(COLOURS[0], height=35, width=51))
    assert read(tmp_path / "odd.mp4")[1].shape == (1, 34, 50, 3)


def test_an_error_inside_leaves_the_old_film(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(b"old")
    with contextlib.suppress(ZeroDivisionError), VideoWriter(path, fps=10) as video:
        video.write(frame_of(COLOURS[0]))
        raise ZeroDivisionError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_without_frames_there_is_no_file(tmp_path: Path) -> None:
    VideoWriter(tmp_path / "film.mp4", fps=10).close()
    assert list(tmp_path.iterdir()) == []


def test_paths_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.mp4").mkdir()
    for path, message in (
        (tmp_path / "film.gif", "the file name must end in .mp4"),
        (tmp_path / "film", "the file name must end in .mp4"),
        (tmp_path / "folder.mp4", "it is a directory; name a file"),
        (tmp_path / "file" / "film.mp4", "File exists; choose another place"),
        (Path("/proc/film.mp4"), "No such file or directory; choose another place"),
    ):
        with pytest.raises(InputError) as caught:
            VideoWriter(path, fps=10)
        assert str(caught.value) == f"cannot write video {path}: {message}"


def test_imageio_ffmpeg_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)  # import then raises as for a missing package
    with pytest.raises(InputError, match=r"install it with: pip install 'swimrl\[video\]'"):
        VideoWriter(tmp_path / "film.mp4", fps=10)


def test_an_encoder_that_fails_is_an_error_and_leaves_no_file(tmp_path: Path) -> None:
    """Files may not grow past 4 KiB, which the encoder meets as it would a full disk."""
    script = """
import resource, signal, numpy as np
from swimrl.envs.video import VideoWriter
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
noise = np.random.default_rng(0)
with VideoWriter("film.mp4", fps=10) as video:
    for _ in range(100):
        video.write(noise.integers(0, 255, (240, 320, 3), np.uint8))
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("swimrl.errors.InputError: cannot write video film.mp4: ")
    assert "Exception ignored" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_first_episodes_are_filmed(tmp_path: Path) -> None:
    with FilmedEnv(Slides(), tmp_path / "film.mp4", episodes=2) as env:
        env.reset()
        env.step([0])
        env.reset()
        env.step([0])
        env.reset()  # a third episode, for which there would be no slide
        env.step([0])
        assert (tmp_path / "film.mp4").exists()  # complete although the environment is still in use
    facts, frames = read(tmp_path / "film.mp4")
    assert " 5 fps," in facts
    assert np.abs(frames.astype(int) - COLOURS[:, None, None, :]).max() < 12


@pytest.mark.parametrize(("fps", "drawn", "rate"), [(2.5, [0, 2, 3], "2.50"), (1000, [0, 1, 2, 3], "5")])
def test_fewer_frames_per_second_keep_real_time_and_the_end(
    tmp_path: Path, fps: float, drawn: list[int], rate: str
) -> None:
    class Short(Slides):
        def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
            observation, reward, _, _, info = super().step(action)
            return observation, reward, self.shown == 3, False, info

    with FilmedEnv(Short(), tmp_path / "film.mp4", fps=fps) as env:
        env.reset()
        for _ in range(3):
            env.step([0])
    facts, frames = read(tmp_path / "film.mp4")
    assert f" {rate} fps," in facts
    assert np.abs(frames.astype(int) - COLOURS[drawn][:, None, None, :]).max() < 12


def test_an_environment_with_a_size_of_its_own(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Slides draws frames of its own size; leave the size out"):
        FilmedEnv(Slides(), tmp_path / "film.mp4", size=(64, 48))


def test_a_frame_that_cannot_be_drawn(tmp_path: Path) -> None:
    with FilmedEnv(Slides(), tmp_path / "film.mp4") as env:
        env.reset()
        for _ in COLOURS[1:]:
            env.step([0])
        with pytest.raises(InputError, match="Slides cannot be drawn: out of slides"):
            env.step([0])
    assert len(read(tmp_path / "film.mp4")[1]) == len(COLOURS)


def test_half_cheetah_is_filmed(tmp_path: Path, backends: list[str]) -> None:
    if sys.platform == "linux" and not backends:
        with pytest.raises(InputError, match=APT_LINE):
            make("HalfCheetah-v4", render_mode="rgb_array")
        return
    path = tmp_path / "cheetah.mp4"
    drawn = []
    with FilmedEnv(make("HalfCheetah-v4", render_mode="rgb_array"), path, size=(160, 128)) as env:
        env.reset(seed=0)
        drawn.append(env.render())
        for _ in range(9):
            env.step(np.ones(6))
            drawn.append(env.render())
    facts, frames = read(path)
    assert " 20 fps," in facts
    truth = np.stack(drawn).astype(int)
    assert frames.shape == truth.shape == (10, 128, 160, 3)
    error = np.abs(frames - truth).mean()
    assert error < 10  # compression
    assert np.abs(truth[0] - truth[-1]).mean() > error / 2  # the cheetah has moved


@pytest.mark.parametrize("task", ["HalfCheetah-v4", "HalfCheetah-v5", "Ant-v4", "Swimmer-v5", "Walker2d-v4"])
def test_the_camera_follows_the_body(task: str, backends: list[str]) -> None:
    if not backends:
        with pytest.raises(InputError, match=re.escape(APT_LINE)):
            make(task, render_mode="rgb_array")
        return
    env = make(task, render_mode="rgb_array")
    with contextlib.closing(env):
        env.reset(seed=0)
        env.render()  # a camera that stays, stays where it first looked
        simulation: Any = env.unwrapped
        position = simulation.data.qpos.copy()
        position[0] += 60.0  # metres ahead
        simulation.set_state(position, simulation.data.qvel)
        frame = env.render().astype(int)
    body = (frame[..., 0] - frame[..., 2] > 40).sum()  # bodies are orange, floor and sky are not
    assert body > 200
