"""Films of episodes as mp4 files, encoded by the ffmpeg that imageio-ffmpeg brings along.

``H`` and ``W`` are a frame's height and width in pixels.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from swimrl.envs.rendering import set_drawing
from swimrl.errors import InputError

Frame = NDArray[np.uint8]

DEFAULT_FPS = 30
"""Frames per second of a film, unless others are asked for."""


class VideoWriter:
    """Writes frames to an mp4 file, which appears under its name only when it is complete.

    Use it as a context manager: an exception inside leaves no file. Everything that can be checked
    before the first frame is checked at once, so that a long run does not fail at its end.

    Args:
        path: The file to write, ending in ``.mp4``; its directories are made, an old file is replaced.
        fps: Frames per second of the film.

    Raises:
        InputError: The path cannot be written, is no mp4, or imageio-ffmpeg is not installed.
    """

    def __init__(self, path: Path | str, fps: float) -> None:
        self.path = Path(path)
        self.fps = fps
        if self.path.suffix.lower() != ".mp4":
            raise InputError(f"cannot write video {self.path}: the file name must end in .mp4")
        self._ffmpeg = ffmpeg_executable()
        self._part = self.path.with_name(f".{self.path.stem}.part.mp4")
        if self.path.is_dir():
            raise InputError(f"cannot write video {self.path}: it is a directory; name a file")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._part.touch()
        except OSError as error:
            raise InputError(
                f"cannot write video {self.path}: {error.strerror}; choose another place"
            ) from error
        self._part.unlink()
        self._shape: tuple[int, ...] = ()
        self._encoder: subprocess.Popen[bytes] | None = None

    def write(self, frame: Frame) -> None:
        """Append one frame.

        Args:
            frame: RGB image, uint8 [H, W, 3], of the same shape each time. An odd last row or column
                is cut off, because H.264 halves the colour resolution.

        Raises:
            InputError: The encoder failed, for instance on a full disk.
        """
        if self._encoder is None:
            self._shape = frame.shape
            self._encoder = self._start(height=frame.shape[0] // 2 * 2, width=frame.shape[1] // 2 * 2)
        assert frame.dtype == np.uint8, frame.dtype
        assert frame.shape == self._shape, (frame.shape, self._shape)
        assert self._encoder.stdin is not None
        even = frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2]
        try:
            self._encoder.stdin.write(np.ascontiguousarray(even).data)
        except BrokenPipeError:
            # The encoder has died, and close() raises what it said.
            self.close()
            raise

    def close(self) -> None:
        """Finish the file and put it under its name; without frames there is no file.

        Raises:
            InputError: The encoder failed.
        """
        failure = self._stop()
        if failure:
            self._part.unlink(missing_ok=True)
            raise InputError(f"cannot write video {self.path}: {failure}")
        if self._part.exists():
            self._part.replace(self.path)

    def discard(self) -> None:
        """Stop and leave no file."""
        self._stop()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def _start(self, *, height: int, width: int) -> subprocess.Popen[bytes]:
        read_raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}"]
        # veryfast makes files of the same size as the default and takes a third less time. All players show
        # yuv420p. With faststart a browser plays the film before it has loaded all of it.
        write_h264 = ["-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p"]
        write_h264 += ["-movflags", "+faststart"]
        command = [self._ffmpeg, "-y", "-loglevel", "error", *read_raw, "-r", str(self.fps)]
        command += ["-i", "-", *write_h264, str(self._part)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603

    def _stop(self) -> str:
        """End the encoder; return why it failed, or an empty string."""
        encoder, self._encoder = self._encoder, None
        if encoder is None:
            return ""
        _, messages = encoder.communicate()
        if encoder.returncode == 0:
            return ""
        said = messages.decode(errors="replace").strip().splitlines()
        return said[-1] if said else f"ffmpeg ended with exit code {encoder.returncode}"


class FilmedEnv(gym.Wrapper[Any, Any, Any, Any]):
    """Films the first episodes of an environment, whatever code steps it.

    Close it, also after an error: closing finishes the file and frees MuJoCo's OpenGL context.

    Args:
        env: An environment made with ``render_mode="rgb_array"``.
        path: The mp4 file to write.
        episodes: How many episodes to film; the film ends when the next one is reset.
        fps: About how many frames to draw for each second of the episode, at most one for each step. The film
            plays in real time.
        size: Width and height in pixels; the environment's own size if it is not given.
        effects: Draw shadows, reflections and antialiasing, which takes about ten times as long.

    Raises:
        InputError: The path cannot be written, imageio-ffmpeg is not installed, or the size cannot be set;
            later, a frame cannot be drawn or encoded.
    """

    def __init__(
        self,
        env: gym.Env[Any, Any],
        path: Path | str,
        *,
        episodes: int = 1,
        fps: float = DEFAULT_FPS,
        size: tuple[int, int] | None = None,
        effects: bool = False,
    ) -> None:
        super().__init__(env)
        assert env.render_mode == "rgb_array", env.render_mode
        set_drawing(env, size=size, effects=effects)
        steps_per_s = env.metadata.get("render_fps") or DEFAULT_FPS
        self._stride = max(1, round(steps_per_s / fps))
        self._video = VideoWriter(path, fps=steps_per_s / self._stride)
        self._resets_left = episodes + 1
        self._steps = 0

    def reset(self, **kwargs: Any) -> tuple[Any, dict[str, Any]]:
        """Reset the environment and film its first frame."""
        observation, info = super().reset(**kwargs)
        self._resets_left = max(0, self._resets_left - 1)
        if self._resets_left == 0:
            self._video.close()
        self._steps = 0
        self._film()
        return observation, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Step the environment and film the outcome, if a frame is due; the end of an episode always is."""
        result = super().step(action)
        _, _, terminated, truncated, _ = result
        self._steps += 1
        if self._steps % self._stride == 0 or terminated or truncated:
            self._film()
        return result

    def close(self) -> None:
        """Finish the film and close the environment."""
        try:
            self._video.close()
        finally:
            super().close()

    def _film(self) -> None:
        if self._resets_left == 0:
            return
        try:
            frame: Any = self.env.render()
        # An environment is anybody's code and may raise anything.
        except Exception as error:
            name = self.spec.id if self.spec else type(self.unwrapped).__name__
            raise InputError(f"{name} cannot be drawn: {error}") from error
        self._video.write(frame)


def ffmpeg_executable() -> str:
    """Return the path of the ffmpeg program that encodes videos.

    Raises:
        InputError: imageio-ffmpeg is not installed, or has no program for this machine.
    """
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise InputError(
            "videos need imageio-ffmpeg; install it with: pip install 'swimrl[video]'"
        ) from error
    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise InputError(
            "imageio-ffmpeg has no ffmpeg for this machine; install ffmpeg and set "
            "IMAGEIO_FFMPEG_EXE to its path"
        ) from error
