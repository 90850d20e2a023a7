"""Simulate how often each 95 % interval holds the truth, and how often a corrected test finds what is not.

    python results/interval-coverage/simulate.py results/interval-coverage

writes coverage.csv and false-positives.csv. Scores of runs are drawn from three shapes: normal; skewed
(gamma, shape 2); and one in which every fifth run fails and scores near nothing, as locomotion runs do.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from swimrl.errors import UndeterminedError
from swimrl.stats import aggregate, comparison, interval

STUDIES = 1000
RUNS = (3, 5, 10, 20)
_RESAMPLES = 2_000  # enough for a coverage; an interval's ends move by 0.01 spreads
NULL_STUDIES = (
    # tasks, arms compared with the baseline, runs, correction
    (1, 1, 5, "holm"),
    (1, 2, 8, "holm"),
    (1, 5, 10, "holm"),
    (3, 2, 5, "holm"),
    (1, 5, 10, "benjamini-hochberg"),
)

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def failing(generator: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    """Draw scores around 1, every fifth around 0.1."""
    fails = generator.random(size) < 0.2
    return np.where(fails, 0.1 + 0.05 * generator.normal(size=size), 1 + 0.15 * generator.normal(size=size))


SHAPES: dict[str, Draw] = {
    "normal": lambda generator, size: generator.normal(size=size),
    "skewed": lambda generator, size: generator.gamma(2, size=size),
    "every fifth fails": failing,
}


def main() -> None:
    """Simulate and write both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    with (folder / "false-positives.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        columns = ("tasks", "comparisons", "runs", "correction", "scores", "studies", "false_positives")
        writer.writerow(columns)
        for study in NULL_STUDIES:
            for shape, draw in SHAPES.items():
                share = false_positives(draw, *study)
                writer.writerow([*study, shape, STUDIES, f"{share:.3f}"])
    with (folder / "coverage.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["of", "interval", "scores", "runs", "studies", "coverage"])
        for shape, draw in SHAPES.items():
            for runs in RUNS:
                for row in coverages(draw, runs):
                    writer.writerow([*row[:2], shape, runs, STUDIES, row[2]])


def false_positives(draw: Draw, tasks: int, arms: int, runs: int, correction: str) -> float:
    """Return the share of studies without any difference in which a corrected test finds one or more."""
    generator = np.random.Generator(np.random.PCG64(0))
    correct = comparison.holm if correction == "holm" else comparison.benjamini_hochberg
    found = 0
    for scores in draw(generator, (STUDIES, 1 + arms, tasks, runs)):
        baseline, *others = ({str(task): row for task, row in enumerate(arm)} for arm in scores)
        tests = [comparison.stratified_mann_whitney(other, baseline) for other in others]
        adjusted = correct({str(i): test.p_value for i, test in enumerate(tests)})
        found += min(adjusted.values()) <= 0.05
    return found / STUDIES


def coverages(draw: Draw, runs: int) -> Iterator[tuple[str, str, str]]:
    """Yield what is estimated, by which interval, and the share of studies in which it held the truth."""
    generator = np.random.Generator(np.random.PCG64(runs))
    many = draw(generator, (1_000_000,))
    mean, iqm = many.mean(), float(aggregate.interquartile_mean({"": many}))
    one, other = draw(generator, (STUDIES, runs)), draw(generator, (STUDIES, runs))

    def percentile(of: aggregate.Aggregate) -> Callable[[int], interval.Interval]:
        return lambda i: interval.percentile_bootstrap(of, {"": one[i]}, seed=i, resamples=_RESAMPLES)

    for what, truth, method, compute in (
        ("mean", mean, "student-t", lambda i: interval.mean_student(one[i])),
        ("mean", mean, "bootstrap-t", lambda i: interval.mean_bootstrap_t(one[i], seed=i)),
        ("mean", mean, "percentile bootstrap", percentile(aggregate.mean)),
        ("interquartile mean", iqm, "percentile bootstrap", percentile(aggregate.interquartile_mean)),
        ("difference", 0.0, "welch-t", lambda i: interval.difference_welch(one[i], other[i])),
        ("difference", 0.0, "permutation", lambda i: interval.difference_permutation(one[i], other[i])),
    ):
        try:
            held = [truth in compute(i) for i in range(STUDIES)]
        except UndeterminedError:
            yield what, method, "undetermined"
        else:
            yield what, method, f"{np.mean(held):.3f}"


if __name__ == "__main__":
    main()
