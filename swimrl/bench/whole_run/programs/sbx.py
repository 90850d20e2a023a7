"""A run of SBX's TD3 with Stable-Baselines3's EvalCallback; it runs in SBX's own environment."""

from __future__ import annotations

import warnings

from swimrl.bench.training.peers.sbx import activation, limit_threads
from swimrl.bench.whole_run.marks import Marks, settings_from_command_line


def main() -> None:
    """Train, and report."""
    warnings.filterwarnings("ignore")
    settings = settings_from_command_line()
    marks = Marks(settings)
    limit_threads(settings["threads"])
    from sbx import TD3

    from swimrl.bench.whole_run.programs import stable_baselines

    stable_baselines.train(TD3, activation(settings["act"]), settings, marks)
    marks.write("sbx-rl", "jax", "gymnasium", "mujoco")


if __name__ == "__main__":
    main()
