"""Use any torch.nn.Module as an activation, by the name of its module and its class."""

import swimrl

STEPS = 10_000

run = swimrl.train(
    env="Hopper-v4",
    act="my_activations:Bump",  # examples/my_activations.py
    steps=STEPS,
    eval_every=STEPS // 5,
    td3={"learning_starts": STEPS // 5},
    out="runs/examples",
    overwrite=True,
)
print(run)
# What is not a formula has no kernel, so Stable-Baselines3's update trains it, and run.json says so.
print("engine:", run.record.engine)
