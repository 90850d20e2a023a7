"""What diagnostics cost a run, in processor seconds of one process; see README.md."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path

import torch

from swimrl.rollouts import Rollouts
from swimrl.rollouts.episodes import Kept
from swimrl.training import build
from swimrl.training.config import TrainConfig
from swimrl.training.evaluation import evaluate
from swimrl.training.monitoring.diagnostics import Diagnostics
from swimrl.training.monitoring.gait import Gait
from swimrl.training.policy_function import policy_function

ROUNDS, STEPS = 5, 100


def seconds(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


class Arm:
    """An agent that has begun to train, and what looks into it."""

    def __init__(self, act: str) -> None:
        config = TrainConfig(env="HalfCheetah-v4", act=act)
        self.act = act
        self.agent = build.build_agent(config, device="cpu")
        self.env = build.build_environment(config)
        self.diagnostics = Diagnostics(self.agent, lambda: self.env, bound=5.0, flat=0.05)
        self.agent.learning_starts = 1100
        self.agent.learn(1200)
        self.diagnostics.networks()  # the first look compiles

    def episode(self, keep: Collection[Kept]) -> Rollouts:
        return evaluate(policy_function(self.agent.policy), self.env, seed=0, episodes=1, keep=keep)

    def once(self) -> dict[str, float]:
        gait = Gait(self.episode(Gait.KEEP), self.env)
        return {
            "training_step_s": seconds(lambda: self.agent.learn(STEPS, reset_num_timesteps=False)) / STEPS,
            "look_s": seconds(self.diagnostics.networks),
            "episode_s": seconds(lambda: self.episode(())),
            "recorded_episode_s": seconds(lambda: self.episode(Gait.KEEP)),
            "end_of_evaluation_s": seconds(lambda: self.diagnostics.evaluation(gait)),
        }


def main() -> None:
    torch.set_num_threads(1)
    rows = []
    for arm in map(Arm, sys.argv[1:]):
        for turn in range(ROUNDS):
            rows.append(
                {"activation": arm.act, "round": turn, **{k: round(v, 6) for k, v in arm.once().items()}}
            )
            print(rows[-1], flush=True)
    with Path(__file__).with_name("seconds.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
