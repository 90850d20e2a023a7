"""The ranking of arms over the tasks that all of them have."""

from __future__ import annotations

from swimrl.reporting.findings import ALPHA, Analysis, Undetermined, determined
from swimrl.stats import ranks


def ranking(analysis: Analysis) -> ranks.Ranking | Undetermined:
    """Return the average ranks of the arms that have a score on every task, or why there are none."""
    scores = {name: analysis.scores(name) for name in analysis.names}
    means = {
        name: [float(of[task].mean()) for task in analysis.tasks]
        for name, of in scores.items()
        if of.keys() == {*analysis.tasks}
    }
    return determined(lambda: ranks.ranking(means, alpha=ALPHA))
