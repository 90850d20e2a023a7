"""Write an activation as a formula; its derivatives, kernels and LaTeX are made from it."""

import torch

import swimrl

STEPS = 30_000

swimrl.register("mine", "x*sigmoid(b*x) + c*tanh(x); b=trainable(1); c=0.1")

layer = swimrl.activation("mine")  # a torch.nn.Module
print(layer, layer(torch.linspace(-2, 2, 5)))

run = swimrl.train(
    env="Hopper-v4",
    act="mine",  # without a name of its own: act="expr: x*sigmoid(b*x); b=trainable(1)"
    steps=STEPS,
    eval_every=STEPS // 10,
    td3={"learning_starts": STEPS // 10},
    out="runs/examples",
    overwrite=True,
)
print(run.record.activations["actor"][0])
print("b in the actor's first layer:", run.diagnostics["parameter/b/actor.layer1"].values)
