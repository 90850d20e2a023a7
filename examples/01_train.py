"""Train an agent, read its scores, and let it act: two minutes."""

import swimrl

STEPS = 30_000

run = swimrl.train(
    env="Hopper-v4",
    act="swim",
    seed=0,
    steps=STEPS,
    eval_every=STEPS // 10,
    td3={
        "learning_starts": STEPS // 10
    },  # random steps before learning; the default, 25,000, suits a million steps
    out="runs/examples",
    overwrite=True,
)
print(run)
print("mean return at each evaluation:", run.evaluations.returns.mean(axis=1).round(1))
print("mean return of 100 fresh episodes:", run.scores["final100"])

env = run.make_environment()
observation, _ = env.reset(seed=0)
total, over = 0.0, False
while not over:
    observation, reward, terminated, truncated, _ = env.step(run.policy(observation))
    total += float(reward)
    over = terminated or truncated
print("return of one more episode:", round(total, 1))
