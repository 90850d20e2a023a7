"""A run of RLtools' TD3; it runs in RLtools' own environment.

RLtools evaluates in environments written in C++ only, so its policy plays Gymnasium's from Python here.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from swimrl.bench.training.peers.rltools import compiled_loop
from swimrl.bench.whole_run.marks import Marks, settings_from_command_line


def main() -> None:
    """Train, and report."""
    warnings.filterwarnings("ignore")
    settings = settings_from_command_line()
    marks = Marks(settings)
    import gymnasium
    import numpy as np

    module, _ = compiled_loop({**settings, "warm_up": settings["learning_starts"]})
    state = module.State(0)
    env = gymnasium.make(settings["env"])

    def play(episodes: int) -> None:
        for _ in range(episodes):
            observation, _ = env.reset()
            over = False
            while not over:
                action = np.asarray(state.action(observation))
                observation, _, terminated, truncated, _ = env.step(action)
                over = terminated or truncated

    marks.begin()
    for step in range(1, settings["steps"] + 1):
        state.step()
        if step % settings["eval_every"] == 0:
            with marks.call("evaluations"):
                play(settings["eval_episodes"])
        marks.step()
    (Path(settings["folder"]) / "policy").write_text(str(state.export_policy()), encoding="utf-8")
    if settings["final_episodes"]:
        with marks.call("final"):
            play(settings["final_episodes"])
    marks.write("rltools", "gymnasium", "mujoco")


if __name__ == "__main__":
    main()
