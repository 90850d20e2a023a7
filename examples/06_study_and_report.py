"""Train several seeds of several activations, and read what may be concluded."""

import swimrl

STEPS = 20_000
SEEDS = 3

# Given again, it does only what is left.
study = swimrl.sweep(
    env="Hopper-v4",
    act=["swim", "relu"],
    seeds=range(SEEDS),
    steps=STEPS,
    eval_every=STEPS // 10,
    td3={"learning_starts": STEPS // 10},
    out="runs/examples-study",
)
print(study.status().summary)

report = swimrl.report(study, baseline="relu", out="report")  # report/report.html is the page
print(report.verdict)
for row in report.tables["scores"].records():
    print(row)
report.figures["learning-curves"]().savefig("learning-curves.png")
