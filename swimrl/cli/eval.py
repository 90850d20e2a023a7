"""Score a trained policy on fresh episodes; record states or a video.

examples:
  swimrl eval runs/default/Hopper-v4/swim-1a2b3c4d/seed-0
  swimrl eval RUN --episodes 20 --seed 7 --json
  swimrl eval RUN --video hopper.mp4 --episodes 1
  swimrl eval RUN --record-states states.npz
  swimrl eval someone-elses.zip --env Hopper-v4 --trust
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro

from swimrl.errors import InputError
from swimrl.fields import Count

if TYPE_CHECKING:
    import gymnasium as gym

    from swimrl.runs.directory import Episode
    from swimrl.training.evaluation import Transition
    from swimrl.training.stored import StoredPolicy


@dataclass(frozen=True)
class Args:
    """What to score and how."""

    path: tyro.conf.Positional[Path]
    """A run directory, or a policy.zip of Stable-Baselines3."""

    episodes: Count = 100
    """Episodes to run."""

    seed: Annotated[Count | None, tyro.conf.arg(metavar="INT")] = None
    """Reset seed of the first episode, the next has seed + 1 and so on; when not given, the seeds of the
    metric final100, which are the same for every run and were used by no training."""

    best: bool = False
    """Take the best policy seen in an evaluation instead of the last. It was selected by its score, so its
    old score is too good; this command's fresh episodes are not."""

    video: Annotated[Path | None, tyro.conf.arg(metavar="FILE.mp4")] = None
    """Film the first episode into this mp4 file."""

    render: Annotated[Literal["human"] | None, tyro.conf.arg(metavar="human")] = None
    """Show the episodes in a window."""

    record_states: Annotated[Path | None, tyro.conf.arg(metavar="FILE.npz")] = None
    """Write observations, actions, rewards, terminations and returns to go into this npz file."""

    env: Annotated[str | None, tyro.conf.arg(metavar="ID")] = None
    """Environment id, for a policy.zip without a run.json beside it."""

    trust: bool = False
    """Read a policy.zip of somebody else, which can run code that its author put there."""

    json: bool = False
    """Print JSON."""


def run(args: Args) -> None:
    """Score the policy and print the result."""
    if args.episodes < 1:
        raise InputError(f"--episodes is {args.episodes}; expected a whole number of at least 1")
    if args.seed is not None and args.seed < 0:
        raise InputError(f"--seed is {args.seed}; expected a whole number of at least 0")
    if args.video and args.render:
        raise InputError("--video and --render exclude each other; give one of them")
    if args.record_states and args.record_states.suffix != ".npz":
        raise InputError(f"--record-states {args.record_states}: the file name must end in .npz")
    if not (args.path.is_dir() or (args.path.suffix == ".zip" and args.path.exists())):
        raise InputError(f"{args.path} is neither a run directory nor a policy.zip; name one of them")

    from swimrl.envs.seeding import final_seed
    from swimrl.training.evaluation import run_episode

    stored = _open(args)
    env = _environment(stored, args)
    recorded: list[list[Transition]] = []
    episodes = []
    try:
        for number in range(args.episodes):
            recorded.append([])
            seed = final_seed(number) if args.seed is None else args.seed + number
            on_step = recorded[-1].append if args.record_states else None
            episodes.append(run_episode(stored.policy, env, seed, on_step=on_step))
    finally:
        env.close()
    if args.record_states:
        _write_states(args.record_states, recorded)
    _print(args, stored, episodes)


def _open(args: Args) -> StoredPolicy:
    from swimrl.training.stored import open_run, open_zip

    if args.path.is_dir():
        return open_run(args.path, best=args.best)
    return open_zip(args.path, args.env, trust=args.trust)


def _environment(stored: StoredPolicy, args: Args) -> gym.Env[Any, Any]:
    from swimrl.envs.video import FilmedEnv
    from swimrl.training.stored import environment_for

    if args.video:
        return FilmedEnv(environment_for(stored, render_mode="rgb_array"), args.video)
    return environment_for(stored, render_mode=args.render)


def _write_states(path: Path, episodes: list[list[Transition]]) -> None:
    import numpy as np

    steps = [transition for episode in episodes for transition in episode]
    rewards = [np.array([transition.reward for transition in episode]) for episode in episodes]
    try:
        np.savez_compressed(
            path,
            observations=np.array([step.observation for step in steps]),
            actions=np.array([step.action for step in steps]),
            rewards=np.concatenate(rewards),
            terminations=np.array([step.terminated for step in steps]),
            truncations=np.array([step.truncated for step in steps]),
            returns_to_go=np.concatenate([r[::-1].cumsum()[::-1] for r in rewards]),
            episodes=np.repeat(np.arange(len(episodes)), [len(episode) for episode in episodes]),
        )
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another place") from error


def _print(args: Args, stored: StoredPolicy, episodes: list[Episode]) -> None:
    import numpy as np

    returns = np.array([episode.undiscounted_return for episode in episodes])
    lengths = np.array([episode.length for episode in episodes])
    spread = float(returns.std(ddof=1)) if len(returns) > 1 else None
    if args.json:
        content = {
            "path": str(args.path),
            "environment": stored.config.env,
            "policy": "best" if args.best else "last",
            "episodes": len(episodes),
            "mean_return": float(returns.mean()),
            "standard_deviation": spread,
            "min_return": float(returns.min()),
            "max_return": float(returns.max()),
            "mean_length": float(lengths.mean()),
            "returns": returns.tolist(),
        }
        print(json.dumps(content, indent=2))
        return
    about = f" ± {spread:,.1f} (standard deviation over episodes)" if spread is not None else ""
    print(f"{stored.config.env}, {len(episodes)} episodes")
    print(f"return {returns.mean():,.1f}{about}, from {returns.min():,.1f} to {returns.max():,.1f}")
    print(f"length {lengths.mean():,.1f}")
    for path in (args.video, args.record_states):
        if path:
            print(f"wrote {path}")
