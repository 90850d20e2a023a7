"""Simulate studies with looks: false findings, power, seeds, and estimates after stopping.

    python results/sequential-designs/simulate.py results/sequential-designs
    python results/sequential-designs/simulate.py results/sequential-designs --only futility

writes false-positives.csv, power.csv, estimates.csv, equality.csv and futility.csv. Seeds are fixed. Every
study has looks at 5, 10, 20 and 40 seeds of each arm; an arm stops when its comparison is established.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from swimrl.reporting.sequential import chance_at_the_end, corrected_difference
from swimrl.stats import equivalence
from swimrl.stats.comparison import holm
from swimrl.stats.equivalence import parse_margin
from swimrl.stats.sequential import Design, Look, Statistics, mann_whitney
from swimrl.stats.spending import parse_spending

LOOKS = (5, 10, 20, 40)
ALPHA = 0.05
SPENDINGS = ("obrien-fleming", "pocock", "hsd(-4)")
EFFECTS = (0.05, 0.1, 0.2, 0.5)
FUTILITIES = (0.05, 0.1, 0.2)
# Standard deviation over seeds by the mean of TD3's authors' published curves, from their mean and interval.
SPREADS = {"Hopper": 0.10, "HalfCheetah": 0.13, "Walker2d": 0.18, "Ant": 0.33}
_NULL_STUDIES, _POWER_STUDIES = 4000, 1000
_DIVISIONS = 2000  # fewer than a report draws, for speed; the test is exact with any number
_SEEDS = 4  # sets of divisions that studies share, for speed

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def failing(generator: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    """Draw scores around 1, every fifth around 0.1."""
    fails = generator.random(size) < 0.2
    return np.where(fails, 0.1 + 0.05 * generator.normal(size=size), 1 + 0.15 * generator.normal(size=size))


SHAPES: dict[str, Draw] = {
    "normal": lambda generator, size: generator.normal(size=size),
    "skewed": lambda generator, size: generator.gamma(2, size=size),
    "every fifth fails": failing,
    "ties (whole numbers 0 to 4)": lambda generator, size: generator.integers(0, 5, size=size).astype(float),
    "outliers (Cauchy)": lambda generator, size: generator.standard_cauchy(size=size),
}


def main() -> None:
    """Simulate and write the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=TABLES, help="write one table alone")
    arguments = parser.parse_args()
    for name in [arguments.only] if arguments.only else TABLES:
        columns, rows = TABLES[name]
        _write(arguments.folder / f"{name}.csv", columns.split(), rows())


def false_positives() -> Iterable[Sequence[object]]:
    """Yield the share of studies without any difference in which a comparison is established."""
    for spending in SPENDINGS:
        design = Design(LOOKS, parse_spending(spending))
        for tasks, comparisons in ((1, 1), (1, 3), (2, 1)):
            for shape, draw in SHAPES.items():
                generator = np.random.Generator(np.random.PCG64([tasks, comparisons]))
                findings = 0
                for study in range(_NULL_STUDIES):
                    scores = draw(generator, (1 + comparisons, tasks, LOOKS[-1]))
                    p = {
                        str(arm): mann_whitney(
                            looks(scores[arm], scores[0]), seed=study % _SEEDS, divisions=_DIVISIONS
                        ).p_value(design)
                        for arm in range(1, 1 + comparisons)
                    }
                    findings += min(holm(p).values()) <= ALPHA
                share = findings / _NULL_STUDIES
                yield spending, tasks, comparisons, shape, _NULL_STUDIES, f"{share:.4f}"


def powers() -> Iterable[Sequence[object]]:
    """Yield how often a difference is established and how many seeds that takes, beside 40 seeds at once."""
    for task, spread in SPREADS.items():
        for effect in EFFECTS:
            generator = np.random.Generator(np.random.PCG64(0))
            x = 1 + effect + spread * generator.normal(size=(_POWER_STUDIES, 1, LOOKS[-1]))
            y = 1 + spread * generator.normal(size=(_POWER_STUDIES, 1, LOOKS[-1]))
            fixed = Design(LOOKS[-1:], parse_spending("pocock"))
            at_once = [
                mann_whitney([Look({"0": a[0]}, {"0": b[0]})], divisions=_DIVISIONS).crossing(fixed, ALPHA)
                for a, b in zip(x, y, strict=True)
            ]
            power_of_all = np.mean([crossing is not None for crossing in at_once])
            for spending in SPENDINGS:
                design = Design(LOOKS, parse_spending(spending))
                stops = [
                    mann_whitney(looks(a, b), seed=study % _SEEDS, divisions=_DIVISIONS).crossing(
                        design, ALPHA
                    )
                    for study, (a, b) in enumerate(zip(x, y, strict=True))
                ]
                seeds = [LOOKS[-1] if stop is None else LOOKS[stop] for stop in stops]
                power = np.mean([stop is not None for stop in stops])
                yield (
                    *(task, spread, effect, spending, _POWER_STUDIES),
                    *(f"{power:.3f}", f"{np.mean(seeds):.1f}", f"{power_of_all:.3f}"),
                )


def estimates() -> Iterable[Sequence[object]]:
    """Yield by how much a stopped study over-estimates a difference, before and after the correction."""
    spread = 0.18
    for effect in (0.1, 0.2, 0.3):
        for spending in ("obrien-fleming", "pocock"):
            design = Design(LOOKS, parse_spending(spending))
            generator = np.random.Generator(np.random.PCG64(1))
            naive, corrected, covered, early = [], [], 0, 0
            for study in range(_POWER_STUDIES):
                x = 1 + effect + spread * generator.normal(size=(1, LOOKS[-1]))
                y = 1 + spread * generator.normal(size=(1, LOOKS[-1]))
                at_looks = looks(x, y)
                tests = mann_whitney(at_looks, seed=study % _SEEDS, divisions=_DIVISIONS)
                stop = tests.crossing(design, ALPHA)
                taken = len(LOOKS) if stop is None else stop + 1
                a, b = x[0, : LOOKS[taken - 1]], y[0, : LOOKS[taken - 1]]
                tests = mann_whitney(at_looks[:taken], seed=study % _SEEDS, divisions=_DIVISIONS)
                got = corrected_difference(a, b, design, tests)[0]
                naive.append(a.mean() - b.mean())
                corrected.append(got.estimate)
                covered += effect in got
                early += taken < len(LOOKS)
            numbers = (early, covered)
            shares = [f"{number / _POWER_STUDIES:.3f}" for number in numbers]
            yield (
                *(spread, effect, spending, _POWER_STUDIES, shares[0], f"{np.mean(naive):.4f}"),
                *(f"{np.median(naive):.4f}", f"{np.median(corrected):.4f}", shares[1]),
            )


def equivalences() -> Iterable[Sequence[object]]:
    """Yield how often a study ends as equal within 10 %, and with how many seeds, by the true effect."""
    margin = parse_margin("10%")
    for task, spread in SPREADS.items():
        for effect in (0.0, 0.05, 0.1, 0.2):
            generator = np.random.Generator(np.random.PCG64(2))
            ends: dict[str, list[tuple[str, int]]] = {spending: [] for spending in SPENDINGS}
            for study in range(_POWER_STUDIES):
                # At an end of the margin, the arm's scores are the baseline's, times 1.1.
                x = (1 + effect) * (1 + spread * generator.normal(size=(1, LOOKS[-1])))
                y = 1 + spread * generator.normal(size=(1, LOOKS[-1]))
                at_looks = looks(x, y)
                arguments = {"seed": study % _SEEDS, "divisions": _DIVISIONS}
                differs = mann_whitney(at_looks, **arguments)
                equals = equivalence.ends(at_looks, margin, **arguments)
                for spending in SPENDINGS:
                    design = Design(LOOKS, parse_spending(spending))
                    first = {
                        "differs": differs.crossing(design, ALPHA),
                        "equal": equals.crossing(design, ALPHA),
                    }
                    stops = {way: look for way, look in first.items() if look is not None}
                    way = min(stops, key=stops.__getitem__, default="undecided")  # a difference comes first
                    ends[spending].append((way, LOOKS[stops.get(way, -1)]))
            for spending, of_studies in ends.items():
                shares = [
                    np.mean([way == wanted for way, _ in of_studies])
                    for wanted in ("equal", "differs", "undecided")
                ]
                seeds = np.mean([used for _, used in of_studies])
                yield (
                    *(task, spread, effect, spending, _POWER_STUDIES),
                    *(f"{share:.3f}" for share in shares),
                    f"{seeds:.1f}",
                )


def futilities() -> Iterable[Sequence[object]]:
    """Yield how often a study stops as futile, and what that costs in power and saves in seeds.

    Such a stop does not alter the test: a study that is established at a look before is established still.
    """
    for task, spread in SPREADS.items():
        for effect in (0.0, *EFFECTS):
            generator = np.random.Generator(np.random.PCG64(3))
            x = 1 + effect + spread * generator.normal(size=(_POWER_STUDIES, 1, LOOKS[-1]))
            y = 1 + spread * generator.normal(size=(_POWER_STUDIES, 1, LOOKS[-1]))
            tests = [
                mann_whitney(looks(a, b), seed=study % _SEEDS, divisions=_DIVISIONS)
                for study, (a, b) in enumerate(zip(x, y, strict=True))
            ]
            for spending in SPENDINGS:
                design = Design(LOOKS, parse_spending(spending))
                crossings = [test.crossing(design, ALPHA) for test in tests]
                chances = [
                    [
                        chance_at_the_end(Statistics(test.values[:, :taken]), None, design)
                        for taken in range(1, len(LOOKS))
                    ]
                    for test in tests
                ]
                for futility in FUTILITIES:
                    ends = [end(of, chance, futility) for of, chance in zip(crossings, chances, strict=True)]
                    without = [LOOKS[-1] if of is None else LOOKS[of] for of in crossings]
                    yield (
                        *(task, spread, effect, spending, _POWER_STUDIES, futility),
                        f"{np.mean([way == 'futile' for way, _ in ends]):.3f}",
                        f"{np.mean([way == 'established' for way, _ in ends]):.3f}",
                        f"{np.mean([of is not None for of in crossings]):.3f}",
                        f"{np.mean([LOOKS[look] for _, look in ends]):.1f}",
                        f"{np.mean(without):.1f}",
                    )


def end(crossing: int | None, chances: Sequence[float], futility: float) -> tuple[str, int]:
    """Return how a study ends, and at which look, from 0; a finding comes before a futile stop.

    Args:
        crossing: The first look at which the difference is established; None if there is none.
        chances: At each look but the last: the chance that the last look decides.
        futility: Below this chance the study stops.
    """
    last = len(LOOKS) - 1 if crossing is None else crossing
    stop = next((look for look, chance in enumerate(chances[:last]) if chance < futility), None)
    if stop is not None:
        return "futile", stop
    return ("undecided" if crossing is None else "established"), last


def looks(x: np.ndarray, y: np.ndarray) -> list[Look]:
    """Return the looks at the scores of two arms, each [tasks, seeds]."""
    starts = (0, *LOOKS[:-1])
    return [
        Look(
            {str(task): row[start:end] for task, row in enumerate(x)},
            {str(task): row[start:end] for task, row in enumerate(y)},
        )
        for start, end in zip(starts, LOOKS, strict=True)
    ]


def _write(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(row)
            file.flush()


_OF_STUDIES = "spread_of spread effect spending studies"
TABLES: dict[str, tuple[str, Callable[[], Iterable[Sequence[object]]]]] = {
    "false-positives": ("spending tasks comparisons scores studies false_positives", false_positives),
    "power": (f"{_OF_STUDIES} power mean_seeds power_of_40_seeds", powers),
    "estimates": (
        (
            "spread effect spending studies stopped_early naive_mean naive_median corrected_median "
            "corrected_coverage"
        ),
        estimates,
    ),
    "equality": (f"{_OF_STUDIES} equal differs undecided mean_seeds", equivalences),
    "futility": (
        f"{_OF_STUDIES} futility futile power power_without mean_seeds mean_seeds_without",
        futilities,
    ),
}
"""Each table: its columns, and the function that yields its rows."""

if __name__ == "__main__":
    main()
