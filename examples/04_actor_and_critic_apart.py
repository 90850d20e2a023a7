"""Give actor and critics, or each hidden layer, an activation of its own."""

import swimrl

STEPS = 30_000

CHOICES = {
    "one for all": {"act": "swim"},
    "actor and critics apart": {"act_actor": "tanh", "act_critic": "swish"},
    "each hidden layer its own": {"act": "relu,swim"},
}

for name, choice in CHOICES.items():
    run = swimrl.train(
        env="Hopper-v4",
        steps=STEPS,
        eval_every=STEPS // 10,
        td3={"learning_starts": STEPS // 10},
        out="runs/examples",
        overwrite=True,
        **choice,
    )
    print(f"{name}: {run.scores['final100']:.0f}")
    print(run.path)
