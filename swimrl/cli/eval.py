"""Score a trained policy on fresh episodes; record states or a video.

examples:
  swimrl eval runs/default/Hopper-v4/swim-1a2b3c4d/seed-0
  swimrl eval RUN --episodes 20 --seed 7 --json
  swimrl eval RUN --threads 4
  swimrl eval RUN --video hopper.mp4 --episodes 1
  swimrl eval RUN --video hopper.mp4 --video-size 1280x720 --video-effects
  swimrl eval RUN --record-states states.npz
  swimrl eval RUN/export/policy.onnx
  swimrl eval someone-elses.zip --env Hopper-v4 --trust
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from swimrl.errors import InputError
from swimrl.fields import Count

if TYPE_CHECKING:
    import gymnasium as gym
    import numpy as np

    from swimrl.training import Episodes, Run
    from swimrl.training.evaluation import Transition
    from swimrl.training.stored import FilePolicy


@dataclass(frozen=True)
class Args:
    """Options of `swimrl eval`."""

    path: tyro.conf.Positional[Path]
    """A run directory, a policy.onnx that `swimrl export` wrote, or a policy.zip of Stable-Baselines3."""

    episodes: Count = 100
    """Episodes to run."""

    seed: Annotated[Count | None, tyro.conf.arg(metavar="INT")] = None
    """Reset seed of the first episode; the next has seed + 1 and so on. When not given, the seeds of the
    score final100, which are the same for every run and are used by no training."""

    threads: Count = 1
    """Threads that simulate episodes side by side, with the same numbers; only for episodes that are neither
    filmed, shown nor recorded."""

    best: bool = False
    """Score the policy of the best evaluation instead of the last policy. It was selected by its return, so
    that return is too optimistic; the fresh episodes of this command are not."""

    video: Annotated[Path | None, tyro.conf.arg(metavar="FILE.mp4")] = None
    """Film the first episode into this mp4 file."""

    video_fps: Annotated[float | None, tyro.conf.arg(metavar="FPS")] = None
    """Frames per second of the film, which plays in real time; 30, or fewer if the environment has fewer
    steps per second."""

    video_size: Annotated[str | None, tyro.conf.arg(metavar="WxH")] = None
    """Width and height of the film in pixels, such as 640x480; MuJoCo's environments only."""

    video_effects: bool = False
    """Film with shadows, reflections and antialiasing, which takes about ten times as long without a
    graphics card."""

    render: Annotated[Literal["human"] | None, tyro.conf.arg(metavar="human")] = None
    """Show the episodes in a window."""

    record_states: Annotated[Path | None, tyro.conf.arg(metavar="FILE.npz")] = None
    """Write observations, actions, rewards, terminations and returns-to-go to this npz file."""

    env: Annotated[str | None, tyro.conf.arg(metavar="ID")] = None
    """Environment id, for a policy.zip without a run.json beside it."""

    trust: bool = False
    """Allow to read a policy.zip without a run.json beside it. Such a file can run code of its author."""

    json: bool = False
    """Print JSON."""


def run(args: Args) -> None:
    """Score the policy and print the result."""
    if args.video and args.render:
        raise InputError("--video and --render exclude each other; give one of them")
    if args.record_states and args.record_states.suffix != ".npz":
        raise InputError(f"--record-states {args.record_states}: the file name must end in .npz")
    size = _checked_size(args)
    if not (args.path.is_dir() or (args.path.suffix in (".zip", ".onnx") and args.path.exists())):
        raise InputError(
            f"{args.path} is neither a run directory nor a policy.zip or policy.onnx; name one of them"
        )

    from swimrl.training.evaluation import run_episodes

    source = _open(args)
    policy = source.best_policy if args.best else source.policy
    env = _environment(source, args, size)
    recorded: list[Transition] = []

    with contextlib.closing(env), _film_progress(env, args) as film_step:

        def on_step(step: Transition) -> None:
            film_step(step)
            if args.record_states:
                recorded.append(step)

        episodes = run_episodes(
            policy,
            env,
            episodes=args.episodes,
            seed=args.seed,
            on_step=on_step if args.video or args.record_states else None,
            threads=args.threads,
        )
    if args.record_states:
        _write_states(args.record_states, recorded, episodes.lengths)
    _print(args, source.env_id, episodes)


def _open(args: Args) -> Run | FilePolicy:
    from swimrl.training import open_run
    from swimrl.training.stored import open_zip

    if args.path.is_dir():
        return open_run(args.path)
    if args.path.suffix == ".onnx":
        from swimrl.exporting.onnx_policy import open_onnx

        return open_onnx(args.path, args.env)
    if (args.path.parent / "run.json").exists():
        return open_run(args.path.parent)
    return open_zip(args.path, args.env, trust=args.trust)


def _checked_size(args: Args) -> tuple[int, int] | None:
    """Return the size of the film, or None for the environment's own; check the other options of a film."""
    asked = {
        "--video-fps": args.video_fps,
        "--video-size": args.video_size,
        "--video-effects": args.video_effects,
    }
    for option, value in asked.items():
        if value and not args.video:
            raise InputError(f"{option} is for a film; add --video FILE.mp4")
    if args.video_fps is not None and not 0 < args.video_fps <= 1000:
        raise InputError(f"--video-fps is {args.video_fps}; expected frames per second, such as 30")
    if args.video_size is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{1,3}x[1-9][0-9]{1,3}", args.video_size):
        raise InputError(
            f"--video-size {args.video_size!r} is no size; expected width x height, such as 640x480"
        )
    width, height = map(int, args.video_size.split("x"))
    return width, height


def _environment(source: Run | FilePolicy, args: Args, size: tuple[int, int] | None) -> gym.Env[Any, Any]:
    from swimrl.envs.video import DEFAULT_FPS, FilmedEnv

    if not args.video:
        return source.make_environment(render_mode=args.render)
    return FilmedEnv(
        source.make_environment(render_mode="rgb_array"),
        args.video,
        fps=args.video_fps or DEFAULT_FPS,
        size=size,
        effects=args.video_effects,
    )


@contextlib.contextmanager
def _film_progress(env: gym.Env[Any, Any], args: Args) -> Iterator[Callable[[Transition], None]]:
    """Show in a terminal how much of the first episode is filmed; yield what receives each step."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    limit = env.spec.max_episode_steps if env.spec else None
    with Progress(
        console=console, transient=True, disable=not (args.video and console.is_terminal)
    ) as progress:
        task = progress.add_task("filming", total=limit)
        is_filming = True

        def step_done(step: Transition) -> None:
            nonlocal is_filming
            if is_filming:
                progress.advance(task)
                is_filming = not (step.terminated or step.truncated)
                if not is_filming:
                    progress.stop()

        yield step_done


def _write_states(path: Path, steps: list[Transition], lengths: np.ndarray) -> None:
    import numpy as np

    rewards = np.array([step.reward for step in steps])
    each_episode = np.split(rewards, lengths.cumsum()[:-1])
    try:
        np.savez_compressed(
            path,
            observations=np.array([step.observation for step in steps]),
            actions=np.array([step.action for step in steps]),
            rewards=rewards,
            terminations=np.array([step.terminated for step in steps]),
            truncations=np.array([step.truncated for step in steps]),
            returns_to_go=np.concatenate([r[::-1].cumsum()[::-1] for r in each_episode]),
            episodes=np.repeat(np.arange(len(lengths)), lengths),
        )
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another place") from error


def _print(args: Args, env_id: str, episodes: Episodes) -> None:
    returns, lengths, spread = episodes.returns, episodes.lengths, episodes.standard_deviation
    if args.json:
        content = {
            "path": str(args.path),
            "environment": env_id,
            "policy": "best" if args.best else "last",
            "episodes": len(returns),
            "mean_return": episodes.mean_return,
            "standard_deviation": spread,
            "min_return": float(returns.min()),
            "max_return": float(returns.max()),
            "mean_length": float(lengths.mean()),
            "failed_at": [step if step >= 0 else None for step in episodes.failed_at.tolist()],
            "returns": returns.tolist(),
        }
        print(json.dumps(content, indent=2))
        return
    about = f" ± {spread:,.1f} (standard deviation over episodes)" if spread is not None else ""
    print(f"{env_id}, {len(returns)} episodes")
    print(f"return {episodes.mean_return:,.1f}{about}, from {returns.min():,.1f} to {returns.max():,.1f}")
    print(f"length {lengths.mean():,.1f}")
    if episodes.failures:
        first = episodes.failed_at[episodes.failed_at >= 0].min()
        print(
            f"{episodes.failures} of {len(returns)} episodes ended because an action was not finite, the "
            f"earliest at step {first}: an activation overflowed, as a polynomial does far outside its range"
        )
    for path in (args.video, args.record_states):
        if path:
            print(f"wrote {path}")
