"""A run of Stable-Baselines3's TD3 with its EvalCallback."""

from __future__ import annotations

import warnings
from typing import Any

from swimrl.bench.whole_run.marks import Marks, Settings, settings_from_command_line


def main() -> None:
    """Train, and report."""
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # Gymnasium's, of the v4 environments
    settings = settings_from_command_line()
    marks = Marks(settings)
    import torch
    from stable_baselines3 import TD3

    from swimrl.bench.whole_run.programs import stable_baselines

    torch.set_num_threads(settings["threads"])
    if settings["contender"] == "sb3-medium":
        torch.set_float32_matmul_precision("medium")
    on_the_processor = {**settings, "more": {"device": "cpu"}}
    stable_baselines.train(TD3, activation(settings), on_the_processor, marks)
    marks.write("stable-baselines3", "torch", "gymnasium", "mujoco")


def activation(settings: Settings) -> Any:
    """Return PyTorch's own class of the activation, or a function that makes an eager module."""
    from swimrl.bench.eager import OWN, eager_module

    if settings["act"] in OWN:
        return OWN[settings["act"]]
    from swimrl.activations.language.names import parse_name  # imports sympy, which SB3 does not need

    spec = parse_name(settings["act"])
    return lambda: eager_module(spec)[0]


if __name__ == "__main__":
    main()
