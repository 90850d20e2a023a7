"""Time a step of an evaluation beside MuJoCo's own part of it.

    python benchmarks/rollouts.py --out results/rollouts

For each task and number of episodes, three works take turns in every round:

- bare: ``mj_step`` alone, on one simulator that repeats the recorded actions of the episodes;
- loop: one episode after the other, ``env.step(policy(observation))``;
- lockstep: `swimrl.training.evaluation.rollouts`, the same episodes with the same bits.

With --threads, lockstep simulates on several cores. The policy is 256x256 with relu and random weights. A
fall does not end an episode here, so that episodes last until their time limit. Prints microseconds for a
step, medians over the rounds, and the ratios to ``bare``.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import mujoco
import torch

from swimrl.envs.make import make
from swimrl.host import host_facts, library_versions
from swimrl.rollouts import Rollouts
from swimrl.td3.policy import TD3Policy
from swimrl.timing.ratio import median, ratio
from swimrl.training.evaluation import rollouts
from swimrl.training.policy_function import policy_function

TASKS = ("HalfCheetah-v4", "Hopper-v4")
EPISODES = (1, 10, 100)


class Bench:
    """One task and number of episodes.

    Args:
        task: A MuJoCo task.
        episodes: How many episodes.
        steps: Time limit of an episode.
        threads: Processor threads of lockstep.
    """

    def __init__(self, task: str, episodes: int, steps: int, threads: int = 1) -> None:
        self.threads = threads
        torch.manual_seed(0)
        self.env = make(task, {"max_episode_steps": steps})
        vars(self.env.unwrapped)["_terminate_when_unhealthy"] = False
        space: Any = self.env.action_space
        shape: Any = self.env.observation_space
        self.policy = policy_function(
            TD3Policy(shape, space, lambda _: 0.0, net_arch=[256, 256], activation_fn="relu")
        )
        self.seeds = list(range(episodes))
        self.done: Rollouts = rollouts(self.policy, self.env, self.seeds, keep=("actions",))
        self.steps = int(self.done.lengths.sum())

    def bare(self) -> float:
        """Return the seconds of ``mj_step``."""
        task: Any = self.env.unwrapped
        seconds = 0.0
        for seed, actions in zip(self.seeds, self.done.actions, strict=True):
            self.env.reset(seed=seed)
            model, data, controls = task.model, task.data, task.data.ctrl
            before = time.perf_counter()
            for action in actions:
                controls[:] = action
                mujoco.mj_step(model, data, nstep=task.frame_skip)
            seconds += time.perf_counter() - before
        return seconds

    def loop(self) -> float:
        """Return the seconds of one episode after the other."""
        before = time.perf_counter()
        for seed in self.seeds:
            observation, _ = self.env.reset(seed=seed)
            over = False
            while not over:
                observation, _, terminated, truncated, _ = self.env.step(self.policy(observation))
                over = terminated or truncated
        return time.perf_counter() - before

    def lockstep(self) -> float:
        """Return the seconds of all episodes together."""
        before = time.perf_counter()
        rollouts(self.policy, self.env, self.seeds, threads=self.threads)
        return time.perf_counter() - before


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, help="folder for rollouts.json, with every reading")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=100, help="time limit of an episode")
    parser.add_argument("--episodes", type=int, nargs="*", default=EPISODES)
    parser.add_argument("--tasks", nargs="*", default=TASKS)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    print("| task | episodes | mj_step, us | loop | lockstep | loop / mj_step | lockstep / mj_step |")
    print("|---|---|---|---|---|---|---|")
    record = []
    for task in arguments.tasks:
        for episodes in arguments.episodes:
            bench = Bench(task, episodes, arguments.steps, arguments.threads)
            works = {"bare": bench.bare, "loop": bench.loop, "lockstep": bench.lockstep}
            readings: dict[str, list[float]] = {name: [] for name in works}
            for _ in range(arguments.rounds):
                for name, work in works.items():
                    readings[name].append(work() / bench.steps)
            record.append(
                {
                    "task": task,
                    "episodes": episodes,
                    "threads": arguments.threads,
                    "steps": bench.steps,
                    "seconds_per_step": readings,
                }
            )
            micro = [f"{1e6 * median([readings[name]]):.1f}" for name in works]
            ratios = [ratio([readings[name]], [readings["bare"]]) for name in ("loop", "lockstep")]
            shown = [
                f"{r.value:.2f}" + (f" [{r.interval[0]:.2f}, {r.interval[1]:.2f}]" if r.interval else "")
                for r in ratios
            ]
            print(f"| {' | '.join([task, str(episodes), *micro, *shown])} |", flush=True)
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        content = {"host": host_facts(), "versions": library_versions(), "measurements": record}
        (arguments.out / "rollouts.json").write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    main()
