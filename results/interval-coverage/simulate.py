"""Simulate how often each 95 % interval holds the truth, at the numbers of runs that people have.

    python results/interval-coverage/simulate.py results/interval-coverage/coverage.csv

Scores of runs are drawn from three shapes: normal; skewed (gamma, shape 2); and one in which every fifth run
fails and scores near nothing, as locomotion runs do.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from swimrl.errors import UndeterminedError
from swimrl.stats import aggregate, interval

STUDIES = 1000
RUNS = (3, 5, 10, 20)
_RESAMPLES = 2_000  # of the percentile bootstrap, which is slow; its quantiles move by 0.01 spreads

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
    """Simulate and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path)
    with parser.parse_args().file.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["of", "interval", "scores", "runs", "studies", "coverage"])
        for shape, draw in SHAPES.items():
            for runs in RUNS:
                for row in coverages(draw, runs):
                    writer.writerow([*row[:2], shape, runs, STUDIES, row[2]])
                    file.flush()


def coverages(draw: Draw, runs: int) -> Iterator[tuple[str, str, str]]:
    """Yield what is estimated, by which interval, and the share of studies in which it held the truth."""
    generator = np.random.Generator(np.random.PCG64(runs))
    many = draw(generator, (1_000_000,))
    mean, iqm = many.mean(), aggregate.interquartile_mean({"": many})
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
