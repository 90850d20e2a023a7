"""Read the runs of a study; run 06_study_and_report.py first."""

import numpy as np
import pandas as pd  # only for the table; swimrl does not need it

import swimrl

runs = swimrl.open_study("runs/examples-study").runs

for act in sorted({run.config.act for run in runs}):
    curves = np.array([run.evaluations.returns.mean(axis=1) for run in runs if run.config.act == act])
    print(act, "mean over", len(curves), "seeds at each evaluation:", curves.mean(axis=0).round(1))

table = pd.DataFrame(
    {"act": run.config.act, "seed": run.config.seed, "step": step, "return": value}
    for run in runs
    for step, returns in zip(run.evaluations.steps, run.evaluations.returns, strict=True)
    for value in returns
)
print(table.groupby(["act", "step"])["return"].describe())

name = "rank/effective/actor"
for run in runs:
    print(run.config.act, run.config.seed, name, run.diagnostics[name].values.round(1))
