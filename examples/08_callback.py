"""Run a callback of Stable-Baselines3 along with the training."""

from stable_baselines3.common.callbacks import BaseCallback

import swimrl

STEPS = 30_000


class StopAtReturn(BaseCallback):
    """Stops the run when the mean return of the last training episodes is high enough."""

    def __init__(self, enough: float) -> None:
        super().__init__()
        self.enough = enough

    def _on_step(self) -> bool:
        episodes = self.model.ep_info_buffer or ()
        returns = [episode["r"] for episode in episodes]
        return not returns or sum(returns) / len(returns) < self.enough


run = swimrl.train(
    env="Hopper-v4",
    act="swim",
    steps=STEPS,
    eval_every=STEPS // 10,
    td3={"learning_starts": STEPS // 10},
    callback=StopAtReturn(500),
    out="runs/examples",
    overwrite=True,
)
print(run)
