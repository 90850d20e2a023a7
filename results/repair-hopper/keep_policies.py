"""Keeps many policies of a run, so that one that falls on some starts can be chosen."""

import os
from pathlib import Path

from stable_baselines3.common.callbacks import BaseCallback


class KeepPolicies(BaseCallback):
    """Write policy weights to $KEEP/steps-N.safetensors every $KEEP_EVERY (5,000) steps from 30,000 on."""

    def _on_step(self) -> bool:
        if (
            self.num_timesteps % int(os.environ.get("KEEP_EVERY", "5000")) == 0
            and self.num_timesteps >= 30_000
        ):
            from swimrl.training.policy_function import save_policy

            folder = Path(os.environ["KEEP"])
            folder.mkdir(parents=True, exist_ok=True)
            save_policy(folder / f"steps-{self.num_timesteps}.safetensors", self.model.policy)
        return True
